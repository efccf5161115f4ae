"""Values of a split that are read, and prepared, when they are asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.data.files.stored import row_bytes, spans

READ_BYTES = 8 * 2**20


class LazyRows:
    """One input of a split, indexed like an array (rows, ...): by a slice, row positions, or one of them.

    Args:
        read: row numbers of the joined sources -> their values.
        rows: the split's row numbers.
        pieces: (rows,) which piece of the sources each row lies in, if they can only be read in pieces.
    """

    def __init__(
        self, read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, pieces: np.ndarray | None = None
    ) -> None:
        self.read, self.rows, self.pieces = read, rows, pieces
        one = read(rows[:1])
        self.shape, self.dtype, self.ndim = (len(rows), *one.shape[1:]), one.dtype, one.ndim

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        rows = self.rows[index]
        if not np.ndim(rows):
            return self.read(np.array([rows]))[0]
        result = np.empty((len(rows), *self.shape[1:]), self.dtype)
        # A few rows at a time: on their way from the file to the model they are copied several times.
        for span in spans(len(rows), row_bytes(self), READ_BYTES):
            result[span] = self.read(rows[span])
        return result
