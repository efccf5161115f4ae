"""The predictions that a run logged for the rows of a split."""

import pandas as pd

from pipeline.tracking import StoredRun

CALIBRATION = "predictions/calibration.parquet"


def logged_rows(run: StoredRun, split: str) -> pd.DataFrame:
    """Return the logged predictions of a split of the data; "val" has those that were set aside too."""
    parts = [run.artifact(f"predictions/{split}.parquet")]
    if split == "val" and run.has(CALIBRATION):
        parts.append(run.artifact(CALIBRATION))
    return pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
