"""The rows of one input in one split, read and prepared when they are requested."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.data.files.stored import Index, row_bytes, spans

READ_BYTES = 8 * 2**20


class LazyRows:
    """One input of a split, indexed like an array (rows, ...): by a slice, row positions, or one position.

    Args:
        read: reads the values of some row numbers of the joined sources.
        rows: the row numbers of the split.
        row_groups: (rows,) the row group of each row, if a row group can only be read as a whole.
    """

    def __init__(
        self, read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, row_groups: np.ndarray | None = None
    ) -> None:
        self.read, self.rows, self.row_groups = read, rows, row_groups
        first = read(rows[:1])
        self.shape, self.dtype, self.ndim = (len(rows), *first.shape[1:]), first.dtype, first.ndim

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        values = self[:]
        return values if dtype is None else values.astype(dtype)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Index) -> np.ndarray:
        rows = np.asarray(self.rows[index])
        if not rows.ndim:
            row: np.ndarray = self.read(rows[None])[0]
            return row
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        # A few rows at a time, because reading and preparing them makes several copies.
        for span in spans(len(rows), row_bytes(self), READ_BYTES):
            result[span] = self.read(rows[span])
        return result

    def take(self, positions: np.ndarray) -> "LazyRows":
        """Some of the rows, still unread."""
        groups = None if self.row_groups is None else self.row_groups[positions]
        return LazyRows(self.read, self.rows[positions], groups)


def taken(values: np.ndarray, rows: np.ndarray) -> LazyRows:
    """Some rows of an array in memory, which are copied when they are requested."""
    return LazyRows(lambda chosen: np.asarray(values[chosen]), rows)
