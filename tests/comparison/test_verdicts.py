"""Verdicts on runs whose differences are known, and the config values that differ."""

from pipeline.comparison.verdicts import differing, verdicts
from tests.comparison.sample import contender, predictions


def test_runs_are_better_worse_within_noise_or_the_same():
    runs = [
        contender("first", predictions()),
        contender("worse", predictions(shift=0.2)),
        contender("like", predictions(seed=1)),
        contender("copy", predictions()),
    ]
    words = {(one.run, one.head, one.metric): one.words() for one in verdicts(runs, "test")}
    assert words["worse", "class", "accuracy"] == "worse"
    assert words["worse", "score", "mae"] == "worse"
    assert words["like", "score", "mae"] == "within noise"
    assert words["copy", "class", "loss"] == "the same"
    reversed_words = {(one.run, one.metric): one.words() for one in verdicts(runs[1::-1], "test")}
    assert reversed_words["first", "accuracy"] == "better"


def test_a_head_is_compared_between_the_runs_that_have_it():
    without = predictions().drop(columns=[name for name in predictions() if name.startswith("score")])
    runs = [contender("a", predictions()), contender("b", without), contender("c", predictions(shift=0.1))]
    result = verdicts(runs, "test")
    assert {one.run for one in result if one.head == "score"} == {"a", "c"}
    assert {one.run for one in result if one.head == "class"} == {"a", "b", "c"}


def test_only_values_that_differ_are_listed_without_names_and_tags():
    one = contender("a", predictions(), **{"optimizer": "adam", "seed": "0", "tracking.run_name": "x"})
    two = contender("b", predictions(), **{"optimizer": "sgd", "seed": "0", "loss_weights.class": "2"})
    assert differing([one, two]) == [["loss_weights.class", "", "2"], ["optimizer", "adam", "sgd"]]
