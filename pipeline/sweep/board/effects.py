"""What each parameter does to a metric, the others averaged out.

An additive model is fitted by least squares, so a failed trial or a search's uneven choice of the other
parameters is not taken for an effect of this one (adjusted means, as in an analysis of variance).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.sweep.board.groups import REPEATS
from pipeline.sweep.trials import Trial

MOST_LEVELS = 8  # a parameter with more values, all numbers, is a scale


@dataclass(frozen=True)
class Effect:
    """One parameter and one metric.

    Args:
        levels: values as written; of a scale, the values at the middle of each part.
        means, errors: (levels,) adjusted means and their standard errors, NaN where they cannot be told.
        places: (trials,) the level of each trial, or on a scale its value.
        points: (trials,) the trials' metric less what the other parameters do.
    """

    parameter: str
    scale: bool
    log: bool
    levels: list[str]
    centres: NDArray
    means: NDArray
    errors: NDArray
    places: NDArray
    points: NDArray

    @property
    def ordered(self) -> bool:
        """Whether all values are numbers."""
        return all(_as_number(level)[0] < math.inf for level in self.levels)

    def size(self) -> float:
        """The largest difference between two levels."""
        return float(np.ptp(self.means)) if len(self.means) else math.nan


def effects(trials: Sequence[Trial], metric: str) -> list[Effect]:
    """The effect of every parameter that has at least two values, the largest first, the seed's last."""
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
    left = y - design @ weights
    freedom = len(y) - int(rank)
    deviation = math.sqrt(float(left @ left) / freedom) if freedom > 0 else math.nan
    found, first = [], 1
    for name, block in blocks.items():
        share = block @ weights[first : first + block.shape[1]]
        first += block.shape[1]
        points = y.mean() + share - share.mean() + left
        found.append(_effect(name, columns[name], points, deviation))
    return sorted(found, key=lambda effect: (effect.parameter == REPEATS, -effect.size()))


def _block(values: Sequence[str]) -> NDArray:
    """A parameter's columns, centred: one for each further level, or a scale and its square."""
    if (scale := as_scale(values)) is not None:
        x = np.log(scale) if _is_log(scale) else scale
        x = (x - x.mean()) / x.std()
        return np.column_stack([x, x**2 - (x**2).mean()])
    levels = sorted(set(values))[1:]
    block = np.array([[value == level for level in levels] for value in values], float)
    return block - block.mean(axis=0)


def as_scale(values: Sequence[str]) -> NDArray | None:
    """The values as numbers, where they are numbers and too many for levels."""
    if len(set(values)) <= MOST_LEVELS:
        return None
    try:
        return np.array([float(value) for value in values])
    except ValueError:
        return None


def _is_log(scale: NDArray) -> bool:
    return bool(scale.min() > 0 and scale.max() / scale.min() >= 20)


def _effect(name: str, values: Sequence[str], points: NDArray, deviation: float) -> Effect:
    scale = as_scale(values)
    if scale is not None:
        places = scale
        parts = np.array_split(np.argsort(scale), min(5, max(2, len(scale) // 4)))
        centres = np.array([float(np.median(scale[part])) for part in parts])
        levels = [f"{centre:.3g}" for centre in centres]
    else:
        levels = sorted(set(values), key=_as_number)
        parts = [np.flatnonzero([value == level for value in values]) for level in levels]
        centres = np.arange(len(levels), dtype=float)
        places = np.array([levels.index(value) for value in values], float)
    return Effect(
        parameter=name,
        scale=scale is not None,
        log=scale is not None and _is_log(scale),
        levels=levels,
        centres=centres,
        means=np.array([points[part].mean() for part in parts]),
        errors=np.array([deviation / math.sqrt(len(part)) for part in parts]),
        places=places,
        points=points,
    )


def _as_number(level: str) -> tuple[float, str]:
    try:
        return float(level), level
    except ValueError:
        return math.inf, level
