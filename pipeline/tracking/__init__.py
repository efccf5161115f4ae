"""Reads and writes MLflow's records. No other package imports MLflow."""

from pipeline.tracking.reading import MlflowClient, MlflowRun, StoredRun, all_runs, find_run, open_store
from pipeline.tracking.writing import Run, Writer, connect, default_uri, log_failure, open_run, source_tags

__all__ = [
    "MlflowClient",
    "MlflowRun",
    "Run",
    "StoredRun",
    "Writer",
    "all_runs",
    "connect",
    "default_uri",
    "find_run",
    "log_failure",
    "open_run",
    "open_store",
    "source_tags",
]
