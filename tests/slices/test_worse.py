"""Groups on which a head is worse: found where planted, and not in noise."""

import numpy as np
import pytest

from pipeline.slices.groups import Grouping, by_value
from pipeline.slices.worse import SMALLEST, gaps

NAN = float("nan")


def grouping(codes, groups):
    return Grouping("by", [str(group) for group in range(groups)], np.asarray(codes))


def noise(rng, rows=300):
    """Skewed losses of two heads, and two divisions that have nothing to do with them."""
    losses = {"class": rng.exponential(size=rows), "score": rng.normal(size=rows) ** 2}
    return losses, [grouping(rng.integers(0, 6, rows), 6), grouping(rng.integers(0, 4, rows), 4)]


def test_a_planted_bad_group_is_found_first():
    first = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        losses, groupings = noise(rng)
        losses["score"] = losses["score"] + 2.0 * (groupings[0].codes == 4)
        found = gaps(losses, groupings)
        first.append((found[0].grouping, found[0].group, found[0].head, found[0].worse))
    assert first == [(0, 4, "score", True)] * 20


@pytest.mark.slow
def test_in_noise_no_group_is_found_at_least_95_times_of_100():
    drawn = [gaps(*noise(np.random.default_rng(seed))) for seed in range(100)]
    assert {len(found) for found in drawn} == {20}
    assert sum(any(gap.worse for gap in found) for found in drawn) <= 5


def test_the_correction_counts_all_groups_and_heads():
    rng = np.random.default_rng(1)
    losses, groupings = noise(rng)
    alone = gaps({"class": losses["class"]}, groupings[:1])
    assert len(alone) == 6
    lowest = min(alone, key=lambda gap: gap.p)
    assert lowest.adjusted == pytest.approx(min(1, 6 * lowest.p))
    p, adjusted = zip(*sorted((gap.p, gap.adjusted) for gap in alone), strict=True)
    assert list(adjusted) == sorted(adjusted)
    assert all(a <= b for a, b in zip(p, adjusted, strict=True))


def test_a_gap_has_the_losses_of_the_labelled_rows_in_and_out_of_the_group():
    losses = np.array([1.0] * 6 + [3.0] * 6 + [NAN, NAN])
    (worst, best) = gaps({"a": losses}, [by_value("by", np.array(list("xxxxxxyyyyyyxy"), object))])
    assert (worst.group, worst.rows, worst.loss, worst.rest, worst.effect) == (1, 6, 3.0, 1.0, 2.0)
    assert (best.group, best.loss, best.rest, best.worse) == (0, 1.0, 3.0, False)
    assert worst.p < 0.01
    assert best.p == 1.0


def test_groups_that_are_too_small_for_a_test_are_left_out():
    codes = np.repeat([0, 1, 2], [SMALLEST - 1, SMALLEST, 40])
    found = gaps({"a": np.arange(len(codes), dtype=float)}, [grouping(codes, 3)])
    assert sorted(gap.group for gap in found) == [1, 2]
    assert gaps({"a": np.arange(9.0)}, [grouping(np.zeros(9, int), 1)]) == []


def test_losses_that_are_all_equal_are_no_gap():
    found = gaps({"a": np.ones(20)}, [grouping(np.arange(20) % 2, 2)])
    assert [(gap.p, gap.effect, gap.worse) for gap in found] == [(1.0, 0.0, False)] * 2
