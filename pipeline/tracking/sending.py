"""Sends what a run logged to its store; every entry can be sent again if it was sent in part."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import requests
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from pipeline.metric_names import place
from pipeline.tracking.addresses import database_of
from pipeline.tracking.models import send_model
from pipeline.tracking.outbox import LARGEST_BATCH, METRICS, Entry
from pipeline.tracking.relocation import moved

PARAMS_PER_BATCH = 100  # MLflow's limit
UPLOADS = 64  # at a time: a server may take a second for each


class Sender:
    """Sends the entries of one run.

    Args:
        place: of the run's artifacts, as the store names it.
    """

    def __init__(self, client: MlflowClient, uri: str, run_id: str, experiment_id: str, place: str) -> None:
        self.client, self.uri, self.run_id, self.experiment_id = client, uri, run_id, experiment_id
        self.place = place
        self.seen: set[str] = set()  # names of metrics that were sent

    def __call__(self, entries: list[Entry], folder: Path) -> None:
        """Sends entries, to a server all at the same time.

        Raises:
            Exception: one that will pass, if there is one, else the first; all entries have been tried then.
        """
        parts = list(self._parts(entries, folder))
        # A database in a file is written by one thread at a time.
        with ThreadPoolExecutor(1 if database_of(self.uri) else len(parts)) as pool:
            found = [done.exception() for done in [pool.submit(part) for part in parts]]
        errors = [error for error in found if isinstance(error, Exception)]
        if errors:
            raise next((error for error in errors if is_passing(error)), errors[0])

    def _parts(self, entries: list[Entry], folder: Path) -> Iterator[Callable[[], None]]:
        """What can be sent at the same time: all metrics, all params and tags, and each other entry."""
        kinds: dict[str, Callable[[Entry, Path], None]] = {
            "status": self._status,
            "untag": self._untag,
            "dataset": self._dataset,
            "files": self._files,
            "model": self._model,
            "end": self._end,
        }
        if found := [point for entry in entries if entry["kind"] == METRICS for point in entry[METRICS]]:
            yield partial(self._metrics, found)
        if named := [entry for entry in entries if entry["kind"] == "params"]:
            yield partial(self._params, _merged(named, "params"), _merged(named, "tags"))
        for entry in entries:
            if entry["kind"] in kinds:
                yield partial(kinds[entry["kind"]], entry, folder)

    def _metrics(self, points: list[list[Any]], model_id: str | None = None) -> None:
        metrics = [Metric(*point, model_id=model_id, run_id=self.run_id) for point in points]
        # Those of a model are shown by name, so that one request is enough.
        for batch in self._in_order(metrics) if model_id is None else [metrics]:
            for first in range(0, len(batch), LARGEST_BATCH):
                self.client.log_batch(self.run_id, metrics=batch[first : first + LARGEST_BATCH])
        self.seen |= {metric.key for metric in metrics}

    def _in_order(self, metrics: list[Metric]) -> Iterator[list[Metric]]:
        """Metrics that the run does not have yet come in several batches; MLflow lists them in this order."""
        new = sorted((one for one in metrics if one.key not in self.seen), key=lambda one: place(one.key))
        yield from (list(batch) for _, batch in groupby(new, key=lambda one: place(one.key)))
        if known := [one for one in metrics if one.key in self.seen]:
            yield known

    def _status(self, entry: Entry, folder: Path) -> None:
        self.client.update_run(self.run_id, status=entry["status"])

    def _params(self, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
        all_params = [Param(name, value) for name, value in params.items()]
        all_tags = [RunTag(name, value) for name, value in tags.items()]
        for first in range(0, max(len(params), len(tags)), PARAMS_PER_BATCH):
            part = slice(first, first + PARAMS_PER_BATCH)
            self.client.log_batch(self.run_id, params=all_params[part], tags=all_tags[part])

    def _untag(self, entry: Entry, folder: Path) -> None:
        if entry["tag"] in self.client.get_run(self.run_id).data.tags:
            self.client.delete_tag(self.run_id, entry["tag"])

    def _dataset(self, entry: Entry, folder: Path) -> None:
        # Entries of an earlier version have neither a source nor a profile.
        source, profile = (json.dumps(entry.get(word, {})) for word in ("source", "profile"))
        dataset = Dataset(entry["name"], entry["digest"], "local", source, profile=profile)
        context = [InputTag("mlflow.data.context", "training")]
        self.client.log_inputs(self.run_id, datasets=[DatasetInput(dataset, context)])

    def _files(self, entry: Entry, folder: Path) -> None:
        upload(folder / entry["path"], self.place, self.uri)

    def _model(self, entry: Entry, folder: Path) -> None:
        send_model(
            self.client,
            self.run_id,
            self.experiment_id,
            folder / entry["path"],
            params=entry["params"],
            register=entry["register"],
            link=lambda model_id: self._metrics(entry[METRICS], model_id),
            upload=lambda files, place: upload(files, place, self.uri),
        )

    def _end(self, entry: Entry, folder: Path) -> None:
        self.client.set_terminated(self.run_id, entry["status"], entry["time"])


def _merged(entries: Sequence[Entry], kind: str) -> dict[str, str]:
    """The params or tags of entries; of two with one name the last one counts."""
    return {name: value for entry in entries for name, value in entry[kind].items()}


def upload(folder: Path, place: str, uri: str) -> None:
    """Copies the contents of a folder to a place of artifacts, several files at a time to a server."""
    if not folder.exists():
        return  # sent before the process was killed
    database = database_of(uri)
    if database is not None and (here := moved(place, database)) is not None:
        get_artifact_repository(here.as_uri()).log_artifacts(str(folder))
        return
    repository = get_artifact_repository(place, tracking_uri=uri)
    files = [path for path in folder.rglob("*") if path.is_file()]

    def send(path: Path) -> None:
        inside = path.parent.relative_to(folder).as_posix()
        repository.log_artifact(str(path), None if inside == "." else inside)

    with ThreadPoolExecutor(UPLOADS) as pool:
        list(pool.map(send, files))


def is_passing(error: Exception) -> bool:
    """Whether an error of a store may pass: of the network, of a server or database, or of permissions."""
    if isinstance(error, MlflowException):
        return bool(error.error_code != "INVALID_PARAMETER_VALUE")
    return isinstance(error, OSError | requests.RequestException | SQLAlchemyError)


def points(metrics: Mapping[str, float], step: int, time: int) -> list[list[Any]]:
    """The finite metrics of a step, because MLflow would store infinity as a large number."""
    return [[name, float(value), time, step] for name, value in metrics.items() if value - value == 0]
