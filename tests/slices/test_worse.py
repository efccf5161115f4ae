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


def visits(rng, share):
    """Losses of 60 patients with 1 to 9 visits, which are alike, and clinics; some visits are elsewhere."""
    patient = np.repeat(np.arange(60), rng.integers(1, 10, 60))
    losses = np.exp(rng.normal(size=60)[patient] + rng.normal(size=len(patient)))
    clinic = rng.integers(0, 6, 60)[patient]
    elsewhere = rng.random(len(patient)) < share
    return losses, grouping(np.where(elsewhere, rng.integers(0, 6, len(patient)), clinic), 6), patient


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_in_noise_of_rows_that_are_alike_no_group_is_found_at_least_95_times_of_100(share):
    found = []
    for seed in range(100):
        losses, clinics, patients = visits(np.random.default_rng(1000 + seed), share)
        found.append(any(gap.worse for gap in gaps({"a": losses}, [clinics], seed, patients)))
    assert sum(found) <= 8


def test_a_planted_bad_group_of_alike_rows_is_found():
    losses, clinics, patients = visits(np.random.default_rng(0), 0.0)
    worst = gaps({"a": losses + 15.0 * (clinics.codes == 2)}, [clinics], units=patients)[0]
    assert (worst.group, worst.worse) == (2, True)


def test_rows_of_a_unit_are_moved_together():
    units = np.repeat(np.arange(6), [5, 5, 7, 5, 6, 5])
    losses = np.array([9.0, 8.0, 1.0, 2.0, 3.0, 1.5])[units] + 0.1 * np.arange(len(units))
    found = gaps({"a": losses}, [grouping(units >= 2, 2)], units=units)
    # 2 of 6 units are the group; they are the two with the largest losses in 1 of 15 choices.
    assert next(gap.p for gap in found if gap.group == 0) == pytest.approx(1 / 15, abs=0.02)
    assert next(gap.p for gap in gaps({"a": losses}, [grouping(units >= 2, 2)]) if gap.group == 0) < 0.01


def test_units_of_one_row_are_rows_that_stand_alone():
    losses, groupings = noise(np.random.default_rng(2))
    assert gaps(losses, groupings, units=np.arange(300)[::-1]) == gaps(losses, groupings)


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
