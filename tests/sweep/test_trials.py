"""A sweep's trials as plain values: which have finished, what they returned, and which heads they have."""

from pipeline.metric_names import skill_of
from tests.sweep.board.sample import OBJECTIVE, sweep, trial


def test_a_trial_returns_one_value_or_several_or_none():
    one = trial("one", {}, 0.2, 0.4)
    assert one.objective(skill_of("class")) == 0.2
    assert one.objective([skill_of("class"), skill_of("score")]) == (0.2, 0.4)
    assert one.objective([skill_of("class"), "val/missing"]) is None


def test_only_trials_with_every_objective_have_finished():
    good = trial("good", {}, 0.2, 0.4)
    failed = trial("failed", {}, 0.2, 0.4, status="FAILED")
    without = trial("without", {}, 0.2, 0.4, metrics={"val/loss": 1.0})
    assert sweep([good, failed, without], objective=[OBJECTIVE]).finished() == [good]


def test_heads_are_those_that_any_trial_has_measured():
    one = trial("one", {}, 0.2, 0.4, metrics={skill_of("a_b"): 0.1, skill_of(): 0.1})
    other = trial("other", {}, 0.2, 0.4, metrics={skill_of("a"): 0.1, "best/val_a_loss": 0.1})
    assert sweep([one, other]).heads() == ["a", "a_b"]
