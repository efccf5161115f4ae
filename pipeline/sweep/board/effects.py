"""The effect of each parameter on a metric, averaged over the other parameters.

Adjusted means of an additive model fitted by least squares, as in an analysis of variance: if trials failed,
or a search sampled the other parameters unevenly, that does not show up as an effect of this one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config.naming import REPEATS
from pipeline.sweep.trials import Trial

Array = NDArray[Any]
MOST_LEVELS = 8  # a numeric parameter with more values is a scale


@dataclass(frozen=True)
class Effect:
    """The effect of one parameter on one metric.

    Args:
        scale: whether the values are treated as numbers, in bins, and not as separate levels.
        levels: the values as written; for a scale, the median of each bin.
        centres: (levels,) their positions on the axis.
        means, errors: (levels,) adjusted means and their standard errors, NaN if unknown.
        places: (trials,) the position of each trial on the axis.
        points: (trials,) each trial's metric without the effects of the other parameters.
    """

    parameter: str
    scale: bool
    log: bool
    levels: list[str]
    centres: Array
    means: Array
    errors: Array
    places: Array
    points: Array

    @property
    def ordered(self) -> bool:
        """Whether all levels are numbers."""
        return all(_as_number(level)[0] < math.inf for level in self.levels)

    def size(self) -> float:
        """The largest difference between two adjusted means."""
        return float(np.ptp(self.means)) if len(self.means) else math.nan


def effects(trials: Sequence[Trial], metric: str) -> list[Effect]:
    """The effects of all parameters with at least two values, largest first.

    Seeds and folds are no parameters, but what they do to a metric is no effect of a parameter either.
    """
    trials = [trial for trial in trials if metric in trial.metrics]
    names = list(dict.fromkeys(name for trial in trials for name in trial.varied))
    columns = {name: [trial.varied.get(name, "") for trial in trials] for name in names}
    columns = {name: values for name, values in columns.items() if len(set(values)) > 1}
    if not columns:
        return []
    y = np.array([trial.metrics[metric] for trial in trials])
    blocks = {name: _block(values) for name, values in columns.items()}
    design = np.column_stack([np.ones(len(y)), *blocks.values()])
    weights, _, rank, _ = np.linalg.lstsq(design, y, rcond=None)
    residuals = y - design @ weights
    freedom = len(y) - int(rank)
    deviation = math.sqrt(float(residuals @ residuals) / freedom) if freedom > 0 else math.nan
    result, first = [], 1
    for name, block in blocks.items():
        share = block @ weights[first : first + block.shape[1]]
        first += block.shape[1]
        points = y.mean() + share - share.mean() + residuals
        if name not in REPEATS:
            result.append(_effect(name, columns[name], points, deviation))
    return sorted(result, key=lambda effect: -effect.size())


def _block(values: Sequence[str]) -> Array:
    """A parameter's centred columns: one per level but the first, or a scale and its square."""
    if (scale := as_scale(values)) is not None:
        x = np.log(scale) if _is_log(scale) else scale
        x = (x - x.mean()) / x.std()
        return np.column_stack([x, x**2 - (x**2).mean()])
    levels = sorted(set(values))[1:]
    block = np.array([[value == level for level in levels] for value in values], float)
    centred: Array = block - block.mean(axis=0)
    return centred


def as_scale(values: Sequence[str]) -> Array | None:
    """The values as numbers; None if some are not numbers or they are few enough to be levels."""
    if len(set(values)) <= MOST_LEVELS:
        return None
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return None


def _is_log(scale: Array) -> bool:
    return bool(scale.min() > 0 and scale.max() / scale.min() >= 20)


def _effect(name: str, values: Sequence[str], points: Array, deviation: float) -> Effect:
    scale = as_scale(values)
    if scale is not None:
        places = scale
        bins = np.array_split(np.argsort(scale), min(5, max(2, len(scale) // 4)))
        centres = np.array([float(np.median(scale[rows])) for rows in bins])
        levels = [f"{centre:.3g}" for centre in centres]
    else:
        levels = sorted(set(values), key=_as_number)
        bins = [np.flatnonzero([value == level for value in values]) for level in levels]
        centres = np.arange(len(levels), dtype=float)
        places = np.array([levels.index(value) for value in values], float)
    return Effect(
        parameter=name,
        scale=scale is not None,
        log=scale is not None and _is_log(scale),
        levels=levels,
        centres=centres,
        means=np.array([points[rows].mean() for rows in bins]),
        errors=np.array([deviation / math.sqrt(len(rows)) for rows in bins]),
        places=places,
        points=points,
    )


def _as_number(level: str) -> tuple[float, str]:
    try:
        return float(level), level
    except ValueError:
        return math.inf, level
