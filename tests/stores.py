"""MLflow stores that runs left below `mlruns/` of a folder: read, and moved to another folder."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service import utils


def client(where: Path) -> MlflowClient:
    """A client of the store in a working folder; `runs:/…` addresses lead to it too."""
    uri = f"sqlite:///{where}/mlruns/mlflow.db"
    mlflow.set_tracking_uri(uri)
    return MlflowClient(uri)


def all_runs(where: Path) -> list[Any]:
    """All runs in the order of their starts."""
    store = client(where)
    experiments = [one.experiment_id for one in store.search_experiments()]
    return list(store.search_runs(experiments, order_by=["attributes.start_time"]))


def history(where: Path, run: Any, name: str) -> list[float]:
    """A metric's values, epoch by epoch."""
    return [metric.value for metric in client(where).get_metric_history(run.info.run_id, name)]


def steps(where: Path, run: Any, name: str) -> list[int]:
    """The epochs at which a metric was logged."""
    return [metric.step for metric in client(where).get_metric_history(run.info.run_id, name)]


def artifact(where: Path, run: Any, path: str) -> Path:
    """A file or folder of a run's artifacts."""
    return Path(client(where).download_artifacts(run.info.run_id, path))


def copy(source: Path, target: Path) -> None:
    """Copy a working folder; the copy's database names the copy's own artifacts."""
    shutil.copytree(source, target)
    replace_paths(target / "mlruns" / "mlflow.db", str(source), str(target))
    utils._artifact_repos_cache.clear()  # by the runs' ids, which are those of the source


def replace_paths(database: Path, old: str, new: str) -> None:
    """Replace a path in every text of an SQLite database."""
    with closing(sqlite3.connect(database)) as opened, opened:
        tables = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for _, column, kind, *_ in opened.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.startswith(("VARCHAR", "TEXT")):
                    update = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                    opened.execute(f'{update} WHERE instr("{column}", ?)', (old, new, old))
