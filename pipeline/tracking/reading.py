"""Runs that were recorded, found by what people type: an id, its beginning, a name, or `latest`."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Metric, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.tracking.addresses import run_page, server_of
from pipeline.tracking.pager import PAGE_SIZE, all_pages
from pipeline.tracking.writing import LARGEST_BATCH, default_uri

OURS = "pipeline.version"  # a tag that every run of ours has
SWEEP = "sweep.command"  # a tag that the run of a sweep itself has
SHORTEST = 4  # characters of an id that may stand for it
SHOWN = 12  # runs that a message lists


@dataclass(frozen=True)
class StoredRun:
    """A run as it stands in MLflow."""

    client: MlflowClient
    uri: str
    run_id: str
    name: str
    status: str
    experiment_id: str
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]

    def artifact(self, path: str) -> Path:
        """A file or folder of the run's artifacts, on this machine.

        Raises:
            ConfigError: the run has none of this name.
        """
        try:
            return Path(mlflow.artifacts.download_artifacts(run_id=self.run_id, artifact_path=path))
        except (MlflowException, OSError) as error:
            raise self._lacks(path) from error

    def has(self, path: str) -> bool:
        """Whether the run has an artifact of this name."""
        folder = path.rpartition("/")[0]
        return path in {entry.path for entry in self.client.list_artifacts(self.run_id, folder or None)}

    def model(self) -> Path:
        """The .keras file of the logged model.

        Raises:
            ConfigError: the run has no model.
        """
        try:
            folder = mlflow.artifacts.download_artifacts(artifact_uri=f"runs:/{self.run_id}/model")
        except (MlflowException, OSError) as error:
            raise self._lacks("model") from error
        found = sorted(Path(folder).glob("artifacts/*.keras"))
        if not found:
            raise self._lacks("model")
        return found[0]

    def log(self, metrics: Mapping[str, float], folder: Path, path: str) -> None:
        """Add finite metrics, and a folder's contents as artifacts below `path`; its status stays."""
        now = mlflow.utils.time.get_current_time_millis()
        batch = [Metric(name, value, now, 0) for name, value in metrics.items() if value - value == 0]
        for first in range(0, len(batch), LARGEST_BATCH):
            self.client.log_batch(self.run_id, metrics=batch[first : first + LARGEST_BATCH])
        self.client.log_artifacts(self.run_id, str(folder), path)

    def url(self, server: str | None = None) -> str | None:
        """The run's page, where the store is a server, or under the address of a UI that shows it."""
        server = server or server_of(self.uri)
        return server and run_page(self.experiment_id, self.run_id, server)

    def _lacks(self, path: str) -> ConfigError:
        reason = self.tags.get("pipeline.failure")
        why = f"{self.status}{f': {reason}' if reason else ''}"
        return ConfigError(
            "run",
            f"this run has no {path}",
            found=f"{self.run_id} ({self.name}), {why}",
            allowed="a run that FINISHED with tracking.log_model=true",
        )


def find_run(wanted: str, uri: str | None = None) -> StoredRun:
    """The run that an id, the beginning of one, a name, or `latest` stands for.

    Args:
        wanted: as typed.
        uri: MLflow's store; None for the default.

    Raises:
        ConfigError: there is no such run, several, it is deleted, or it is not one of ours.
    """
    uri = open_store(uri)
    client = MlflowClient(uri)
    if wanted == "latest":
        return _latest(client, uri)
    runs = all_runs(client, ViewType.ALL)
    found = [run for run in runs if run.info.run_id == wanted] or [
        run
        for run in runs
        if run.info.run_name == wanted or (len(wanted) >= SHORTEST and run.info.run_id.startswith(wanted))
    ]
    alive = [run for run in found if run.info.lifecycle_stage == "active"]
    if len(alive) > 1:
        words = ", ".join(_words(run) for run in alive[:SHOWN])
        raise ConfigError("run", f"{len(alive)} runs are called so", found=wanted, allowed=f"an id: {words}")
    if not found:
        raise _unknown(wanted, uri, runs)
    return recorded(client, uri, _ours(alive or found))


