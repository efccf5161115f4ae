"""Numbers on a common scale: mean, spread and median of the training rows, and their place in the graph."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.errors import ConfigError

SCALES = ("standard", "none")


def check_scale(scale: object, key: str, allowed: tuple[str, ...] = SCALES) -> None:
    if scale not in allowed:
        raise ConfigError(f"{key}.scale", "no such scaling", found=scale, allowed=allowed)


def mean_and_spread(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all axes but the last, NaN left out; a constant column has spread 1.

    Args:
        values: (..., columns).

    Returns:
        Two float64 arrays (columns,); NaN where a column has no value at all.
    """
    flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
    present = ~np.isnan(flat)
    count = present.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(present, flat, 0).sum(axis=0) / count
        spread = np.sqrt(np.where(present, (flat - mean) ** 2, 0).sum(axis=0) / count)
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


def fit_numbers(values: np.ndarray, names: list[str], *, scale: str, key: str) -> Numbers:
    """Median, mean and spread of the training rows.

    Args:
        values: (training rows, columns), NaN = missing.
        names: of the columns, for the message.
        scale: "standard" or "none".
        key: the config key to name in the message.

    Raises:
        ConfigError: a column without a value in any training row.
    """
    empty = np.isnan(values).all(axis=0)
    if empty.any():
        raise ConfigError(
            key, "no training row has a value in this column", found=names[int(np.argmax(empty))]
        )
    mean, spread = mean_and_spread(values)
    if scale == "none":
        mean, spread = np.zeros_like(mean), np.ones_like(spread)
    gaps = np.flatnonzero(np.isnan(values).any(axis=0)).tolist()
    return Numbers(np.nanmedian(values, axis=0), mean, spread, gaps)
