"""Values of a split that are read, and prepared, when they are asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np


class Fetched:
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
        self.shape, self.dtype = (len(rows), *one.shape[1:]), one.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> np.ndarray:
        rows = self.rows[index]
        return self.read(rows) if np.ndim(rows) else self.read(np.array([rows]))[0]
