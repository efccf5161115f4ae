"""The labels of each target in each split, summarised as a table."""

import numpy as np
import pandas as pd

from pipeline.data.dataset import Dataset
from pipeline.labels import complete_rows, labelled_cells

QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "max": 1.0}


def summary(dataset: Dataset) -> pd.DataFrame:
    """A row for each target, column of the target, and split.

    Columns: target, column ("" for a category), split, rows, labelled; then `counts`: for a category a dict
    class name -> rows (for distributions, their sum), for binary and labels a dict of "0" and "1"; then min,
    q25, median, q75, max of numbers in original units. NaN or None where a column does not apply.
    """
    rows = []
    for name, target in dataset.targets.items():
        for split, part in dataset.splits.items():
            labels = part.labels[name]
            if target.kind == "category":
                rows.append(
                    {"target": name, "column": "", "split": split} | _count_classes(labels, target.names)
                )
                continue
            summarise = _quantiles if target.kind == "number" else _count_flags
            for position, column in enumerate(target.names):
                values = part.numbers.get(name, labels)[:, position]
                rows.append({"target": name, "column": column, "split": split} | summarise(values))
    order = ["target", "column", "split", "rows", "labelled", "counts", *QUANTILES]
    return pd.DataFrame(rows).reindex(columns=order)


def _count_classes(labels: np.ndarray, names: list[str]) -> dict[str, object]:
    present = labels[complete_rows(labels)]
    if labels.ndim == 1:
        counts = np.bincount(present, minlength=len(names)).tolist()
    else:
        counts = present.sum(axis=0).round(3).tolist()
    return {"rows": len(labels), "labelled": len(present), "counts": dict(zip(names, counts, strict=True))}


def _count_flags(values: np.ndarray) -> dict[str, object]:
    present = values[labelled_cells(values)]
    counts = {"0": int((present == 0).sum()), "1": int((present == 1).sum())}
    return {"rows": len(values), "labelled": len(present), "counts": counts}


def _quantiles(values: np.ndarray) -> dict[str, object]:
    present = values[labelled_cells(values)]
    quantiles = np.quantile(present, list(QUANTILES.values())) if len(present) else [np.nan] * len(QUANTILES)
    return {"rows": len(values), "labelled": len(present)} | dict(zip(QUANTILES, quantiles, strict=True))
