"""Finds stored runs by what people type: an id, the beginning of an id, a name, or `latest`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow.entities import Metric, ViewType
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.notices import notice
from pipeline.tracking.addresses import database_of, run_page, server_of, shown
from pipeline.tracking.existing import OURS
from pipeline.tracking.opening import open_store
from pipeline.tracking.outbox import LARGEST_BATCH
from pipeline.tracking.pager import PAGE_SIZE, all_pages
from pipeline.tracking.relocation import moved

__all__ = [
    "MlflowClient",
    "MlflowRun",
    "StoredRun",
    "all_runs",
    "chosen_run",
    "client_of",
    "find_run",
    "latest_run",
    "open_store",
    "search_runs",
]

PARENT = "mlflow.parentRunId"  # a tag of the run of a trial
SWEEP = "sweep.command"  # a tag of the run of a sweep itself
SHORTEST = 4  # characters of an abbreviated id
SHOWN = 12  # runs in a message


@dataclass(frozen=True)
class StoredRun:
    """A run as stored in MLflow."""

    client: MlflowClient
    uri: str
    run_id: str
    name: str
    status: str
    experiment_id: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]
    place: str = ""  # of the artifacts, as the store names it

    @classmethod
    def of(cls, client: MlflowClient, uri: str, run: MlflowRun) -> "StoredRun":
        """The run that MLflow returned from the store `uri`."""
        return cls(
            client,
            uri,
            run.info.run_id,
            run.info.run_name,
            run.info.status,
            run.info.experiment_id,
            dict(run.data.metrics),
            dict(run.data.params),
            dict(run.data.tags),
            run.info.artifact_uri or "",
        )

    def artifact(self, path: str) -> Path:
        """The local path of an artifact, downloaded if necessary.

        Raises:
            ConfigError: the run has no such artifact.
        """
        folder = self._folder()
        if folder is not None:
            if not (folder / path).exists():
                raise self._missing(path)
            return folder / path
        try:
            return Path(mlflow.artifacts.download_artifacts(run_id=self.run_id, artifact_path=path))
        except (MlflowException, OSError, ValueError, TypeError) as error:  # the address may be none at all
            raise self._missing(path) from error

    def has(self, path: str) -> bool:
        """Whether the run has this artifact."""
        if (here := self._folder()) is not None:
            return (here / path).exists()
        folder = path.rpartition("/")[0]
        return path in {entry.path for entry in self.client.list_artifacts(self.run_id, folder or None)}

    def model(self) -> Path:
        """The local path of the logged model's .keras file.

        Raises:
            ConfigError: the run has no model.
        """
        try:
            folder = self._model_folder() or mlflow.artifacts.download_artifacts(
                artifact_uri=f"runs:/{self.run_id}/model"
            )
        except (MlflowException, OSError) as error:
            raise self._missing("model") from error
        files = sorted(Path(folder).glob("artifacts/*.keras"))
        if not files:
            raise self._missing("model")
        return files[0]

    def log(self, metrics: Mapping[str, float], folder: Path, path: str) -> None:
        """Logs finite metrics, and the contents of a folder as artifacts below `path`; keeps the status."""
        now = mlflow.utils.time.get_current_time_millis()
        batch = [Metric(name, value, now, 0) for name, value in metrics.items() if value - value == 0]
        for first in range(0, len(batch), LARGEST_BATCH):
            self.client.log_batch(self.run_id, metrics=batch[first : first + LARGEST_BATCH])
        self.client.log_artifacts(self.run_id, str(folder), path)

    def url(self, server: str | None = None) -> str | None:
        """The address of the run's page on `server`, by default the store itself; None without a server."""
        server = server or server_of(self.uri)
        return server and run_page(self.experiment_id, self.run_id, server)

    def _folder(self) -> Path | None:
        """The folder of the artifacts if it is on this machine, wherever the project folder was before."""
        return moved(self.place, database_of(self.uri)) if database_of(self.uri) else None

    def _model_folder(self) -> Path | None:
        """The folder of the logged model if it is on this machine."""
        if database_of(self.uri) is None:
            return None
        outputs = self.client.get_run(self.run_id).outputs
        if not (outputs and outputs.model_outputs):
            return None
        model = self.client.get_logged_model(outputs.model_outputs[-1].model_id)
        return moved(model.artifact_location, database_of(self.uri))

    def _missing(self, path: str) -> ConfigError:
        reason = self.tags.get("pipeline.failure")
        why = f"{self.status}{f': {reason}' if reason else ''}"
        return ConfigError(
            "run",
            f"this run has no {path}",
            found=f"{self.run_id} ({self.name}), {why}",
            allowed="a run that FINISHED with tracking.log_model=true",
        )


