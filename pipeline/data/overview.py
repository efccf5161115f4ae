"""What the targets look like in each split, as a table."""

import numpy as np
import pandas as pd

from pipeline.data.dataset import Dataset
from pipeline.labels import complete_rows

QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1.0}


def summary(dataset: Dataset) -> pd.DataFrame:
    """A row per target, column of it, and split.

    Columns: target, column ("" for a category), split, rows, labelled; then `counts`, for a category a dict
    class name -> rows (of distributions, their sum), for binary and labels of "0" and "1"; then min, q25,
    median, q75, max of numbers in their own unit. NaN or None where a column does not apply.
    """
    rows = []
    for name, target in dataset.targets.items():
        for split, found in dataset.splits.items():
            labels = found.labels[name]
            if target.kind == "category":
                rows.append(_category(labels, target.names) | {"target": name, "column": "", "split": split})
                continue
            for position, column in enumerate(target.names):
                values = target.decode(labels)[:, position]
                one = _numbers(values) if target.kind == "number" else _flags(values)
                rows.append(one | {"target": name, "column": column, "split": split})
    order = ["target", "column", "split", "rows", "labelled", "counts", *QUANTILES]
    return pd.DataFrame(rows).reindex(columns=order)


def _category(labels: np.ndarray, names: list[str]) -> dict[str, object]:
    present = labels[complete_rows(labels)]
    if labels.ndim == 1:
        amounts = np.bincount(present, minlength=len(names)).tolist()
    else:
        amounts = present.sum(axis=0).round(3).tolist()
    return {"rows": len(labels), "labelled": len(present), "counts": dict(zip(names, amounts, strict=True))}


def _flags(values: np.ndarray) -> dict[str, object]:
    present = values[~np.isnan(values)]
    counts = {"0": int((present == 0).sum()), "1": int((present == 1).sum())}
    return {"rows": len(values), "labelled": len(present), "counts": counts}


def _numbers(values: np.ndarray) -> dict[str, object]:
    present = values[~np.isnan(values)]
    quantiles = np.quantile(present, list(QUANTILES.values())) if len(present) else [np.nan] * len(QUANTILES)
    return {"rows": len(values), "labelled": len(present)} | dict(zip(QUANTILES, quantiles, strict=True))
