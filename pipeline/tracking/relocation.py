"""Moved project folders: MLflow stores absolute paths of artifacts, but the files lie beside the database."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from pipeline.tracking.addresses import local_path

logger = logging.getLogger(__name__)

BESIDE = "pipeline.artifacts"  # tag of experiments whose artifacts lie beside the database
FOLDER = "artifacts"  # beside the database
# Tables and columns of MLflow that name places of artifacts.
PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
    ("model_versions", "source"),
)


def beside(database: Path) -> Path:
    """The folder of the artifacts of a database."""
    return database.parent / FOLDER


def relocate(database: Path) -> None:
    """Makes the database name the artifacts beside it, if the project folder was moved or copied."""
    new = beside(database)
    with closing(sqlite3.connect(database, timeout=30)) as opened, opened:
        for old in _former_places(opened, new):
            for table, column in PLACES:
                place = f'UPDATE "{table}" SET "{column}" = ? || substr("{column}", ?)'
                where = f'WHERE "{column}" = ? OR substr("{column}", 1, ?) = ?'
                values = (new.as_uri(), len(old) + 1, old, len(old) + 1, f"{old}/")
                opened.execute(f"{place} {where}", values)
            logger.warning(
                "this folder was %s; its database now names the artifacts in %s", local_path(old), new
            )


def _former_places(opened: sqlite3.Connection, new: Path) -> list[str]:
    """The places of experiments whose artifacts now lie beside the database."""
    tags = "SELECT experiment_id FROM experiment_tags WHERE key = ?"
    ours = {experiment for (experiment,) in opened.execute(tags, (BESIDE,))}
    places = opened.execute("SELECT experiment_id, artifact_location FROM experiments").fetchall()
    return sorted(
        {
            place
            for experiment, place in places
            if (old := local_path(place or "")) is not None
            and old.name == FOLDER
            and old != new
            and (experiment in ours or _has_files(opened, experiment, new))
        }
    )


def _has_files(opened: sqlite3.Connection, experiment: int, new: Path) -> bool:
    """Whether the files of a run of the experiment lie beside the database: version 0.1 set no tag."""
    runs = opened.execute("SELECT run_uuid FROM runs WHERE experiment_id = ?", (experiment,))
    return any((new / run).is_dir() for (run,) in runs)


def moved(place: str, database: Path | None) -> Path | None:
    """Where files are that the database says are at `place`; None if they are not on this machine.

    For folders that cannot be written, such as a mounted one, whose database keeps its old paths.

    Example:
        >>> moved("file:///old/mlruns/artifacts/3f2a/artifacts", Path("/new/mlruns/mlflow.db"))
        PosixPath('/new/mlruns/artifacts/3f2a/artifacts')
    """
    path = local_path(place)
    if path is None or database is None:
        return path
    parts = path.parts
    for depth in (i for i, part in enumerate(parts) if part == FOLDER):
        here = beside(database).joinpath(*parts[depth + 1 :])
        if depth + 1 < len(parts) and here.exists():
            return here
    return path
