"""Numbers on a common scale: mean, spread and median of the training rows, and their place in the graph."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.errors import ConfigError

SCALES = ("standard", "none")
SAMPLED = 2048  # rows of each block that medians of more than one block are taken of


def check_scale(scale: object, key: str, allowed: tuple[str, ...] = SCALES) -> None:
    if scale not in allowed:
        raise ConfigError(f"{key}.scale", "no such scaling", found=scale, allowed=allowed)


def mean_and_spread(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all axes but the last, NaN left out; a constant column has spread 1.

    Blocks are put together as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1982.

    Args:
        blocks: arrays (..., columns), one after the other.

    Returns:
        Two float64 arrays (columns,); NaN where a column has no value at all.
    """
    count = mean = squares = np.zeros(())
    for values in blocks:
        flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
        present = ~np.isnan(flat)
        more = present.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = np.where(more > 0, np.where(present, flat, 0).sum(axis=0) / more, mean)
            moved, total = centre - mean, count + more
            mean = mean + np.where(total > 0, moved * (more / total), 0)
            squares = squares + np.where(present, (flat - centre) ** 2, 0).sum(axis=0)
            squares = squares + np.where(total > 0, moved**2 * (count * more / total), 0)
        count = total
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, spread = np.where(count > 0, mean, np.nan), np.sqrt(squares / count)
    # Rounding leaves a constant column a spread of about 1e-16 of its mean, which would blow it up.
    return mean, np.where(spread > 1e-7 * np.abs(mean), spread, 1.0)


def standardise(tensor: Any, mean: np.ndarray, spread: np.ndarray) -> Any:
    """(x - mean) / spread along the last axis, float32 whatever the precision policy; NaN passes through."""
    return keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=(spread**2).tolist(), dtype="float32"
    )(tensor)


@dataclass(frozen=True)
class Numbers:
    """What the training rows say of columns of numbers: all arrays are (columns,).

    `gaps` holds the positions of the columns with a missing cell in a training row.
    """

    median: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    gaps: list[int]

    def prepare(self, tensor: Any) -> Any:
        """Standardised, missing cells as the training median; then a 0/1 column for each column with gaps.

        (rows, columns) -> (rows, columns + gaps), float32.
        """
        absent = keras.ops.isnan(tensor)
        filled = keras.ops.where(absent, self.median.astype(np.float32), tensor)
        scaled = standardise(filled, self.mean, self.spread)
        if not self.gaps:
            return scaled
        flags = keras.ops.cast(keras.ops.take(absent, self.gaps, axis=-1), "float32")
        return keras.ops.concatenate([scaled, flags], axis=-1)


def fit_numbers(blocks: Iterable[np.ndarray], names: list[str], *, scale: str, key: str) -> Numbers:
    """Median, mean and spread of the training rows.

    Args:
        blocks: arrays (rows, columns) one after the other, NaN = missing. Of several blocks the medians are
            those of a sample of their rows.
        names: of the columns, for the message.
        scale: "standard" or "none".
        key: the config key to name in the message.

    Raises:
        ConfigError: a column without a value in any training row.
    """
    gaps = np.zeros(len(names), dtype=bool)
    samples: list[np.ndarray] = []

    def seen() -> Iterator[np.ndarray]:
        for values in blocks:
            np.logical_or(gaps, np.isnan(values).any(axis=0), out=gaps)
            samples.append(values)
            if len(samples) > 1:
                samples[:] = [one[:: max(1, len(one) // SAMPLED)] for one in samples]
            yield values

    mean, spread = mean_and_spread(seen())
    if np.isnan(mean).any():
        raise ConfigError(
            key, "no training row has a value in this column", found=names[int(np.argmax(np.isnan(mean)))]
        )
    if scale == "none":
        mean, spread = np.zeros_like(mean), np.ones_like(spread)
    # A value that is so rare that the sample lacks it stands for itself badly; the mean stands in.
    sample = np.concatenate(samples)
    empty = np.isnan(sample).all(axis=0)
    median = np.nanmedian(np.where(empty, 0.0, sample), axis=0)
    return Numbers(np.where(empty, mean, median), mean, spread, np.flatnonzero(gaps).tolist())
