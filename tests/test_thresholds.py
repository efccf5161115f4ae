"""Thresholds of yes and no: by F1, recall or cost, as a search over all of them finds them."""

import numpy as np
import pytest

from pipeline.thresholds import Curve, choose, sentence

NAN = float("nan")


def drawn(seed, rows=200, ties=False):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, rows)
    truth = (rng.uniform(size=rows) < p).astype(float)
    return np.where(rng.uniform(size=rows) < 0.1, NAN, truth), np.round(p, 1) if ties else p


def counts(truth, p, threshold):
    known = ~np.isnan(truth)
    yes, said = truth[known] == 1, p[known] > threshold
    return (yes & said).sum(), (~yes & said).sum(), (yes & ~said).sum()


def f1(truth, p, threshold):
    hits, alarms, missed = counts(truth, p, threshold)
    return 2 * hits / (2 * hits + alarms + missed)


def cost(truth, p, threshold, missed_cost):
    _, alarms, missed = counts(truth, p, threshold)
    return missed_cost * missed + alarms


GRID = np.append(np.linspace(-0.001, 1, 4001), 1.0)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_no_other_threshold_is_better(seed, ties):
    truth, p = drawn(seed, ties=ties)
    assert f1(truth, p, choose("f1", truth, p)) >= max(f1(truth, p, one) for one in GRID)
    for ratio in (0.2, 1, 5, 50):
        best = min(cost(truth, p, one, ratio) for one in GRID)
        assert cost(truth, p, choose({"cost": ratio}, truth, p), ratio) <= best


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.8, 0.95, 1.0])
def test_the_threshold_for_a_recall_is_the_highest_that_reaches_it(share, ties):
    truth, p = drawn(7, ties=ties)
    threshold = choose({"recall": share}, truth, p)

    def recall(at):
        hits, _, missed = counts(truth, p, at)
        return hits / (hits + missed)

    assert recall(threshold) >= share
    above = np.unique(p[(p > threshold) & ~np.isnan(truth)])
    assert recall(above[0]) < share


def test_a_missed_yes_that_costs_more_lowers_the_threshold():
    truth, p = drawn(1)
    found = [choose({"cost": ratio}, truth, p) for ratio in (0.1, 1, 3, 10, 1000)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.5 > 0.1 > found[-1]


def test_thresholds_lie_between_probabilities_and_include_none_and_all():
    curve = Curve.of(np.array([1.0, 0, 1, NAN]), np.array([0.8, 0.4, 0.4, 0.9]))
    assert curve.thresholds == pytest.approx([0.9, 0.6, 0.2])
    assert curve.hits.tolist() == [0, 1, 2]
    assert curve.alarms.tolist() == [0, 0, 1]
    assert curve.recall.tolist() == [0, 0.5, 1]
    assert np.isnan(curve.precision[0])
    assert curve.precision[1:].tolist() == pytest.approx([1, 2 / 3])
    at_zero = Curve.of(np.array([1.0, 0]), np.array([0.0, 1.0])).thresholds[-1]
    assert at_zero < 0


def test_fixed_thresholds_need_no_rows_and_others_need_both_values():
    none = np.zeros(0)
    assert choose(None, none, none) == 0.5
    assert choose(0.3, none, none) == 0.3
    for truth in ([0.0, 0, NAN], [1.0, 1, NAN]):
        for rule in ("f1", {"recall": 0.9}, {"cost": 2}):
            assert choose(rule, np.array(truth), np.array([0.2, 0.4, 0.6])) is None


def test_every_rule_has_words():
    words = [sentence(rule) for rule in (None, 0.3, "f1", {"recall": 0.9}, {"cost": 5})]
    assert len(set(words)) == 5
    assert "90 %" in words[3]
    assert "5 times" in words[4]
