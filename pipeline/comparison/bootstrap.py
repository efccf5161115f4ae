"""Confidence intervals of means over rows, and of differences between models on the same rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
BATCH = 100  # resamples computed at a time, to limit memory


class Interval(NamedTuple):
    """An estimate and the ends of its confidence interval."""

    value: float
    low: float
    high: float

    @property
    def noise(self) -> bool:
        """Whether the interval contains 0, so that the sign is uncertain."""
        return not (self.low > 0 or self.high < 0)


def resampled_means(scores: NDArray, seed: int = 0) -> NDArray:
    """Means of (rows, runs) scores over rows drawn with replacement, (resamples, runs).

    Every run is averaged over the same draws, so differences between columns are paired (Efron and
    Tibshirani 1993, chapter 8). NaN, the score of a row without a label, is left out.
    """
    rng = np.random.default_rng(seed)
    labelled = ~np.isnan(scores)
    filled = np.where(labelled, scores, 0.0)
    rows = len(scores)
    means = []
    for first in range(0, RESAMPLES, BATCH):
        size = min(BATCH, RESAMPLES - first)
        counts = rng.multinomial(rows, np.full(rows, 1 / rows), size=size).astype(float)
        with np.errstate(invalid="ignore"):
            means.append((counts @ filled) / (counts @ labelled))
    return np.concatenate(means)


def interval(value: float, resamples: NDArray, confidence: float) -> Interval:
    """The percentile interval of an estimate from its resamples."""
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(resamples, [tail, 1 - tail])
    return Interval(float(value), float(low), float(high))


def means(scores: NDArray, confidence: float = 0.95, seed: int = 0) -> list[Interval]:
    """The mean of each column of (rows, runs) scores."""
    resamples = resampled_means(scores, seed)
    return [
        interval(float(np.nanmean(column)), drawn, confidence)
        for column, drawn in zip(scores.T, resamples.T, strict=True)
    ]


def differences(scores: NDArray, confidence: float = 0.95, seed: int = 0) -> list[Interval]:
    """The mean of each column minus that of the first column, on the same rows.

    The confidence is that of all intervals jointly (Bonferroni).

    Example: `differences(np.array([[0.2, 0.1], [0.4, 0.2]]))[1].value` is -0.15.
    """
    resamples = resampled_means(scores, seed)
    each = 1 - (1 - confidence) / max(1, scores.shape[1] - 1)
    return [
        interval(float(np.nanmean(column - scores[:, 0])), drawn - resamples[:, 0], each)
        for column, drawn in zip(scores.T, resamples.T, strict=True)
    ]
