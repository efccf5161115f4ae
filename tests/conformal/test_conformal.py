"""Sets and intervals that hold the truth as often as they promise, for every kind of head."""

import numpy as np
import pytest
from scipy.stats import binom

from pipeline.conformal import METHODS, Calibration, fewest_rows, threshold
from pipeline.conformal.calibration import coverage_range

LEVEL, ROWS, NEW = 0.9, 99, 50  # with 99 rows, the mean coverage is exactly the level


def draw_classes(rng, rows):
    logits = rng.normal(size=(rows, 6)) * 1.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([rng.choice(6, p=one) for one in p])
    return labels, p**0.5 / (p**0.5).sum(axis=1, keepdims=True)  # the model is not confident enough


def draw_flags(rng, rows):
    p = rng.uniform(0, 1, (rows, 2))
    return (rng.uniform(size=(rows, 2)) < p).astype(float), p**2


def draw_numbers(rng, rows):
    outputs = rng.normal(size=(rows, 2))
    return outputs + rng.standard_t(3, size=(rows, 2)) * [1, 5], outputs


def draw_counts(rng, rows):
    outputs = rng.uniform(1, 50, (rows, 1))
    return rng.poisson(outputs) + rng.uniform(0, 1, (rows, 1)), outputs


def draw_quantiles(rng, rows):
    middle, width = rng.normal(size=(rows, 1)), rng.uniform(0.5, 2, (rows, 1))
    return middle + 3 * width * rng.normal(size=(rows, 1)), middle + width * [-1, 0, 1]


DRAWS = {
    "classes": draw_classes,
    "ordered": draw_classes,
    "yes_no": draw_flags,
    "residual": draw_numbers,
    "count": draw_counts,
    "quantiles": draw_quantiles,
}


def same(raw):
    return raw


def calibrated(method, labels, outputs, level=LEVEL):
    return Calibration.of(level, {"a": method}, {"a": labels}, {"a": outputs})


def region(calibration, outputs):
    return calibration.regions({"a": outputs}, {"a": outputs}, same)["a"]


@pytest.mark.parametrize("method", METHODS)
def test_the_coverage_over_200_draws_is_within_its_binomial_interval(method):
    inside = total = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        calibration = calibrated(method, *DRAWS[method](rng, ROWS))
        labels, outputs = DRAWS[method](rng, NEW)
        # One row of each draw: those of one draw share their threshold, and so are not independent.
        covered = region(calibration, outputs).covered(labels)
        inside += float(covered[0] == 1) if method not in ("yes_no", "residual") else covered[0]
        total += 1
    low, high = binom.interval(0.99, total, LEVEL)
    assert low <= inside
    # Ranges of whole classes and flags may hold more than promised.
    assert inside <= high or method in ("ordered", "yes_no")


@pytest.mark.parametrize("method", METHODS)
def test_the_mean_coverage_is_the_level_over_many_rows(method):
    shares = []
    for seed in range(40):
        rng = np.random.default_rng(1000 + seed)
        calibration = calibrated(method, *DRAWS[method](rng, ROWS))
        labels, outputs = DRAWS[method](rng, 500)
        shares.append(np.mean(region(calibration, outputs).covered(labels)))
    assert np.mean(shares) >= LEVEL - 0.015
    assert np.mean(shares) <= LEVEL + (0.08 if method == "ordered" else 0.02)


def rounded(method, labels, outputs):
    """The same with many equal scores."""
    if method == "yes_no":
        return labels, np.round(outputs, 1)
    if method not in ("classes", "ordered"):
        return np.round(labels), np.round(outputs)
    probabilities = np.round(outputs, 1) + 1e-9
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True)


def with_missing(rng, labels):
    missing = rng.random(labels.shape) < 0.3
    return np.where(missing, -1, labels) if labels.ndim == 1 else np.where(missing, np.nan, labels)


@pytest.mark.parametrize("case", ["ties", "few rows", "missing labels"])
@pytest.mark.parametrize("method", METHODS)
def test_ties_few_rows_and_missing_labels_take_nothing_from_the_coverage(method, case):
    shares = []
    for seed in range(60):
        rng = np.random.default_rng(2000 + seed)
        rows = (40 if method == "yes_no" else 12) if case == "few rows" else ROWS
        drawn, new = DRAWS[method](rng, rows), DRAWS[method](rng, 20)
        if case == "ties":
            drawn, new = rounded(method, *drawn), rounded(method, *new)
        if case == "missing labels":
            drawn = with_missing(rng, drawn[0]), drawn[1]
        calibration = calibrated(method, *drawn)
        if not calibration.too_few("a"):
            shares.append(np.nanmean(region(calibration, new[1]).covered(new[0])))
    assert len(shares) > 50
    assert np.mean(shares) >= LEVEL - 0.03


def test_yes_and_no_are_covered_each_also_if_one_is_rare():
    rng = np.random.default_rng(0)

    def draw(rows):
        truth = (rng.uniform(size=(rows, 1)) < 0.1).astype(float)
        return truth, 1 / (1 + np.exp(2.5 - truth - rng.normal(size=(rows, 1))))

    calibration = calibrated("yes_no", *draw(10_000))
    truth, p = draw(10_000)
    found = region(calibration, p)
    covered = found.covered(truth)
    for value in (0, 1):
        assert covered[truth[:, 0] == value].mean() == pytest.approx(LEVEL, abs=0.05)
    assert 0 < (found.low < found.high).mean() < 1


