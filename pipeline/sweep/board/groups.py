"""Repeated seeds folded into one: means, standard errors, and which differences are more than noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import studentized_range

from pipeline.metric_names import sign
from pipeline.sweep.trials import Trial

REPEATS = "seed"  # the parameter that repeats a trial and changes nothing that one would choose
CERTAINTY = 0.95


@dataclass(frozen=True)
class Group:
    """Trials that differ in their seed alone."""

    name: str
    varied: Mapping[str, str]
    trials: Sequence[Trial]

    def values(self, metric: str) -> np.ndarray:
        """(repeats,) values of a metric; those that lack it are left out."""
        return np.array([trial.metrics[metric] for trial in self.trials if metric in trial.metrics])

    def mean(self, metric: str) -> float:
        """Mean over the repeats; NaN where none has the metric."""
        values = self.values(metric)
        return float(values.mean()) if len(values) else math.nan


class Noise(NamedTuple):
    """How much a metric moves when only the seed does, over all groups together.

    Args:
        deviation: standard deviation of one trial inside its group; NaN where nothing was repeated.
        freedom: the degrees of freedom that rests on.
        between: the part of it that differences between groups see; what a seed does to all groups alike
            is not in it, where groups share their seeds.
        between_freedom: its degrees of freedom.
        groups: how many there are.
    """

    deviation: float
    freedom: int
    between: float
    between_freedom: int
    groups: int

    def error(self, repeats: int) -> float:
        """The standard error of a mean over so many repeats."""
        return self.deviation / math.sqrt(repeats) if repeats else math.nan

    def margin(self, one: int, other: int) -> float:
        """The difference between two means, of `one` and `other` repeats, that chance alone hardly reaches.

        Tukey and Kramer's range test: it holds for all pairs of groups at once, and so for the best one,
        which was picked because it came out best.
        """
        if not self.between_freedom or self.groups < 2 or not one or not other:
            return math.nan
        width = studentized_range.ppf(CERTAINTY, self.groups, self.between_freedom)
        return float(width * self.between * math.sqrt((1 / one + 1 / other) / 2))


def fold(trials: Sequence[Trial]) -> list[Group]:
    """Groups of trials that share all that varies but the seed, in the order of their first trials."""
    found: dict[tuple, list[Trial]] = {}
    for trial in trials:
        kept = tuple((name, value) for name, value in trial.varied.items() if name != REPEATS)
        found.setdefault(kept, []).append(trial)
    return [Group(_name(members[0], bool(kept)), dict(kept), members) for kept, members in found.items()]


def _name(trial: Trial, varies: bool) -> str:
    """A trial's name without its seed, which comes last in it."""
    if REPEATS not in trial.varied:
        return trial.name
    return trial.name.rpartition(f" {REPEATS}=")[0] or trial.name if varies else "all seeds"


def noise(groups: Sequence[Group], metric: str) -> Noise:
    """The pooled spread of a metric inside the groups, with and without what the seeds do to all alike."""
    rows = [
        (place, trial.varied.get(REPEATS, ""), trial.metrics[metric])
        for place, group in enumerate(groups)
        for trial in group.trials
        if metric in trial.metrics
    ]
    if not rows:
        return Noise(math.nan, 0, math.nan, 0, 0)
    values = np.array([value for _, _, value in rows])
    of_group = _columns([place for place, _, _ in rows])
    deviation, freedom = _left(of_group, values)
    with_seeds = np.column_stack([of_group, _columns([seed for _, seed, _ in rows])])
    between, between_freedom = _left(with_seeds, values)
    if between_freedom < 2:  # the seeds are not shared, or too few to tell
        between, between_freedom = deviation, freedom
    return Noise(deviation, freedom, between, between_freedom, of_group.shape[1])


def _columns(labels: Sequence[object]) -> np.ndarray:
    return np.array([[label == one for one in dict.fromkeys(labels)] for label in labels], float)


def _left(design: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """The standard deviation that a least-squares fit leaves, and its degrees of freedom."""
    weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - int(rank)
    left = values - design @ weights
    return (math.sqrt(float(left @ left) / freedom), freedom) if freedom > 0 else (math.nan, 0)


def ranked(groups: Sequence[Group], metric: str) -> list[Group]:
    """Groups from best to worst; those without the metric come last."""
    worst = -math.inf
    return sorted(
        groups,
        key=lambda group: worst if math.isnan(mean := group.mean(metric)) else sign(metric) * mean,
        reverse=True,
    )


def verdict(best: Group, other: Group, metric: str, spread: Noise) -> str:
    """Whether a group is worse than the best one, in words."""
    if other is best:
        return "best"
    margin = spread.margin(len(best.values(metric)), len(other.values(metric)))
    if math.isnan(margin):
        return "one seed: not known"
    gap = abs(best.mean(metric) - other.mean(metric))
    return "worse, beyond noise" if gap > margin else "within noise of the best"
