"""Numbers on a common scale: mean, standard deviation and median of the training rows, as Keras layers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data_options import SCALES
from pipeline.errors import ConfigError

SAMPLE = 2048  # rows of each block that medians are computed from, if there are several blocks


def check_scale(scale: object, key: str, allowed: Sequence[str] = SCALES) -> None:
    if scale not in allowed:
        raise ConfigError(f"{key}.scale", "there is no such scaling", found=scale, allowed=allowed)


def mean_and_spread(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all axes but the last, without NaN; a constant column has spread 1.

    Blocks are combined as in Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for
    computing sample variances", 1982.

    Args:
        blocks: arrays (..., columns) of consecutive rows.

    Returns:
        Two float64 arrays (columns,); NaN where a column has no value.
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
    # Rounding gives a constant column a spread of about 1e-16 of its mean; division would amplify noise.
    return mean, np.where(spread > 1e-7 * np.abs(mean), spread, 1.0)


def standardise(tensor: KerasTensor, mean: np.ndarray, spread: np.ndarray) -> KerasTensor:
    """(x - mean) / spread along the last axis, in float32 under any precision policy; NaN stays NaN."""
    return keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=(spread**2).tolist(), dtype="float32"
    )(tensor)


@dataclass(frozen=True)
class Numbers:
    """Statistics of columns of numbers over the training rows; all arrays are (columns,).

    `gaps` has the positions of the columns in which a training row has a missing cell.
    """

    median: np.ndarray
    mean: np.ndarray
    spread: np.ndarray
    gaps: list[int]

    def prepare(self, tensor: KerasTensor) -> KerasTensor:
        """Replaces missing cells by the training median, standardises, and appends flags for missing cells.

        There is a 0/1 flag for each column with gaps: (rows, columns) -> (rows, columns + gaps), float32.
        """
        missing = keras.ops.isnan(tensor)
        filled = keras.ops.where(missing, self.median.astype(np.float32), tensor)
        scaled = standardise(filled, self.mean, self.spread)
        if not self.gaps:
            return scaled
        flags = keras.ops.cast(keras.ops.take(missing, self.gaps, axis=-1), "float32")
        return keras.ops.concatenate([scaled, flags], axis=-1)


def fit_numbers(blocks: Iterable[np.ndarray], names: list[str], *, scale: str, key: str) -> Numbers:
    """Median, mean and standard deviation of the training rows.

    Args:
        blocks: arrays (rows, columns) of consecutive rows, NaN = missing. If there are several blocks, the
            medians are those of a sample of the rows.
        names: of the columns, for the message.
        scale: "standard" or "none".
        key: the config key to name in the message.

    Raises:
        ConfigError: a column has no value in any training row.
    """
    gaps = np.zeros(len(names), dtype=bool)
    samples: list[np.ndarray] = []

    def sampled() -> Iterator[np.ndarray]:
        for values in blocks:
            np.logical_or(gaps, np.isnan(values).any(axis=0), out=gaps)
            samples.append(values)
            if len(samples) > 1:
                samples[:] = [block[:: max(1, len(block) // SAMPLE)] for block in samples]
            yield values

    mean, spread = mean_and_spread(sampled())
    if np.isnan(mean).any():
        column = names[int(np.argmax(np.isnan(mean)))]
        raise ConfigError(
            key, "no training row has a value in this column", found=column, allowed="one value or more"
        )
    if scale == "none":
        mean, spread = np.zeros_like(mean), np.ones_like(spread)
    # Columns that are empty in the sample use the mean.
    sample = np.concatenate(samples)
    empty = np.isnan(sample).all(axis=0)
    median = np.nanmedian(np.where(empty, 0.0, sample), axis=0)
    return Numbers(np.where(empty, mean, median), mean, spread, np.flatnonzero(gaps).tolist())
