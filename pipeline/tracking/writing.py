"""Writes runs to MLflow: opens them, logs their epochs, and closes them with the right status."""

import json
import logging
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from mlflow.entities import Run as MlflowRun
from mlflow.entities import RunStatus
from mlflow.tracking.context.registry import resolve_tags
from mlflow.tracking.fluent import ActiveRun, _active_run_stack

from pipeline import signals
from pipeline.notices import announced
from pipeline.paths import waiting_folder, write_text
from pipeline.terminal import show
from pipeline.tracking.addresses import run_page, server_of, shown, without_password
from pipeline.tracking.existing import existing_run, logged_values, run_of_environment
from pipeline.tracking.failure import FAILURE, reason, traceback_of
from pipeline.tracking.models import Specs, save_model
from pipeline.tracking.opening import Store, failing_with, in_words
from pipeline.tracking.outbox import (
    FILES,
    METRICS,
    PATIENCE,
    PATIENCE_AFTER_SIGNAL,
    Outbox,
    sync_command,
)
from pipeline.tracking.sending import Sender, is_passing, points

if TYPE_CHECKING:
    import keras

    from pipeline.tracking.epochs import LogEpochs

logger = logging.getLogger(__name__)


class Run:
    """An open MLflow run. What it logs goes through its outbox; nothing here waits for the store."""

    def __init__(self, store: Store, run: MlflowRun, logged: Mapping[tuple[str, int], float]) -> None:
        self.client, self.uri, self.experiment_id = store.client, store.uri, run.info.experiment_id
        self.run_id, self.place = run.info.run_id, str(run.info.artifact_uri)
        self.logged = dict(logged)  # (metric, step) -> value, by earlier processes
        self.params = dict(run.data.params)
        self.is_logged: Callable[[str], bool] = lambda name: True
        self.results: list[list[Any]] = []  # the metrics at step 0, which MLflow also shows at the model
        self.unsent: str | None = None  # set when the run ends: what to do if its store could not be reached
        self.outbox = _outbox(store, run)

    def log_epochs(self) -> "LogEpochs":
        """A callback that logs every epoch."""
        # Imported here, because the parent of a sweep does not train and should not wait for Keras.
        from pipeline.tracking.epochs import LogEpochs

        return LogEpochs(self.log_metrics)

    def log_history(self, history: Mapping[str, list[float]]) -> None:
        """Logs the metrics that an earlier process measured but may not have logged."""
        for epoch in range(max(map(len, history.values()), default=0)):
            self.log_metrics({name: values[epoch] for name, values in history.items()}, epoch + 1)

    def log_metrics(self, metrics: Mapping[str, float], step: int) -> None:
        """Logs the finite metrics of a step."""
        wanted = {name: value for name, value in metrics.items() if self.is_logged(name)}
        found = points(wanted, step, int(time.time() * 1000))
        if step == 0:
            self.results += found
        new = [point for point in found if not self._is_logged(point[0], step, point[1])]
        if new:
            self.outbox.put({"kind": METRICS, METRICS: new})

    def _is_logged(self, name: str, step: int, value: float) -> bool:
        """Whether an earlier process logged it; values at step 0, which are not of an epoch, may change."""
        logged = self.logged.get((name, step))
        return logged is not None and (step > 0 or logged == value)

    def log_params(self, params: Mapping[str, Any], tags: Mapping[str, str]) -> None:
        """Logs new params and tags."""
        # MLflow refuses another value; a resumed run may have other epochs, and parts that have moved since.
        new = {name: str(value) for name, value in params.items() if name not in self.params}
        self.params |= new
        self.outbox.put(
            {"kind": "params", "params": new, "tags": {name: str(value) for name, value in tags.items()}}
        )

    def describe(self, text: str) -> None:
        """Sets the description that MLflow shows above a run; Markdown."""
        self.log_params({}, {"mlflow.note.content": text})

    def log_folder(self, folder: Path) -> None:
        """Logs the contents of a folder as artifacts."""
        copy = self.outbox.new_folder()
        shutil.copytree(folder, copy, dirs_exist_ok=True)
        self.outbox.put({"kind": "files", "path": f"{FILES}/{copy.name}"})

    def log_dataset(
        self,
        name: str,
        digest: str,
        source: Mapping[str, Any] | None = None,
        profile: Mapping[str, Any] | None = None,
    ) -> None:
        """Shows the data in the run's Dataset column; the first 8 characters of the digest are enough.

        Args:
            source: where it comes from.
            profile: facts about it.
        """
        facts = {"source": dict(source or {}), "profile": dict(profile or {})}
        self.outbox.put({"kind": "dataset", "name": name, "digest": digest[:8], **facts})

    def log_model(
        self,
        model: "keras.Model",
        specs: Specs,
        example: Mapping[str, Any],
        register: str | None,
        forms: Mapping[str, Mapping[str, Any]] | None = None,
        classes: Mapping[str, Mapping[str, list[str]]] | None = None,
        thresholds: Mapping[str, list[float]] | None = None,
    ) -> None:
        """Logs a Keras model as the run's `model`; see `pipeline.tracking.models`.

        Args:
            classes: "all" -> head -> the names of its probabilities; "one" -> those of the heads of which
                exactly one class is true.
            thresholds: head of yes and no -> the probability above which each column is yes.
        """
        folder = self.outbox.new_folder()
        save_model(
            folder / "model", self.run_id, model, specs, example, forms or {}, classes or {}, thresholds or {}
        )
        entry = {"kind": "model", "path": f"{FILES}/{folder.name}", "register": register}
        self.outbox.put(entry | {"params": self.params, METRICS: self.results})

    def log_failure(self, error: BaseException) -> None:
        """Logs why the run failed."""
        self.outbox.append({"kind": "params", "params": {}, "tags": {FAILURE: reason(error)}})
        folder = self.outbox.new_folder()
        (folder / "traceback.txt").write_text(traceback_of(error), encoding="utf-8")
        self.outbox.append({"kind": "files", "path": f"{FILES}/{folder.name}"})

    def end(self, status: str) -> None:
        """Closes the run once its store has everything, or after a minute without it, 10 s after a signal.

        Raises:
            Exception: what the store refused for good.
        """
        if signals.received():
            status = RunStatus.to_string(RunStatus.KILLED)
        patience = PATIENCE_AFTER_SIGNAL if status == RunStatus.to_string(RunStatus.KILLED) else PATIENCE
        try:
            # Before the wait, because a second signal ends the process at once.
            self._append_end(status)
            with announced("sending to the store what waits for it"):
                self.outbox.drain(patience)
            if self.outbox.error and status == RunStatus.to_string(RunStatus.FINISHED):
                self._append_end(RunStatus.to_string(RunStatus.FAILED))
                self.outbox.drain(patience)
        finally:
            if self.outbox.position < self.outbox.size:
                self.unsent = self._safe()
                show(str(self.unsent), sys.stderr)
            self.outbox.close()
        if self.outbox.error and status != RunStatus.to_string(RunStatus.KILLED):
            raise self.outbox.error

    def _append_end(self, status: str) -> None:
        self.outbox.append({"kind": "end", "status": status, "time": int(time.time() * 1000)})

    def _safe(self) -> str:
        why = f" ({in_words(self.outbox.failing)})" if self.outbox.failing else ""
        return (
            f"your training is safe, but {shown(self.uri)} does not have all of it{why}\n"
            f"it waits in {self.outbox.folder}; send it: {sync_command(self.run_id)}"
        )

    def url(self) -> str | None:
        """The address of the run's page; None if the store is not a server."""
        server = server_of(self.uri)
        return server and run_page(self.experiment_id, self.run_id, server)

    def artifact_url(self, artifact: str) -> str:
        """The address of MLflow's page on an artifact, within MLflow's pages."""
        return f"{run_page(self.experiment_id, self.run_id)}/artifacts/{artifact}"

    def local_path(self, artifact: str) -> Path | None:
        """The file of an artifact, below the working folder as a relative path; None if a server holds it."""
        uri = urlsplit(self.place)
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
    is_logged: Callable[[str], bool] | None = None,
    run_id: str | None = None,
) -> Iterator[Run]:
    """Opens a run; closes it as FINISHED, as FAILED with the traceback, or as KILLED after a signal.

    Args:
        store: the result of `connect`.
        params: name -> scalar.
        is_logged: whether the metrics of a name are logged; None: all are.
        run_id: an existing run, which keeps its name and its params; None: that of MLFLOW_RUN_ID if it is
            open and empty, or else a new run.

    Raises:
        ConfigError: the run does not exist, was deleted, or is that of MLFLOW_RUN_ID and not empty.
    """
    # A signal is let through only where its exception closes the run.
    with signals.held():
        with failing_with("tracking.uri", store.uri):
            run_id = run_id or run_of_environment(store)
            found = existing_run(store, run_id) if run_id else None
            logged = logged_values(store.client, found) if found else {}
            if found is None:
                names = {"mlflow.runName": run_name}
                found = store.client.create_run(store.experiment_id, tags=resolve_tags({**tags, **names}))
        run = Run(store, found, logged)
        run.is_logged = is_logged or run.is_logged
        status = RunStatus.FINISHED
        try:
            with signals.let_through(), _active(run, found, system_metrics=system_metrics):
                if run_id:
                    run.outbox.put({"kind": "status", "status": RunStatus.to_string(RunStatus.RUNNING)})
                run.log_params(params, tags if run_id else {})
                yield run
            if FAILURE in found.data.tags:
                run.outbox.append({"kind": "untag", "tag": FAILURE})
        except Exception as error:
            status = RunStatus.FAILED
            if not signals.received():
                run.log_failure(error)
            raise
        except BaseException:
            status = RunStatus.KILLED
            raise
        finally:
            run.end(RunStatus.to_string(status))


@contextmanager
def _active(run: Run, found: MlflowRun, *, system_metrics: bool) -> Iterator[None]:
    """Makes a run the active one of MLflow, and logs the use of the machine if wanted."""
    # For callbacks of people that log to the active run; `mlflow.start_run` would ask the server three times.
    _active_run_stack.get().append(ActiveRun(found))
    monitor = None
    if system_metrics:
        from pipeline.tracking.machine_use import Monitor

        monitor = Monitor(run.run_id, run.log_metrics)
        monitor.start()
    try:
        yield
    finally:
        if monitor:
            monitor.finish()
        _active_run_stack.get().pop()


def _outbox(store: Store, run: MlflowRun) -> Outbox:
    info = run.info
    folder = waiting_folder(info.run_id)
    facts = {"run": info.run_id, "experiment": info.experiment_id, "place": info.artifact_uri}
    write_text(folder / "run.json", json.dumps(facts | {"uri": without_password(store.uri)}))
    sender = Sender(store.client, store.uri, info.run_id, info.experiment_id, info.artifact_uri)
    return Outbox(folder, sender, is_passing, shown(store.uri), in_words)
