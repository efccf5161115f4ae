"""Who wins which head: the sentence says by how much, on how many rows, and whether it is beyond noise."""

import numpy as np
import pytest

from pipeline.comparison.bootstrap import Interval
from pipeline.comparison.leads import Lead, leads, opening
from tests.comparison.sample import contender, predictions


def lead(head, best=0.9, second=0.8, ends=(-0.12, -0.08), metric="accuracy"):
    gaps = {"b": Interval(second - best, *ends)}
    return Lead(head, metric, {"a": best, "b": second}, "a", gaps, 100)


def test_a_run_that_is_better_on_every_row_wins_both_heads():
    runs = [contender("worse", predictions(shift=0.2)), contender("better", predictions())]
    found = leads(runs, "test")
    assert [(one.head, one.metric, one.best, one.certain) for one in found] == [
        ("class", "accuracy", "better", True),
        ("score", "mae", "better", True),
    ]
    assert found[1].gaps["worse"].value == pytest.approx(0.2, abs=0.02)
    assert [one.tone("worse") for one in found] == ["worse", "worse"]
    text = opening(found, "test", 400)
    assert text.startswith("On the 400 test rows that all runs predicted, better wins class (accuracy 0.")
    assert "0.2 less than worse, interval 0." in text
    assert text.endswith("beyond noise.")


def test_runs_that_differ_by_chance_are_within_noise():
    found = leads([contender("a", predictions()), contender("b", predictions(seed=1))], "test")
    assert found[0].tied
    assert not any(one.certain for one in found)
    assert found[0].tone("b") == "best"
    text = opening(found, "test", 400)
    assert text.startswith("On the 400 test rows that all runs predicted, no run is best beyond noise for ")
    assert " in both runs) or score (mae " in text


def test_the_intervals_of_many_runs_are_wider_because_the_best_is_chosen():
    frames = [predictions(seed=seed) for seed in range(8)]
    for place, frame in enumerate(frames):
        noise = np.random.default_rng(place).normal(size=len(frame))
        frame["score_predicted"] = frame["score_label"] + noise
    two = leads([contender(str(place), frame) for place, frame in enumerate(frames[:2])], "test")[1]
    eight = leads([contender(str(place), frame) for place, frame in enumerate(frames)], "test")[1]
    ((other, gap),) = two.gaps.items()
    wide = leads([contender(str(place), frame) for place, frame in enumerate(frames[:2])], "test")[1]
    assert wide.gaps[other] == gap
    assert not eight.certain
    narrow = gap.high - gap.low
    assert all(one.high - one.low > 1.2 * narrow for one in eight.gaps.values())


def test_a_sentence_on_many_heads_stays_short():
    certain = [lead(f"won_{n}") for n in range(3)]
    close = [lead(f"close_{n}", ends=(-0.2, 0.1)) for n in range(9)]
    text = opening([*certain, *close], "test", 1000)
    assert text.startswith("On the 1,000 test rows that all runs predicted, a wins won_0 (accuracy 0.1 more)")
    assert "; no run is best beyond noise for close_0, close_1," in text
    assert text.endswith(" or close_8.")
    assert len(text) < 350


def test_an_error_that_is_smaller_wins_by_less():
    found = [lead("price", 1.0, 1.5, ends=(0.25, 0.75), metric="mae")]
    text = opening(found, "test", 10)
    assert "a wins price (mae 1, 0.5 less than b, interval 0.25 … 0.75), beyond noise." in text


def test_the_sentence_says_how_many_runs_share_the_best_value():
    same, less = Interval(0, 0, 0), Interval(-0.1, -0.2, 0)
    for gaps, words in (({"b": same, "c": same}, "all 3 runs"), ({"b": same, "c": less}, "2 of 3 runs")):
        tied = Lead("class", "accuracy", {"a": 0.9, "b": 0.9, "c": 0.9 + gaps["c"].value}, "a", gaps, 9)
        assert f"no run is best beyond noise for class (accuracy 0.9 in {words})." in opening(
            [tied], "test", 9
        )
