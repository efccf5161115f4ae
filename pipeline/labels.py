"""Tells which encoded labels are missing.

The labels of a split are class codes (rows,), -1 where missing, or floats (rows, columns), NaN where missing:
numbers, 0 and 1 for no and yes, or class distributions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def labelled_cells(labels: Array) -> NDArray[np.bool_]:
    """Return whether each label is present, in the shape of the labels."""
    return np.asarray(labels >= 0 if labels.dtype.kind in "iu" else ~np.isnan(labels))


def labelled_rows(labels: Array) -> NDArray[np.bool_]:
    """Return which rows have at least one label, (rows,)."""
    cells = labelled_cells(labels)
    return cells if cells.ndim == 1 else np.asarray(cells.any(axis=1))


def complete_rows(labels: Array) -> NDArray[np.bool_]:
    """Return which rows have no missing label, (rows,)."""
    cells = labelled_cells(labels)
    return cells if cells.ndim == 1 else np.asarray(cells.all(axis=1))


def class_codes(labels: Array) -> NDArray[np.int64]:
    """Return class codes (rows,), -1 where missing; for distributions the most probable class."""
    if labels.ndim == 1:
        return labels.astype(int)
    return np.where(complete_rows(labels), np.nan_to_num(labels).argmax(axis=1), -1)
