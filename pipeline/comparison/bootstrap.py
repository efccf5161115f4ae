"""Intervals of means over rows, and of differences between two models on the same rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
BLOCK = 100  # resamples at a time, so that many rows fit into memory


class Interval(NamedTuple):
    """An estimate and the ends of its interval."""

    value: float
    low: float
    high: float

    @property
    def noise(self) -> bool:
        """Whether 0 is inside: the sign is not certain."""
        return not (self.low > 0 or self.high < 0)


def resampled_means(scores: NDArray, seed: int = 0) -> NDArray:
    """Means of (rows, runs) scores over rows drawn with replacement: (resamples, runs).

    All runs are resampled alike, so that differences between columns are paired (Efron and Tibshirani 1993,
    chapter 8). A NaN, the score of a row without a label, takes no part.
    """
    rng = np.random.default_rng(seed)
    there = ~np.isnan(scores)
    filled = np.where(there, scores, 0.0)
    rows = len(scores)
    found = []
    for first in range(0, RESAMPLES, BLOCK):
        size = min(BLOCK, RESAMPLES - first)
        counts = rng.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(float)
        with np.errstate(invalid="ignore"):
            found.append((counts @ filled) / (counts @ there))
    return np.concatenate(found)


def interval(value: float, resamples: NDArray, certainty: float) -> Interval:
    """The percentile interval of an estimate from its resamples."""
    tail = (1 - certainty) / 2
    low, high = np.nanquantile(resamples, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


def means(scores: NDArray, certainty: float = 0.95, seed: int = 0) -> list[Interval]:
    """The mean of every column of (rows, runs) scores."""
    resamples = resampled_means(scores, seed)
    return [
        interval(float(np.nanmean(column)), drawn, certainty)
        for column, drawn in zip(scores.T, resamples.T, strict=True)
    ]


def differences(scores: NDArray, certainty: float = 0.95, seed: int = 0) -> list[Interval]:
    """Every column's mean less the first column's, on the same rows.

    With several columns the certainty is that of all intervals together (Bonferroni).

    Example: `differences(np.array([[0.2, 0.1], [0.4, 0.2]]))[1].value` is -0.15.
    """
    resamples = resampled_means(scores, seed)
    each = 1 - (1 - certainty) / max(1, scores.shape[1] - 1)
    return [
        interval(float(np.nanmean(column - scores[:, 0])), drawn - resamples[:, 0], each)
        for column, drawn in zip(scores.T, resamples.T, strict=True)
    ]
