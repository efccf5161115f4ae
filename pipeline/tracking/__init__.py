"""Reads and writes MLflow's records. No other package imports MLflow."""

from pipeline.tracking import mlflow_settings  # before MLflow, which reads some settings when imported
from pipeline.tracking.failure import log_failure
from pipeline.tracking.git import source_tags
from pipeline.tracking.opening import Store, connect, connect_early, default_uri, open_store
from pipeline.tracking.reading import MlflowClient, MlflowRun, StoredRun, all_runs, chosen_run, find_run
from pipeline.tracking.undisturbed import undisturbed
from pipeline.tracking.writing import Run, open_run

__all__ = [
    "MlflowClient",
    "MlflowRun",
    "Run",
    "Store",
    "StoredRun",
    "all_runs",
    "chosen_run",
    "connect",
    "connect_early",
    "default_uri",
    "find_run",
    "log_failure",
    "mlflow_settings",
    "open_run",
    "open_store",
    "source_tags",
    "undisturbed",
]
