"""The probability above which a yes or no head says yes.

The threshold is chosen on the validation rows, by what a mistake costs or by what shall be found; the
probabilities stay as they are. See Lipton, Elkan and Naryanaswamy 2014 (arXiv:1402.1892) on F1, and Elkan
2001 (The Foundations of Cost-Sensitive Learning) on costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rule = float | str | Mapping[str, float] | None
DEFAULT = 0.5


@dataclass(frozen=True)
class Curve:
    """What each threshold gives, from the highest threshold to the lowest.

    Args:
        thresholds: (steps,), halfway between neighbouring probabilities; the first says yes to no row, the
            last one to all.
        hits, alarms: (steps,) rows that are yes and no, of those above the threshold.
        yes: number of rows that are yes.
    """

    thresholds: Array
    hits: Array
    alarms: Array
    yes: int

    @classmethod
    def of(cls, truth: Array, probability: Array) -> "Curve":
        """Compute the curve of labels (rows,), 0, 1 or NaN, and probabilities (rows,)."""
        known = ~np.isnan(truth)
        order = np.argsort(-probability[known], kind="stable")
        p, flags = probability[known][order].astype(float), truth[known][order] > 0.5
        last_of_tie = np.append(np.diff(p) != 0, True)[: len(p)]
        distinct = p[last_of_tie]
        below = distinct[-1:] / 2 if len(distinct) and distinct[-1] > 0 else np.array([-1.0])
        ends = np.concatenate([[1.0], distinct])
        thresholds = np.append((ends[:-1] + ends[1:]) / 2, below)
        hits = np.append(0, np.cumsum(flags)[last_of_tie])
        alarms = np.append(0, np.cumsum(~flags)[last_of_tie])
        return cls(thresholds, hits, alarms, int(flags.sum()))

    @property
    def recall(self) -> Array:
        """Share of the yes rows that are found; NaN without such rows."""
        return _ratio(self.hits, np.full(len(self.hits), self.yes))

    @property
    def precision(self) -> Array:
        """Share of the rows above the threshold that are yes; NaN where there are none."""
        return _ratio(self.hits, self.hits + self.alarms)

    @property
    def f1(self) -> Array:
        """Harmonic mean of precision and recall; NaN without yes rows and rows above the threshold."""
        return _ratio(2 * self.hits, self.hits + self.alarms + self.yes)

    def costs(self, missed: float) -> Array:
        """Return the total cost, if a missed yes costs `missed` times as much as a false one."""
        return np.asarray(missed * (self.yes - self.hits) + self.alarms)


def choose(rule: Rule, truth: Array, probability: Array) -> float | None:
    """Return the threshold of one column; None if the rows cannot tell, because none is yes or none is no.

    Of several equally good thresholds, the highest is taken.

    Args:
        rule: None: 0.5; a number: this threshold; "f1": the largest F1; {recall: share}: the highest
            threshold that finds this share of the yes rows; {cost: ratio}: the smallest cost, if a missed yes
            costs so many times as much as a false one.
        truth: (rows,) 0, 1 or NaN.
        probability: (rows,).

    Example:
        >>> choose({"recall": 1.0}, np.array([0, 0, 1, 1.0]), np.array([0.1, 0.2, 0.4, 0.9]))
        0.3
    """
    if rule is None or isinstance(rule, int | float):
        return DEFAULT if rule is None else float(rule)
    curve = Curve.of(truth, probability)
    if not 0 < curve.yes < np.count_nonzero(~np.isnan(truth)):
        return None
    if isinstance(rule, str):
        place = np.nanargmax(curve.f1)
    elif "recall" in rule:
        place = np.argmax(curve.recall >= rule["recall"])
    else:
        place = np.argmin(curve.costs(rule["cost"]))
    return float(curve.thresholds[place])


def sentence(rule: Rule) -> str:
    """Return how a threshold was chosen, in words."""
    if rule is None:
        return "the default"
    if isinstance(rule, int | float):
        return "set in the config"
    if isinstance(rule, str):
        return "chosen for the largest F1 on the validation rows"
    if "recall" in rule:
        share = 100 * rule["recall"]
        return f"the highest that finds {share:g} % of the validation rows that are yes"
    missed = rule["cost"]
    return f"the cheapest on the validation rows, if a missed yes costs {missed:g} times a false one"


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))
