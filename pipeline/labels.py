"""Which encoded labels are missing.

Labels of one split are class codes (rows,), -1 where missing, or floats (rows, columns), NaN where missing:
numbers, 0 and 1 for no and yes, or class distributions.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def labelled_cells(labels: Array) -> NDArray[np.bool_]:
    """Whether each label is there, in the shape of the labels."""
    return np.asarray(labels >= 0 if labels.dtype.kind in "iu" else ~np.isnan(labels))


def labelled_rows(labels: Array) -> NDArray[np.bool_]:
    """Rows with at least one label, (rows,)."""
    cells = labelled_cells(labels)
    return cells if cells.ndim == 1 else np.asarray(cells.any(axis=1))


def complete_rows(labels: Array) -> NDArray[np.bool_]:
    """Rows without a missing label, (rows,)."""
    cells = labelled_cells(labels)
    return cells if cells.ndim == 1 else np.asarray(cells.all(axis=1))


def class_codes(labels: Array) -> NDArray[np.int64]:
    """Class codes (rows,), -1 where missing; of a distribution, the code of its likeliest class."""
    if labels.ndim == 1:
        return labels.astype(int)
    return np.where(complete_rows(labels), np.nan_to_num(labels).argmax(axis=1), -1)
