"""What a sweep prints of its trials."""

import pytest

from pipeline.sweep.lines import best_lines, trial_line
from pipeline.sweep.trials import Trial

METRIC = "best/val_skill"


def trial(number, status="FINISHED", reason="", skill=None, **varied):
    """A trial that began `number` minutes after the first and took a minute."""
    varied = {name: str(value) for name, value in varied.items()} or {"x": str(number)}
    return Trial(
        run_id=str(number),
        name=" ".join(f"{name}={value}" for name, value in varied.items()),
        key=str(number),
        status=status,
        reason=reason,
        varied=varied,
        overrides="",
        metrics={} if skill is None else {METRIC: skill, "test/loss": 1 - skill},
        started=60_000 * number,
        ended=None if status == "RUNNING" else 60_000 * (number + 1),
        process="",
    )


TRIALS = [trial(0, skill=0.5), trial(1, skill=0.875), trial(2, skill=0.25), trial(3, "RUNNING")]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (0, "1/5  x=0  skill (val) 0.5  4 min 0 s left"),
        (1, "2/5  x=1  skill (val) 0.875  best so far  3 min 0 s left"),
        (2, "3/5  x=2  skill (val) 0.25  best 0.875 (trial 2)  2 min 0 s left"),
    ],
)
def test_a_line_has_the_number_the_objective_the_best_so_far_and_the_time_left(place, line):
    assert trial_line(TRIALS[place], TRIALS, [METRIC], planned=5) == line


def test_what_varies_is_named_with_its_whole_key():
    one = trial(0, skill=0.5, **{"loss_weights.class": 2, "optimizer.learning_rate": 0.00316227766})
    line = trial_line(one, [one], [METRIC], planned=1)
    assert "loss_weights.class=2 optimizer.learning_rate=0.00316  skill" in line


def test_two_workers_need_half_the_time():
    assert trial_line(TRIALS[0], TRIALS, [METRIC], planned=5, workers=2).endswith("2 min 0 s left")


def test_the_last_trial_leaves_no_time_and_an_unknown_number_is_a_question_mark():
    assert "left" not in trial_line(TRIALS[2], TRIALS[:3], [METRIC], planned=3)
    assert trial_line(TRIALS[2], TRIALS[:3], [METRIC], planned=None).startswith("3/?  x=2")


def test_every_objective_is_shown():
    assert "skill (val) 0.5  loss (test) 0.5" in trial_line(
        TRIALS[0], TRIALS, [METRIC, "test/loss"], planned=5
    )


def test_a_trial_that_failed_tells_why():
    failed = trial(0, "FAILED", "ValueError: too small")
    assert trial_line(failed, [failed], [METRIC], planned=1) == "1/1  x=0  failed: ValueError: too small"
    killed = trial(0, "KILLED")
    assert trial_line(killed, [killed], [METRIC], planned=1) == "1/1  x=0  killed"


def test_the_end_lists_the_three_best():
    lines = best_lines([*TRIALS, trial(4, skill=0.75), trial(5, "FAILED")], [METRIC])
    assert [line.split() for line in lines[1:]] == [
        ["1.", "0.875", "x=1"],
        ["2.", "0.75", "x=4"],
        ["3.", "0.5", "x=0"],
    ]
    assert best_lines(TRIALS[:1], [METRIC]) == []


def test_the_best_are_means_over_seeds():
    lucky = [trial(0, skill=0.75, x=1, seed=0), trial(1, skill=0.25, x=1, seed=1)]
    steady = [trial(2, skill=0.625, x=2, seed=0), trial(3, skill=0.625, x=2, seed=1)]
    title, first, second = best_lines([*lucky, *steady], [METRIC])
    assert title.split()[-2:] == ["seeds", "configuration"]
    assert first.split() == ["1.", "0.625", "2", "x=2"]
    assert second.split() == ["2.", "0.5", "2", "x=1"]
    line = trial_line(steady[1], [*lucky, *steady], [METRIC], planned=4)
    assert line.endswith("best 0.625 by x=2")
