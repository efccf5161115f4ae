"""The predictions that a run logged for the rows of a split."""

import pandas as pd

from pipeline.comparison.scores import heads_of
from pipeline.stored_file import reading
from pipeline.tracking import StoredRun

CALIBRATION = "predictions/calibration.parquet"


def logged_rows(run: StoredRun, split: str) -> pd.DataFrame:
    """Return the logged predictions of a split of the data; "val" has those that were set aside too."""
    parts = [f"predictions/{split}.parquet"]
    if split == "val" and run.has(CALIBRATION):
        parts.append(CALIBRATION)
    return pd.concat([_rows(run, part) for part in parts], ignore_index=True)


def compared_rows(run: StoredRun, path: str) -> pd.DataFrame:
    """Return logged predictions with the loss of each row.

    Raises:
        ConfigError: the file is damaged, or has no labels, predictions or losses.
    """
    frame = _rows(run, path)
    with reading(run, path):
        heads = heads_of(frame)
        if not heads:
            raise ValueError("it has no labels")
        for head in heads:
            _ = frame[f"{head}_predicted"], frame[f"{head}_loss"].to_numpy(float)
    return frame


def _rows(run: StoredRun, path: str) -> pd.DataFrame:
    with reading(run, path) as file:
        frame = pd.read_parquet(file)
        if frame["row"].duplicated().any():
            raise ValueError("a row is there twice")
        return frame
