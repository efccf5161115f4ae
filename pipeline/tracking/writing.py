"""Writes runs to MLflow: opens them, logs their epochs, and closes them with the right status."""

import queue
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import mlflow
import numpy as np
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.sources import LocalArtifactDatasetSource
from mlflow.entities import Metric, RunData, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline import signals
from pipeline.tracking.addresses import run_page, server_of
from pipeline.tracking.models import Specs, log_model
from pipeline.tracking.opening import Store

if TYPE_CHECKING:
    import keras

    from pipeline.tracking.epochs import LogEpochs

SECONDS_PER_BATCH = 1.0  # metrics of fast epochs are sent together
LARGEST_BATCH = 1000  # metrics; MLflow's limit per request


class Writer:
    """Sends metrics to MLflow in a thread, about once a second, so that training does not wait for it.

    The next call of `put` or `close` raises the errors of the thread.
    """

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        # Written in C: if a signal interrupts `put`, no lock stays locked.
        self.waiting: queue.SimpleQueue[list[Metric] | None] = queue.SimpleQueue()
        self.error: Exception | None = None
        self.logged: dict[tuple[str, int], float] = {}  # (metric, step) -> value, by earlier processes
        self.thread = threading.Thread(target=self._send, name="mlflow-writer", daemon=True)
        self.thread.start()

    def put(self, metrics: Mapping[str, float], step: int) -> None:
        """Queues the finite metrics of a step, because MLflow would store infinity as a large number."""
        if self.error:
            raise self.error
        now = int(time.time() * 1000)
        self.waiting.put(
            [
                Metric(name, value, now, step)
                for name, value in metrics.items()
                if np.isfinite(value) and not self._is_logged(name, step, value)
            ]
        )

    def _is_logged(self, name: str, step: int, value: float) -> bool:
        """Whether an earlier process logged it; values at step 0, which are not of an epoch, may change."""
        logged = self.logged.get((name, step))
        return logged is not None and (step > 0 or logged == value)

    def close(self) -> None:
        """Sends the queued metrics and ends the thread."""
        self.waiting.put(None)
        self.thread.join()
        if self.error:
            raise self.error

    def _send(self) -> None:
        done = False
        while not done:
            batch = [self.waiting.get()]
            until = time.monotonic() + SECONDS_PER_BATCH
            while batch[-1] is not None and (left := until - time.monotonic()) > 0:
                try:
                    batch.append(self.waiting.get(timeout=left))
                except queue.Empty:
                    break
            done = batch[-1] is None
            self._send_batch([metric for metrics in batch if metrics for metric in metrics])

    def _send_batch(self, metrics: list[Metric]) -> None:
        try:
            for first in range(0, len(metrics), LARGEST_BATCH):
                self.client.log_batch(self.run_id, metrics=metrics[first : first + LARGEST_BATCH])
        except Exception as error:
            self.error = error


class Run:
    """An open MLflow run."""

    def __init__(self, run_id: str, experiment_id: str, uri: str) -> None:
        self.run_id, self.experiment_id, self.uri = run_id, experiment_id, uri
        self.client = MlflowClient(uri)
        self.writer = Writer(self.client, run_id)

    def log_epochs(self) -> "LogEpochs":
        """A callback that logs every epoch."""
        # Imported here, because the parent of a sweep does not train and should not wait for Keras.
        from pipeline.tracking.epochs import LogEpochs

        return LogEpochs(self.writer.put)

    def log_history(self, history: Mapping[str, list[float]]) -> None:
        """Logs the metrics that an earlier process measured but may not have logged."""
        for epoch in range(max(map(len, history.values()), default=0)):
            self.writer.put({name: values[epoch] for name, values in history.items()}, epoch + 1)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Logs the metrics of a step."""
        self.writer.put(metrics, step)

    def log_folder(self, folder: Path) -> None:
        """Logs the contents of a folder as artifacts."""
        self.client.log_artifacts(self.run_id, str(folder))

    def log_dataset(self, name: str, fingerprint: str) -> None:
        """Shows the data in the run's Dataset column; its digest is the split's fingerprint."""
        dataset = MetaDataset(LocalArtifactDatasetSource(name), name=name, digest=fingerprint[:8])
        try:
            mlflow.log_input(dataset, context="training")
        except MlflowException:
            # Two runs logged the same new data at the same time: MLflow looks it up and then inserts it.
            mlflow.log_input(dataset, context="training")

    def log_model(
        self,
        model: "keras.Model",
        specs: Specs,
        example: Mapping[str, Any],
        register: str | None,
        forms: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Logs a Keras model as the run's `model`; see `pipeline.tracking.models`."""
        log_model(self.client, model, specs, example, register, forms or {})

    def url(self) -> str | None:
        """The address of the run's page; None if the store is not a server."""
        server = server_of(self.uri)
        return server and run_page(self.experiment_id, self.run_id, server)

    def local_path(self, artifact: str) -> Path | None:
        """The file of an artifact, below the working folder as a relative path; None if a server holds it."""
        uri = urlsplit(str(self.client.get_run(self.run_id).info.artifact_uri))
        if uri.scheme not in ("", "file"):
            return None
        path, here = Path(unquote(uri.path)) / artifact, Path.cwd()
        return path.relative_to(here) if path.is_relative_to(here) else path


@contextmanager
def open_run(
    store: Store,
    *,
    run_name: str,
    params: Mapping[str, Any],
    tags: Mapping[str, str],
    system_metrics: bool = False,
    run_id: str | None = None,
) -> Iterator[Run]:
    """Opens a run; closes it as FINISHED, as FAILED with the traceback, or as KILLED after a signal.

    Args:
        store: the result of `connect`.
        params: name -> scalar.
        run_id: an existing run, which keeps its name and its params; None: a new run.
    """
    _, uri, experiment_id = store
    # A signal is let through only where its exception closes the run.
    with signals.held():
        active = mlflow.start_run(
            run_id=run_id,
            experiment_id=experiment_id,
            run_name=None if run_id else run_name,
            tags=dict(tags),
            log_system_metrics=system_metrics,
        )
        run = Run(active.info.run_id, experiment_id, uri)
        status = RunStatus.FINISHED
        try:
            with signals.let_through():
                _prepare(run, active.data, params)
                yield run
        except Exception as error:
            status = RunStatus.FAILED
            if not signals.received():
                log_failure(run.client, run.run_id, error)
            raise
        except BaseException:
            status = RunStatus.KILLED
            raise
        finally:
            try:
                run.writer.close()
            except Exception:
                status = RunStatus.FAILED
                raise
            finally:
                mlflow.end_run(RunStatus.to_string(RunStatus.KILLED if signals.received() else status))


def _prepare(run: Run, data: RunData, params: Mapping[str, Any]) -> None:
    """Logs the params, and finds out which metrics an earlier process logged."""
    run.writer.logged = {
        (name, metric.step): metric.value
        for name in data.metrics
        for metric in run.client.get_metric_history(run.run_id, name)
    }
    # MLflow refuses another value; a resumed run may have other epochs, and parts that have moved since.
    mlflow.log_params({name: str(value) for name, value in params.items() if name not in data.params})


def log_failure(client: MlflowClient, run_id: str, error: BaseException) -> None:
    """Logs why a run failed: one line as a tag, and the artifact traceback.txt."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    client.set_tag(run_id, "pipeline.failure", reason[:500])
    client.log_text(run_id, "".join(traceback.format_exception(error)), "traceback.txt")