def client_of(uri: str | None = None) -> MlflowClient:
    """A client of a store that is there already; None for the default."""
    return MlflowClient(open_store(uri))


def latest_of(uri: str, *, sweep: bool) -> StoredRun | None:
    """The newest run of ours that is a sweep's own, or that is none; None without any."""
    client = MlflowClient(uri)
    for run in all_runs(client):
        if OURS in run.data.tags and (SWEEP in run.data.tags) == sweep:
            return recorded(client, uri, run)
    return None


def open_store(uri: str | None) -> str:
    """The address of an MLflow store that is there already.

    Raises:
        ConfigError: it is a database file that does not exist: nothing was recorded in this folder.
    """
    uri = uri or default_uri(Path.cwd())
    file = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not file.is_file():
        raise ConfigError(
            "tracking.uri",
            "nothing was recorded here: there is no database",
            found=file,
            allowed="the folder in which the run was started; or tracking.uri=…, or MLFLOW_TRACKING_URI",
        )
    mlflow.set_tracking_uri(uri)
    return uri


def all_runs(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY, condition: str = "") -> list[Any]:
    """All runs of the store, the newest first."""
    experiments = all_pages(lambda token: client.search_experiments(ViewType.ALL, page_token=token))
    return search_runs(client, [one.experiment_id for one in experiments], condition, view)


def search_runs(
    client: MlflowClient, experiment_ids: list[str], condition: str = "", view: int = ViewType.ACTIVE_ONLY
) -> list[Any]:
    """The runs of some experiments that meet a condition of MLflow's search, newest first."""
    order = ["attributes.start_time DESC"]
    return all_pages(
        lambda token: client.search_runs(experiment_ids, condition, view, PAGE_SIZE, order, page_token=token)
    )


def recorded(client: MlflowClient, uri: str, run: Any) -> StoredRun:
    """What MLflow knows of a run, in our words."""
    return StoredRun(
        client,
        uri,
        run.info.run_id,
        run.info.run_name,
        run.info.status,
        run.info.experiment_id,
        dict(run.data.metrics),
        dict(run.data.params),
        dict(run.data.tags),
    )


def _ours(runs: list[Any]) -> Any:
    run = runs[0]
    if run.info.lifecycle_stage != "active":
        raise ConfigError(
            "run",
            "this run was deleted",
            found=_words(run),
            allowed=f"another run; or restore it: mlflow runs restore --run-id {run.info.run_id}",
        )
    if OURS not in run.data.tags:
        raise ConfigError(
            "run",
            "this run is of another project: pipeline.train did not make it",
            found=_words(run),
            allowed=f"a run with the tag {OURS}",
        )
    return run


def _latest(client: MlflowClient, uri: str) -> StoredRun:
    for run in all_runs(client):
        if (
            run.info.status == "FINISHED"
            and OURS in run.data.tags
            and run.outputs
            and run.outputs.model_outputs
        ):
            return recorded(client, uri, run)
    raise ConfigError(
        "run", "no run with a model has finished yet", found="latest", allowed="an id or a name"
    )


def _unknown(wanted: str, uri: str, runs: list[Any]) -> ConfigError:
    ours = [run for run in runs if run.info.lifecycle_stage == "active" and OURS in run.data.tags]
    by_word = {word: run for run in reversed(ours) for word in (run.info.run_id, run.info.run_name)}
    near = difflib.get_close_matches(wanted, by_word, n=3, cutoff=0.5)
    shown = [by_word[word] for word in near] or ours[:SHOWN]
    word = "nearest" if near else "the latest"
    listed = "; ".join(dict.fromkeys(_words(run) for run in shown)) or "none yet"
    return ConfigError(
        "run",
        f"there is no such run in {uri}",
        found=wanted,
        allowed=f"an id, a name, or latest; {word}: {listed}",
    )


def _words(run: Any) -> str:
    return f"{run.info.run_id} ({run.info.run_name})"
