"""Runs that are there already and are written again: by a resumed training, or by `mlflow run`."""

import os
from concurrent.futures import ThreadPoolExecutor

from mlflow.entities import LifecycleStage
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.paths import waiting_folder
from pipeline.tracking.addresses import shown
from pipeline.tracking.opening import Store
from pipeline.tracking.outbox import send_all, waits
from pipeline.tracking.sending import Sender

OURS = "pipeline.version"  # a tag of every run of this program
READERS = 8  # requests at a time: a server may take a second for each


def run_of_environment(store: Store) -> str | None:
    """The run of MLFLOW_RUN_ID, as `mlflow run` sets it.

    Raises:
        ConfigError: the run has ended, or another program has logged to it.
    """
    run_id = os.environ.get("MLFLOW_RUN_ID")
    if not run_id:
        return None
    run = existing_run(store, run_id, key="MLFLOW_RUN_ID")
    from_project = "mlflow.project.entryPoint" in run.data.tags
    empty = not (run.data.metrics or OURS in run.data.tags or (run.data.params and not from_project))
    if run.info.status not in ("RUNNING", "SCHEDULED") or not empty:
        raise ConfigError(
            "MLFLOW_RUN_ID",
            f"this run is {run.info.status}{'' if empty else ' and not empty'}; training would overwrite it",
            found=run_id,
            allowed="an open run without params and metrics; or unset the variable",
        )
    return run_id


def existing_run(store: Store, run_id: str, key: str = "resume") -> MlflowRun:
    """A run of the store; what an earlier process of it has left is sent first."""
    try:
        found = store.client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise ConfigError(
            key,
            f"there is no such run in {shown(store.uri)}",
            found=run_id,
            allowed="a run of this store; set tracking.uri or MLFLOW_TRACKING_URI for another one",
        ) from error
    if found.info.lifecycle_stage != LifecycleStage.ACTIVE:
        cure = f"another run; or restore it: mlflow runs restore --run-id {run_id}"
        raise ConfigError(key, "this run was deleted", found=run_id, allowed=cure)
    folder = waiting_folder(run_id)
    if waits(folder):
        info = found.info
        send_all(folder, Sender(store.client, store.uri, run_id, info.experiment_id, info.artifact_uri))
        found = store.client.get_run(run_id)
    return found


def logged_values(client: MlflowClient, run: MlflowRun) -> dict[tuple[str, int], float]:
    """(metric, step) -> value, of everything that a run has logged."""
    names = list(run.data.metrics)
    with ThreadPoolExecutor(READERS) as pool:
        histories = pool.map(lambda name: client.get_metric_history(run.info.run_id, name), names)
        return {
            (name, metric.step): metric.value
            for name, history in zip(names, histories, strict=True)
            for metric in history
        }
