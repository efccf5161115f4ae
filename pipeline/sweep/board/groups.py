"""Groups of trials that only repeat one config: means, errors, and which differences are noise.

Repeats differ in the seed, in the seed of the split, or in the fold.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipeline.config.naming import FOLD, REPEATS, spelled
from pipeline.metric_names import sign
from pipeline.sweep.trials import Trial

CERTAINTY = 0.95
WORDS = {"seed": "seeds", "data.split.seed": "split seeds", FOLD: "folds"}


@dataclass(frozen=True)
class Group:
    """Trials that differ only in their seed, the seed of their split, or their fold."""

    name: str
    varied: Mapping[str, str]
    trials: Sequence[Trial]

    def values(self, metric: str) -> np.ndarray:
        """(repeats,) values of a metric, from the trials that have it."""
        return np.array([trial.metrics[metric] for trial in self.trials if metric in trial.metrics])

    def mean(self, metric: str) -> float:
        """Mean over the repeats; NaN if none has the metric."""
        values = self.values(metric)
        return float(values.mean()) if len(values) else math.nan

    @property
    def label(self) -> str:
        """What it varies, with whole keys: `loss_weights.class=2 optimizer=adam`."""
        return spelled(self.varied) or self.name

    @property
    def mean_of(self) -> str:
        """What a mean is taken over, such as "mean of 5 folds"; empty for a single trial."""
        return f"mean of {len(self.trials)} {repeated(self.trials)}" if len(self.trials) > 1 else ""


class Noise(NamedTuple):
    """How much a metric varies when only the seed or the fold changes, pooled over all groups.

    Args:
        deviation: standard deviation of a trial within its group; NaN if nothing was repeated.
        freedom: degrees of freedom of `deviation`.
        between: the part of `deviation` that matters for differences between groups: if groups share
            seeds or folds, without what one does to all of them alike.
        between_freedom: degrees of freedom of `between`.
        groups: number of groups.
    """

    deviation: float
    freedom: int
    between: float
    between_freedom: int
    groups: int

    def error(self, repeats: int) -> float:
        """The standard error of a mean over `repeats` trials."""
        return self.deviation / math.sqrt(repeats) if repeats else math.nan

    def margin(self, one: int, other: int) -> float:
        """The difference between means of `one` and `other` repeats that is unlikely to arise by chance.

        From the range test of Tukey and Kramer. It holds for all pairs of groups at once, and therefore also
        for the best group, which was selected for its value.
        """
        from scipy.stats import studentized_range  # takes half a second, and sweeps need the groups only

        if not self.between_freedom or self.groups < 2 or not one or not other:
            return math.nan
        width = studentized_range.ppf(CERTAINTY, self.groups, self.between_freedom)
        return float(width * self.between * math.sqrt((1 / one + 1 / other) / 2))


def fold(trials: Sequence[Trial]) -> list[Group]:
    """Groups trials that only repeat one another, in the order of their first trials."""
    groups: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial in trials:
        varied = tuple((name, value) for name, value in trial.varied.items() if name not in REPEATS)
        groups.setdefault(varied, []).append(trial)
    return [Group(_name(group[0], bool(varied)), dict(varied), group) for varied, group in groups.items()]


def _name(trial: Trial, varies: bool) -> str:
    """A trial's name without the seed, split seed and fold at its end."""
    number = len(set(trial.varied) & set(REPEATS))
    if not number:
        return trial.name
    return " ".join(trial.name.split(" ")[:-number]) or trial.name if varies else f"all {repeated([trial])}"


def label_of(trial: Trial) -> str:
    """What a trial varies, with whole keys, its seed and fold last."""
    return spelled(trial.varied) or trial.name


def repeat_of(trial: Trial) -> tuple[str, ...]:
    """The values that only repeat a trial."""
    return tuple(trial.varied.get(name, "") for name in REPEATS)


def repeated(trials: Sequence[Trial]) -> str:
    """What trials repeat: "seeds", "split seeds", "folds", or "repeats" for several of these."""
    names = {name for trial in trials for name in trial.varied if name in REPEATS} or {"seed"}
    return WORDS[names.pop()] if len(names) == 1 else "repeats"


def noise(groups: Sequence[Group], metric: str) -> Noise:
    """The spread of a metric within groups, with and without what a seed or fold does to all groups alike."""
    rows = [
        (place, repeat_of(trial), trial.metrics[metric])
        for place, group in enumerate(groups)
        for trial in group.trials
        if metric in trial.metrics
    ]
    if not rows:
        return Noise(math.nan, 0, math.nan, 0, 0)
    values = np.array([value for _, _, value in rows])
    of_group = _columns([place for place, _, _ in rows])
    deviation, freedom = _residual(of_group, values)
    with_repeats = np.column_stack([of_group, _columns([repeat for _, repeat, _ in rows])])
    between, between_freedom = _residual(with_repeats, values)
    if between_freedom < 2:  # the groups share no seeds or folds, or too few
        between, between_freedom = deviation, freedom
    return Noise(deviation, freedom, between, between_freedom, of_group.shape[1])


def _columns(labels: Sequence[object]) -> np.ndarray:
    return np.array([[label == one for one in dict.fromkeys(labels)] for label in labels], float)


def _residual(design: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """The residual standard deviation of a least-squares fit, and its degrees of freedom."""
    weights, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    freedom = len(values) - int(rank)
    residuals = values - design @ weights
    return (math.sqrt(float(residuals @ residuals) / freedom), freedom) if freedom > 0 else (math.nan, 0)


def ranked(groups: Sequence[Group], metric: str) -> list[Group]:
    """The groups from best to worst; those without the metric come last."""
    worst = -math.inf
    return sorted(
        groups,
        key=lambda group: worst if math.isnan(mean := group.mean(metric)) else sign(metric) * mean,
        reverse=True,
    )


def verdict(best: Group, other: Group, metric: str, spread: Noise) -> str:
    """How a group compares with the best one, in words."""
    if other is best:
        return "best"
    margin = spread.margin(len(best.values(metric)), len(other.values(metric)))
    if math.isnan(margin):
        return "unknown: one seed"
    gap = abs(best.mean(metric) - other.mean(metric))
    return "worse, beyond noise" if gap > margin else "within noise of the best"
