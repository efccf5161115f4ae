"""Numbers on a common scale, fitted on the training rows: statistics in NumPy, scales as Keras operations.

Scales are computed in float64, because float32 has 7 digits: of a date in seconds it keeps 2 minutes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Protocol

import keras
import numpy as np
from keras import KerasTensor
from scipy.stats import norm

from pipeline.data.kinds.components import Components, components_of
from pipeline.data.kinds.piecewise import knots_of, piecewise_linear
from pipeline.data.kinds.precision import report_lost
from pipeline.data_options import AUTO, SCALES
from pipeline.errors import ConfigError

SAMPLE = 2048  # rows of each block that quantiles are computed from, if there are several blocks
LARGEST_SAMPLE = 100_000  # rows that quantiles are computed from
LIMIT = 5.0  # robust numbers are below this
FURTHEST = 1e9  # beyond it the square would be too large for float32
FAR = 20.0  # robust spreads from the median: a cell further out is worth a look
RARE = 0.05  # the largest share of cells that may be FAR; above it the spread does not describe the column
# The distances between these quantiles estimate the standard deviation without the outermost cells.
RANGES = ((0.25, 0.75), (0.05, 0.95), (0.01, 0.99))
ROUNDING = 2.0  # machine epsilons of the mean: a column whose spread is smaller is constant
QUANTILES = 33  # knots of `scale: quantile`


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
    count = mean = squares = shift = np.zeros(())
    epsilon = 0.0
    for values in blocks:
        flat = values.reshape(-1, values.shape[-1]).astype(np.float64)
        present = ~np.isnan(flat)
        if not shift.ndim:
            # Sums of differences keep the digits of columns far from 0, and are exact for constant columns.
            shift = flat[present.argmax(axis=0), np.arange(flat.shape[1])]
            shift = np.where(np.isnan(shift), 0.0, shift)
        flat -= shift
        epsilon = max(epsilon, np.finfo(values.dtype if values.dtype.kind == "f" else np.float64).eps)
        more = present.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = np.where(more > 0, np.where(present, flat, 0).sum(axis=0) / more, mean)
            moved, total = centre - mean, count + more
            mean = mean + np.where(total > 0, moved * (more / total), 0)
            squares = squares + np.where(present, (flat - centre) ** 2, 0).sum(axis=0)
            squares = squares + np.where(total > 0, moved**2 * (count * more / total), 0)
        count = total
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, spread = np.where(count > 0, mean + shift, np.nan), np.sqrt(squares / count)
    # The spread of a constant column may be that of rounding, which division would amplify.
    return mean, np.where(spread > ROUNDING * epsilon * np.abs(mean), spread, 1.0)


@dataclass(frozen=True)
class Statistics:
    """What scales need to know of the training rows: mean, standard deviation, and a sample of the rows.

    `mean` and `spread` are (columns,) float64 (see `mean_and_spread`), `sample` is (rows, columns) float64
    with NaN for missing cells, and `gaps` (columns,) tells which columns have a missing cell.
    """

    mean: np.ndarray
    spread: np.ndarray
    sample: np.ndarray
    gaps: np.ndarray

    @classmethod
    def of(cls, blocks: Iterable[np.ndarray]) -> "Statistics":
        """The statistics of arrays (..., columns) of consecutive rows, NaN = missing."""
        samples: list[np.ndarray] = []
        gaps: list[np.ndarray] = []

        def sampled() -> Iterable[np.ndarray]:
            for values in blocks:
                flat = values.reshape(-1, values.shape[-1])
                gaps.append(np.isnan(flat).any(axis=0))
                samples.append(flat)
                if len(samples) > 1:
                    # Copies, because views would keep all blocks in memory.
                    samples[:] = [block[:: max(1, len(block) // SAMPLE)].copy() for block in samples]
                yield flat

        mean, spread = mean_and_spread(sampled())
        sample = np.concatenate(samples)
        step = max(1, -(-len(sample) // LARGEST_SAMPLE))
        return cls(mean, spread, sample[::step].astype(np.float64), np.logical_or.reduce(gaps))

    @classmethod
    def side_by_side(cls, parts: Sequence["Statistics"]) -> "Statistics":
        """The statistics of the columns of all parts, which have the same rows."""
        columns = ([getattr(part, name.name) for part in parts] for name in fields(cls))
        return cls(*(np.concatenate(arrays, axis=-1) for arrays in columns))

    @cached_property
    def median(self) -> np.ndarray:
        """(columns,) of the sample."""
        return np.asarray(self.quantiles([0.5])[0])

    @cached_property
    def robust_spread(self) -> np.ndarray:
        """(columns,): the distance between quartiles, as the standard deviation of a normal distribution.

        Where that describes a column badly, because most of its cells are equal or many are far out, it is
        the distance between quantiles further out, and at last the standard deviation.
        """
        quantiles = self.quantiles([share for pair in RANGES for share in pair])
        distance = np.abs(self.sample - self.median)
        present = np.maximum((~np.isnan(distance)).sum(axis=0), 1)
        spread = np.zeros_like(self.median)
        for position, (low, high) in enumerate(RANGES):
            width = quantiles[2 * position + 1] - quantiles[2 * position]
            candidate = width / (norm.ppf(high) - norm.ppf(low))
            far = (distance > FAR * candidate).sum(axis=0) / present
            fits = (spread == 0) & (candidate > 0) & (far <= RARE)
            spread = np.where(fits, candidate, spread)
        return np.where(spread == 0, self.spread, spread)

    def quantiles(self, shares: Sequence[float]) -> np.ndarray:
        """(shares, columns); columns that are empty in the sample have their mean."""
        empty = np.isnan(self.sample).all(axis=0)
        if not np.isnan(self.sample).any():
            return np.asarray(np.quantile(self.sample, shares, axis=0))
        values = np.nanquantile(np.where(empty, 0.0, self.sample), shares, axis=0)
        return np.where(empty, self.mean, values)


def squash(z: KerasTensor, limit: float = LIMIT) -> KerasTensor:
    """Z / sqrt(1 + (z / limit)^2): hardly changed near 0, and never beyond the limit.

    See Holzmueller, Grinsztajn and Steinwart, "Better by default", 2024 (arXiv:2407.04491).
    """
    z = keras.ops.clip(z, -FURTHEST, FURTHEST)
    return z / keras.ops.sqrt(1.0 + keras.ops.square(z / limit))


class Scale(Protocol):
    """Turns numbers (..., columns) into float32 of about -3 to 3; NaN stays NaN."""

    def __call__(self, tensor: KerasTensor) -> KerasTensor: ...


@dataclass(frozen=True)
class Linear:
    """(x - centre) / spread per column, with a `limit` squashed; see `squash`."""

    centre: np.ndarray
    spread: np.ndarray
    limit: float | None = None

    def __call__(self, tensor: KerasTensor) -> KerasTensor:
        z = (keras.ops.cast(tensor, "float64") - self.centre) / self.spread
        return keras.ops.cast(z if self.limit is None else squash(z, self.limit), "float32")


@dataclass(frozen=True)
class Quantiles:
    """The score of a normal distribution at the same quantile: linear between `knots`, constant outside.

    `knots` and `scores` are (knots, columns), both rising.
    """

    knots: np.ndarray
    scores: np.ndarray

    def __call__(self, tensor: KerasTensor) -> KerasTensor:
        values = piecewise_linear(keras.ops.cast(tensor, "float64"), self.knots, self.scores)
        return keras.ops.cast(values, "float32")


def scale_of(statistics: Statistics, scale: str) -> Scale:
    """The scale that a config names: "robust", "standard", "quantile" or "none"."""
    if scale == "quantile":
        shares, margin = np.linspace(0, 1, QUANTILES), 0.5 / QUANTILES
        scores = norm.ppf(np.clip(shares, margin, 1 - margin))
        return Quantiles(*knots_of(statistics.quantiles(shares.tolist()), scores))
    if scale == "robust":
        return Linear(statistics.median, statistics.robust_spread, LIMIT)
    if scale == "standard":
        return Linear(statistics.mean, statistics.spread)
    return Linear(np.zeros_like(statistics.mean), np.ones_like(statistics.mean))


def standardise(tensor: KerasTensor, mean: np.ndarray, spread: np.ndarray) -> KerasTensor:
    """(x - mean) / spread along the last axis, in float32 under any precision policy; for pixels."""
    return keras.layers.Normalization(
        axis=-1, mean=mean.tolist(), variance=(spread**2).tolist(), dtype="float32"
    )(tensor)


@dataclass(frozen=True)
class Numbers:
    """Columns of numbers, as they are prepared; `median` and the robust `spread` are (columns,).

    `gaps` has the positions of the columns in which a training row has a missing cell.
    """

    median: np.ndarray
    spread: np.ndarray
    scale: Scale
    gaps: list[int]
    components: Components | None = None

    def prepare(self, tensor: KerasTensor) -> KerasTensor:
        """Replaces missing cells by the training median, scales, and appends flags for missing cells.

        There is a 0/1 flag for each column with gaps: (rows, columns) -> (rows, columns + gaps), float32.
        Components follow.
        """
        missing = keras.ops.isnan(tensor)
        filled = keras.ops.where(missing, self.median.astype(tensor.dtype), tensor)
        scaled = self.scale(filled)
        parts = [scaled]
        if self.gaps:
            parts.append(keras.ops.cast(keras.ops.take(missing, self.gaps, axis=-1), "float32"))
        if self.components:
            parts.append(self.components(scaled))
        return keras.ops.concatenate(parts, axis=-1) if len(parts) > 1 else scaled

    def prepared_names(self, columns: list[str]) -> list[str]:
        """The column behind each prepared one; a flag for missing cells is its column's."""
        components = self.components.weights.shape[1] if self.components else 0
        flags = [columns[place] for place in self.gaps]
        return [*columns, *flags, *(f"component {number}" for number in range(1, components + 1))]


def fit_numbers(statistics: Statistics, names: list[str], *, scale: str, key: str) -> Numbers:
    """How columns of numbers are prepared.

    Args:
        statistics: of the training rows.
        names: of the columns, for the message.
        scale: see `scale_of`; or "auto", which is "robust" with the components of columns that say nearly
            the same.
        key: the config key to name in the message.

    Raises:
        ConfigError: a column has no value in any training row.
    """
    if np.isnan(statistics.mean).any():
        column = names[int(np.argmax(np.isnan(statistics.mean)))]
        raise ConfigError(
            key, "no training row has a value in this column", found=column, allowed="one value or more"
        )
    fitted = scale_of(statistics, "robust" if scale == AUTO else scale)
    scaled = np.asarray(fitted(statistics.sample))
    report_lost(statistics.sample, scaled, names, f"{key.rpartition('.')[0]}.scale")
    components = None
    if scale == AUTO:
        components = components_of(scaled, key.rpartition(".")[0])
    gaps = np.flatnonzero(statistics.gaps).tolist()
    return Numbers(statistics.median, statistics.robust_spread, fitted, gaps, components)
