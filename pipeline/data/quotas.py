"""How many rows of each stratum are in each part of a split, so that many small strata match the fractions.

The parts are train, val and test, or the folds of a cross-validation.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import Protocol

import numpy as np


class Quota(Protocol):
    """Decides at which rows a stratum is cut; it is asked for one stratum after the other."""

    def bounds(self, stratum: int, rows: int) -> Sequence[float]:
        """The numbers of rows before the second part, before the third one, and so on."""

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        """Says how many rows of the stratum each part has, as groups are not divided."""


class Carried:
    """Carries rounding errors over to the next stratum.

    Args:
        fractions: the shares of the parts, such as train, val and test.

    At least one row of each stratum is in the first part.
    """

    def __init__(self, fractions: Sequence[float]) -> None:
        self.shares = np.cumsum(fractions)[:-1]
        self.remainder = np.zeros(len(self.shares))

    def bounds(self, stratum: int, rows: int) -> Sequence[float]:
        wanted = self.shares * rows
        bounds = np.clip(np.round(wanted + self.remainder), min(rows, 1), rows)
        bounds = np.maximum.accumulate(bounds)
        self.remainder = np.clip(self.remainder + wanted - bounds, -1, 1)
        return [float(bound) for bound in bounds]

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        pass


class Balanced:
    """Gives rows that do not divide evenly to the parts in which the stratum's classes have the fewest rows.

    So each class of each column has its share in each part, even if most strata, which are combinations of
    classes, have a single row. This is iterative stratification (Sechidis et al. 2011), by whole strata.

    Args:
        fractions: the shares of the parts, such as train, val and test.
        classes: (strata, columns) the class of each stratum in each column.
    """

    def __init__(self, fractions: Sequence[float], classes: np.ndarray) -> None:
        self.fractions = list(fractions)
        # All strata have the last class, so that the parts as a whole match the fractions too.
        self.classes = [[*enumerate(row), (-1, 0)] for row in classes.tolist()]
        self.lacking = {one: [0.0] * len(self.fractions) for row in self.classes for one in row}

    def bounds(self, stratum: int, rows: int) -> Sequence[float]:
        counts = [int(share * rows) for share in self.fractions]
        needs = [
            share * rows - count + sum(self.lacking[one][part] for one in self.classes[stratum])
            for part, (share, count) in enumerate(zip(self.fractions, counts, strict=True))
        ]
        for _ in range(rows - sum(counts)):
            part = needs.index(max(needs))
            counts[part] += 1
            needs[part] -= len(self.classes[stratum])
        return list(accumulate(counts))[:-1]

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        rows = sum(counts)
        for one in self.classes[stratum]:
            for part, share in enumerate(self.fractions):
                self.lacking[one][part] += share * rows - counts[part]
