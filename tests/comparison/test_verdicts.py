"""Verdicts on runs whose differences are known, and the config values that differ."""

from pipeline.comparison.verdicts import differing, rows_compared, verdicts
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


def test_how_many_rows_are_compared_is_said():
    frame = predictions()
    same = [contender("one", frame), contender("two", frame)]
    assert rows_compared(same, "test") == "compared on 400 test rows, those of every run"
    fewer = [contender("one", frame), contender("two", frame[:300])]
    said = "compared on the 300 test rows that all runs predicted (one: 400, two: 300)"
    assert rows_compared(fewer, "test") == said
