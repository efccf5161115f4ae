"""Repeated seeds folded into one: means, standard errors, and which differences are more than noise."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import studentized_range

from pipeline.board.record import Trial, sign

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

    `deviation` is the standard deviation of one trial, `freedom` the degrees of freedom it rests on; NaN
    and 0 where nothing was repeated.
    """

    deviation: float
    freedom: int
    groups: int

    def error(self, repeats: int) -> float:
        """The standard error of a mean over so many repeats."""
        return self.deviation / math.sqrt(repeats) if repeats else math.nan

    def margin(self, one: int, other: int) -> float:
        """The difference between two means, of `one` and `other` repeats, that chance alone hardly reaches.

        Tukey and Kramer's range test: it holds for all pairs of groups at once, and so for the best one,
        which was picked because it came out best.
        """
        if not self.freedom or not one or not other:
            return math.nan
        width = studentized_range.ppf(CERTAINTY, self.groups, self.freedom)
        return float(width * self.deviation * math.sqrt((1 / one + 1 / other) / 2))


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
    """The pooled spread of a metric inside the groups."""
    values = [found for group in groups if len(found := group.values(metric))]
    freedom = sum(len(found) - 1 for found in values)
    if not freedom:
        return Noise(math.nan, 0, len(values))
    squares = sum(float(((found - found.mean()) ** 2).sum()) for found in values)
    return Noise(math.sqrt(squares / freedom), freedom, len(values))


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
