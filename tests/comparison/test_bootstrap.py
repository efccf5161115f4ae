"""Confidence intervals: they cover as often as they claim, pair rows, and leave out missing scores."""

import numpy as np
import pytest

from pipeline.comparison.bootstrap import differences, means, resampled_means


def test_intervals_contain_the_mean_as_often_as_they_claim():
    rng = np.random.default_rng(1)
    hits = 0
    for repeat in range(120):
        (interval,) = means(rng.normal(3, 1, (60, 1)), seed=repeat)
        hits += interval.low <= 3 <= interval.high
    assert 0.87 <= hits / 120 <= 0.99


def test_equal_models_are_within_noise_as_often_as_claimed():
    rng = np.random.default_rng(2)
    certain = sum(not differences(rng.normal(0, 1, (60, 2)), seed=i)[1].noise for i in range(120))
    assert certain <= 14


def test_pairing_reveals_what_unpaired_intervals_hide():
    rng = np.random.default_rng(3)
    hard = rng.normal(0, 1, 300)  # some rows are hard for every model
    scores = np.column_stack([hard, hard + 0.05 + 0.1 * rng.normal(size=300)])
    one, other = means(scores)
    assert one.low < other.value < one.high
    gap = differences(scores)[1]
    assert not gap.noise
    assert gap.value == pytest.approx(0.05, abs=0.02)


def test_more_runs_make_wider_intervals():
    rng = np.random.default_rng(4)
    scores = rng.normal(size=(200, 10))
    few, many = differences(scores[:, :2])[1], differences(scores)[1]
    assert many.high - many.low > few.high - few.low


def test_rows_without_a_label_are_left_out():
    scores = np.array([[1.0, 2.0], [3.0, 5.0], [np.nan, np.nan]])
    assert differences(scores)[1].value == 1.5
    assert np.isfinite(resampled_means(np.vstack([scores] * 20))).all()
