"""Tests for each group of rows whether a head's loss is larger there than on all other rows.

The test is a permutation test of the mean loss (Fisher 1935; Good 2005, chapter 3): how often does a random
group of the same size have a mean at least as large? It assumes nothing about the losses, which are skewed,
and is exact for small groups. Rows of one unit, such as the visits of a patient, have losses alike; then the
rows of each unit in each group are moved together.

With many groups, some are bad by chance, so the p-values are corrected for all tests together by Holm's
method (Holm 1979): the probability of naming any group wrongly is at most 5 %, whatever the dependence
between groups and heads. Benjamini and Hochberg's method would name more groups, but up to 5 % of the named
ones wrongly, and a named group is meant to be acted on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.slices.groups import Grouping

Array = NDArray[Any]
LEVEL = 0.05
SMALLEST = 5  # labelled rows that a group, and the other rows, need for a test
FEWEST = 1999  # permutations
PER_TEST = 40  # so that the smallest possible p-value stays below the level after the correction


@dataclass(frozen=True)
class Gap:
    """A head's loss on a group of rows against that on all other rows.

    Args:
        grouping, group: positions of the grouping and of its group.
        rows: labelled rows of the group.
        loss, rest: mean loss of the group and of the other rows.
        effect: their difference in standard deviations of a row's loss.
        p: probability of such a difference by chance.
        adjusted: the same, corrected for the number of tests.
    """

    grouping: int
    group: int
    head: str
    rows: int
    loss: float
    rest: float
    effect: float
    p: float
    adjusted: float = float("nan")

    @property
    def worse(self) -> bool:
        """Whether the group is worse than the rest beyond chance."""
        return self.adjusted <= LEVEL


def gaps(
    losses: Mapping[str, Array],
    groupings: Sequence[Grouping],
    seed: int = 0,
    units: Array | None = None,
) -> list[Gap]:
    """Return the gap of every group and head, worst first.

    Groups that are worse beyond chance come first, by the size of the difference; then the others by their
    p-value. Groups with fewer than five labelled rows are left out, as are those of all labelled rows.

    Args:
        losses: head -> (rows,) loss of each row, NaN without a label.
        groupings: divisions of the rows.
        units: (rows,) numbers of what the rows belong to; None: each row stands alone.
    """
    units = np.arange(len(next(iter(losses.values()), ()))) if units is None else units
    pairs = [
        (place, head, *_labelled(grouping, losses[head], units))
        for place, grouping in enumerate(groupings)
        for head in losses
    ]
    tests = sum(len(_testable(codes, len(groupings[place].names))) for place, _, _, codes, _ in pairs)
    rng = np.random.default_rng(seed)
    found = [
        gap
        for place, head, values, codes, of_rows in pairs
        for gap in _gaps_of(place, len(groupings[place].names), head, values, codes, of_rows, tests, rng)
    ]
    return sorted(holm(found), key=lambda gap: (not gap.worse, -gap.effect if gap.worse else gap.p))


def holm(found: Sequence[Gap]) -> list[Gap]:
    """Return the gaps with their p-values corrected for their number."""
    order = np.argsort([gap.p for gap in found], kind="stable")
    factors = len(found) - np.arange(len(found))
    raised = np.minimum(1.0, np.maximum.accumulate(factors * np.array([found[i].p for i in order])))
    return [
        replace(found[i], adjusted=float(p))
        for i, p in sorted(zip(order, raised, strict=True), key=lambda pair: pair[0])
    ]


def _labelled(grouping: Grouping, losses: Array, units: Array) -> tuple[Array, Array, Array]:
    known = ~np.isnan(losses)
    return losses[known].astype(float), grouping.codes[known], units[known]


def _testable(codes: Array, groups: int) -> Array:
    counts = np.bincount(codes, minlength=groups)
    return np.flatnonzero((counts >= SMALLEST) & (len(codes) - counts >= SMALLEST))


def _gaps_of(
    place: int,
    groups: int,
    head: str,
    losses: Array,
    codes: Array,
    units: Array,
    tests: int,
    rng: np.random.Generator,
) -> list[Gap]:
    testable = _testable(codes, groups)
    if not len(testable):
        return []
    counts = np.bincount(codes, minlength=groups)[testable]
    spread = float(losses.std())
    observed = np.bincount(codes, losses, groups)[testable]
    p = _p_values(losses, codes, units, groups, testable, max(FEWEST, PER_TEST * tests), rng)
    means, others = observed / counts, (losses.sum() - observed) / (len(losses) - counts)
    effects = (means - others) / spread if spread else np.zeros(len(means))
    return [
        Gap(place, int(group), head, int(rows), *map(float, values))
        for group, rows, *values in zip(testable, counts, means, others, effects, p, strict=True)
    ]


def _p_values(
    losses: Array,
    codes: Array,
    units: Array,
    groups: int,
    testable: Array,
    permutations: int,
    rng: np.random.Generator,
) -> Array:
    """The share of permutations, with the observed order, in which a group's mean is at least as large."""
    cells, cell_of = np.unique(units.astype(np.int64) * groups + codes, return_inverse=True)
    if len(cells) == len(losses):
        cells, cell_of = codes, np.arange(len(losses))
    counts = np.bincount(cell_of)
    # The mean of a group minus that of the other rows, but for a factor.
    sums = np.bincount(cell_of, losses - losses.mean())
    alike = bool((counts == counts[0]).all())

    def gaps_of(order: Array) -> Array:
        rows = np.bincount(cells % groups, counts if alike else counts[order], groups)[testable]
        return np.asarray(
            np.bincount(cells % groups, sums[order], groups)[testable] / (rows * (len(losses) - rows))
        )

    least = gaps_of(np.arange(len(counts)))
    least = least - 1e-9 * np.abs(least).max()  # sums in another order differ by rounding
    reached = np.ones(len(testable))
    for _ in range(permutations):
        reached += gaps_of(rng.permutation(len(counts))) >= least
    return reached / (permutations + 1)