def find_run(name: str, uri: str | None = None) -> StoredRun:
    """Finds a run by its id, the beginning of its id (4 characters or more), its name, or `latest`.

    Args:
        name: as typed.
        uri: address of the MLflow store; None: the default.

    Raises:
        ConfigError: there is no such run or several, it is deleted, or another program made it.
    """
    uri = open_store(uri)
    client = MlflowClient(uri)
    if name == "latest":
        return _latest(client, uri)
    runs = all_runs(client, ViewType.ALL)
    matches = [run for run in runs if run.info.run_id == name] or [
        run
        for run in runs
        if run.info.run_name == name or (len(name) >= SHORTEST and run.info.run_id.startswith(name))
    ]
    active = [run for run in matches if run.info.lifecycle_stage == "active"]
    if len(active) > 1:
        ids = ", ".join(map(_id_and_name, active[:SHOWN]))
        problem = f"{len(active)} runs have this name, or an id that begins so"
        raise ConfigError("run", problem, found=name, allowed=f"an id: {ids}")
    if not matches:
        raise _unknown(name, uri, runs)
    run = (active or matches)[0]
    _check_ours(run)
    return StoredRun.of(client, uri, run)


def chosen_run(name: str, uri: str | None = None) -> StoredRun:
    """Finds a run as `find_run` does, and tells which it is, unless its whole id was typed.

    It tells the id and the name, and the sweep if it is a trial of one.
    """
    run = find_run(name, uri)
    if name == run.run_id:
        return run
    parent = run.tags.get(PARENT)
    sweep = run.client.get_run(parent).info if parent else None
    running = "running " if sweep and sweep.status == "RUNNING" else ""
    part = f", a trial of the {running}sweep {sweep.run_name}" if sweep else ""
    notice(f"run {run.run_id} ({run.name}){part}")
    return run


def client_of(uri: str | None = None) -> MlflowClient:
    """A client of an existing store; None: the default store."""
    return MlflowClient(open_store(uri))


def latest_run(uri: str, *, sweep: bool) -> StoredRun | None:
    """The newest run of this program that is a sweep itself, or that is a training; None if there is none."""
    client = MlflowClient(uri)
    for run in all_runs(client):
        if OURS in run.data.tags and (SWEEP in run.data.tags) == sweep:
            return StoredRun.of(client, uri, run)
    return None


def experiment_names(uri: str) -> dict[str, str]:
    """Id -> name of the experiments that are not deleted, but for MLflow's own, which is empty."""
    client = MlflowClient(uri)
    found = all_pages(lambda token: client.search_experiments(page_token=token))
    return {one.experiment_id: one.name for one in found if one.name != "Default"}


def all_runs(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY, condition: str = "") -> list[MlflowRun]:
    """All runs of the store that meet a condition of MLflow's search; the newest come first."""
    experiments = all_pages(lambda token: client.search_experiments(ViewType.ALL, page_token=token))
    ids = [experiment.experiment_id for experiment in experiments]
    return search_runs(client, ids, condition, view)


def search_runs(
    client: MlflowClient, experiment_ids: list[str], condition: str = "", view: int = ViewType.ACTIVE_ONLY
) -> list[MlflowRun]:
    """The runs of some experiments that meet a condition of MLflow's search; the newest come first."""
    order = ["attributes.start_time DESC"]
    return all_pages(
        lambda token: client.search_runs(experiment_ids, condition, view, PAGE_SIZE, order, page_token=token)
    )


def _check_ours(run: MlflowRun) -> None:
    if run.info.lifecycle_stage != "active":
        raise ConfigError(
            "run",
            "this run was deleted",
            found=_id_and_name(run),
            allowed=f"another run; or restore it: mlflow runs restore --run-id {run.info.run_id}",
        )
    if OURS not in run.data.tags:
        raise ConfigError(
            "run",
            "pipeline.train did not make this run",
            found=_id_and_name(run),
            allowed=f"a run with the tag {OURS}",
        )


def _latest(client: MlflowClient, uri: str) -> StoredRun:
    for run in all_runs(client):
        if (
            run.info.status == "FINISHED"
            and OURS in run.data.tags
            and run.outputs
            and run.outputs.model_outputs
        ):
            return StoredRun.of(client, uri, run)
    raise ConfigError("run", "no run with a model has finished", found="latest", allowed="an id or a name")


def _unknown(name: str, uri: str, runs: list[MlflowRun]) -> ConfigError:
    ours = [run for run in runs if run.info.lifecycle_stage == "active" and OURS in run.data.tags]
    by_name = {key: run for run in reversed(ours) for key in (run.info.run_id, run.info.run_name)}
    similar = difflib.get_close_matches(name, by_name, n=3, cutoff=0.5)
    nearest = [by_name[key] for key in similar] or ours[:SHOWN]
    listed = "; ".join(dict.fromkeys(map(_id_and_name, nearest))) or "none yet"
    return ConfigError(
        "run",
        f"there is no such run in {shown(uri)}",
        found=name,
        allowed=f"an id, a name, or latest; {'nearest' if similar else 'the latest'}: {listed}",
    )


def _id_and_name(run: MlflowRun) -> str:
    return f"{run.info.run_id} ({run.info.run_name})"
