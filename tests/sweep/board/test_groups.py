"""Trials that differ only in their seed: one group, and the measure of noise."""

import numpy as np
import pytest
from scipy.stats import tukey_hsd

from pipeline.sweep.board.groups import fold, noise, ranked, verdict
from tests.sweep.board.sample import OBJECTIVE, trial


def test_seeds_are_folded_into_one(grid):
    groups = fold(grid)
    assert len(groups) == 6
    assert groups[0].name == "class=0.5 adam"
    assert "seed" not in groups[0].varied
    assert groups[0].mean(OBJECTIVE) == pytest.approx(0.75)
    assert (
        fold([trial("seed=0", {"seed": "0"}, 1, 1), trial("seed=1", {"seed": "1"}, 1, 1)])[0].name
        == "all seeds"
    )


def test_noise_is_the_spread_between_seeds(grid):
    spread = noise(fold(grid), OBJECTIVE)
    values = np.array([[t.metrics[OBJECTIVE] for t in group.trials] for group in fold(grid)])
    assert spread.deviation == pytest.approx(np.sqrt(values.var(axis=1, ddof=1).mean()))
    assert spread.freedom == 12
    # What a seed does to all groups alike does not affect their differences.
    assert spread.between < 0.2 * spread.deviation
    assert spread.between_freedom == 10
    assert spread.error(3) == pytest.approx(spread.deviation / np.sqrt(3))


def test_the_margin_is_tukeys():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(4, 5))
    # Every trial has a seed of its own, so the groups share none.
    trials = [
        trial(f"x={i} seed={5 * i + j}", {"x": str(i), "seed": str(5 * i + j)}, value, value)
        for i, row in enumerate(samples)
        for j, value in enumerate(row)
    ]
    spread = noise(fold(trials), OBJECTIVE)
    interval = tukey_hsd(*samples).confidence_interval(0.95)
    assert spread.margin(5, 5) == pytest.approx((interval.high[0, 1] - interval.low[0, 1]) / 2, rel=1e-4)


def test_small_differences_are_within_noise_and_large_ones_beyond(grid):
    groups = ranked(fold(grid), OBJECTIVE)
    spread = noise(groups, OBJECTIVE)
    words = {group.name: verdict(groups[0], group, OBJECTIVE, spread) for group in groups}
    assert list(words.values()).count("best") == 1
    assert {words[f"class={w} sgd"] for w in (0.5, 1, 2)} == {"worse, beyond noise"}
    close = [word for name, word in words.items() if "adam" in name and word != "best"]
    assert close == ["within noise of the best"] * 2


def test_without_repeats_no_difference_is_beyond_noise(grid):
    groups = fold([one for one in grid if one.varied["seed"] == "0"])
    spread = noise(groups, OBJECTIVE)
    assert np.isnan(spread.margin(1, 1))
    assert verdict(groups[0], groups[1], OBJECTIVE, spread) == "unknown: one seed"


def test_groups_are_ranked_from_best_to_worst():
    groups = fold([trial("a", {"x": "1"}, 0.1, 0.1), trial("b", {"x": "2"}, 0.3, 0.3)])
    assert [group.name for group in ranked(groups, OBJECTIVE)] == ["b", "a"]


def test_of_losses_the_smallest_is_the_best_and_groups_without_it_come_last():
    losses = {"a": {"val/loss": 2.0}, "b": {"val/loss": 1.0}, "c": {}}
    groups = fold([trial(name, {"x": name}, 0, 0, metrics=metrics) for name, metrics in losses.items()])
    assert [group.name for group in ranked(groups, "val/loss")] == ["b", "a", "c"]
