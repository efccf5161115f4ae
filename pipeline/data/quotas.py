"""How many rows of each stratum train, validate and test, so that many small strata match the fractions."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Quota(Protocol):
    """Decides at which rows a stratum is cut; it is asked for one stratum after the other."""

    def bounds(self, stratum: int, rows: int) -> tuple[float, float]:
        """The number of rows that train, and that of those that train or validate."""

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        """Says how many rows of the stratum train, validate and test, as groups are not divided."""


class Carried:
    """Carries rounding errors over to the next stratum.

    Args:
        fractions: the shares of train, val and test.

    At least one row of each stratum trains.
    """

    def __init__(self, fractions: Sequence[float]) -> None:
        self.shares = np.cumsum(fractions)[:2]
        self.remainder = np.zeros(2)

    def bounds(self, stratum: int, rows: int) -> tuple[float, float]:
        wanted = self.shares * rows
        bounds = np.clip(np.round(wanted + self.remainder), min(rows, 1), rows)
        bounds = np.maximum.accumulate(bounds)
        self.remainder = np.clip(self.remainder + wanted - bounds, -1, 1)
        return bounds[0], bounds[1]

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        pass


class Balanced:
    """Gives rows that do not divide evenly to the splits in which the stratum's classes have the fewest rows.

    So each class of each column has its share in each split, even if most strata, which are combinations of
    classes, have a single row. This is iterative stratification (Sechidis et al. 2011), by whole strata.

    Args:
        fractions: the shares of train, val and test.
        classes: (strata, columns) the class of each stratum in each column.
    """

    def __init__(self, fractions: Sequence[float], classes: np.ndarray) -> None:
        self.fractions = list(fractions)
        # All strata have the last class, so that the splits as a whole match the fractions too.
        self.classes = [[*enumerate(row), (-1, 0)] for row in classes.tolist()]
        self.lacking = {one: [0.0, 0.0, 0.0] for row in self.classes for one in row}

    def bounds(self, stratum: int, rows: int) -> tuple[float, float]:
        counts = [int(share * rows) for share in self.fractions]
        needs = [
            share * rows - count + sum(self.lacking[one][split] for one in self.classes[stratum])
            for split, (share, count) in enumerate(zip(self.fractions, counts, strict=True))
        ]
        for _ in range(rows - sum(counts)):
            split = needs.index(max(needs))
            counts[split] += 1
            needs[split] -= len(self.classes[stratum])
        return counts[0], counts[0] + counts[1]

    def given(self, stratum: int, counts: Sequence[int]) -> None:
        rows = sum(counts)
        for one in self.classes[stratum]:
            for split, share in enumerate(self.fractions):
                self.lacking[one][split] += share * rows - counts[split]