def test_a_set_always_has_the_most_probable_class():
    labels, p = draw_classes(np.random.default_rng(0), 400)
    sure = np.eye(6)[labels] * 0.9 + 0.1 / 6
    found = region(calibrated("classes", labels, sure), p)
    assert found.sets[np.arange(len(p)), p.argmax(axis=1)].all()


def test_ordered_sets_are_ranges_of_neighbours_around_the_most_probable_class():
    labels, p = draw_classes(np.random.default_rng(0), 400)
    sets = region(calibrated("ordered", labels, p), p).sets
    assert sets[np.arange(len(p)), p.argmax(axis=1)].all()
    jumps = np.abs(np.diff(np.pad(sets, ((0, 0), (1, 1))).astype(int), axis=1)).sum(axis=1)
    assert set(jumps) == {2}
    assert 1 < sets.sum(axis=1).mean() < 6


def test_an_interval_of_a_quantile_head_may_shrink_but_keeps_its_median():
    outputs = np.tile([-10.0, 0.0, 10.0], (50, 1))
    labels = np.random.default_rng(0).normal(size=(50, 1))
    found = region(calibrated("quantiles", labels, outputs), outputs)
    assert (found.high - found.low < 6).all()
    exact = region(calibrated("quantiles", np.zeros((50, 1)), outputs), outputs)
    assert ((exact.low <= 0) & (exact.high >= 0)).all()


def test_counts_have_wider_intervals_where_they_are_large_and_none_below_0():
    labels, outputs = draw_counts(np.random.default_rng(0), 300)
    found = region(calibrated("count", labels, outputs), np.array([[0.5], [40.0]]))
    assert found.low[0, 0] == 0
    assert found.sizes()[1] > 3 * found.sizes()[0]


def test_the_threshold_is_the_next_largest_score_and_infinite_with_too_few_rows():
    assert threshold(np.arange(1.0, 10.0), 0.9) == 9
    assert threshold(np.arange(1.0, 9.0), 0.9) == np.inf
    assert threshold(np.arange(1.0, 100.0)[::-1], 0.9) == 90
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        rows = fewest_rows(level)
        assert threshold(np.arange(rows), level) < np.inf
        assert threshold(np.arange(rows - 1), level) == np.inf


def test_heads_with_too_few_rows_have_no_sets():
    labels = {"few": np.arange(8) % 3, "rare": np.array([[0.0]] * 20 + [[1.0]] * 2)}
    outputs = {"few": np.full((8, 3), 1 / 3), "rare": np.linspace(0, 1, 22)[:, None]}
    calibration = Calibration.of(0.9, {"few": "classes", "rare": "yes_no"}, labels, outputs)
    assert calibration.too_few("few")
    assert calibration.heads == ["rare"]
    assert (calibration.rows("few"), calibration.rows("rare")) == (8, 2)
    # Too few rows are yes, so yes is possible everywhere.
    assert (calibration.regions(outputs, outputs, same)["rare"].high == 1).all()


def test_rows_without_a_label_neither_calibrate_nor_count():
    labels = np.array([0, -1, 1, -1] * 10)
    p = np.tile([0.7, 0.3], (40, 1))
    calibration = calibrated("classes", labels, p)
    assert calibration.rows("a") == 20
    assert np.isnan(region(calibration, p).covered(labels)).tolist() == (labels < 0).tolist()
    numbers = np.where(np.arange(40)[:, None] % 2, np.nan, 1.0)
    calibration = calibrated("residual", numbers, np.zeros((40, 1)))
    assert calibration.rows("a") == 20
    covered = region(calibration, np.zeros((40, 1))).covered(numbers)
    assert covered[::2].tolist() == [1.0] * 20
    assert np.isnan(covered[1::2]).all()


def test_the_scores_are_kept_so_that_the_level_can_change():
    rng = np.random.default_rng(0)
    calibration = calibrated("residual", *draw_numbers(rng, 200))
    again = Calibration.from_facts(calibration.facts())
    assert again.thresholds == calibration.thresholds
    wider = Calibration.from_facts(calibration.facts(), level=0.95)
    assert all(a > b for a, b in zip(wider.thresholds["a"], again.thresholds["a"], strict=True))


def test_numbers_are_converted_to_their_unit_after_the_distance_is_added():
    labels, outputs = draw_numbers(np.random.default_rng(0), 100)
    calibration = calibrated("residual", labels, outputs)
    found = calibration.regions({"a": outputs}, {}, lambda raw: {"a": np.exp(raw["a"])})["a"]
    distance = np.array(calibration.thresholds["a"])
    np.testing.assert_allclose(found.low, np.exp(outputs - distance), rtol=1e-5)
    np.testing.assert_allclose(found.high, np.exp(outputs + distance), rtol=1e-5)


def test_the_range_of_the_coverage_narrows_with_the_calibration_rows():
    shares = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        shares.append(np.mean(rng.normal(size=4000) <= threshold(rng.normal(size=ROWS), LEVEL)))
    low, high = coverage_range(ROWS, LEVEL)
    assert np.mean((low <= np.array(shares)) & (np.array(shares) <= high)) == pytest.approx(0.95, abs=0.03)
    wider = coverage_range(19, LEVEL)
    assert wider[0] < low < LEVEL < high < wider[1]
