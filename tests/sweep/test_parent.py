"""A sweep's own run: opened, taken over, told of its trials' ends."""

import json
import os
from types import SimpleNamespace

import pytest

from pipeline.errors import ConfigError
from pipeline.sweep.parent import Parent, best_of
from pipeline.sweep.process import identity
from pipeline.sync import lines
from tests import stores
from tests.sweep.sweeps import ALSO_GONE, GONE, add_trial, config_of, open_parent


@pytest.fixture
def cfg(folder_with_store):
    return config_of(folder_with_store)


@pytest.fixture
def parent(cfg):
    return open_parent(cfg)


def states(parent: Parent) -> dict[str, tuple[str, str]]:
    """Trial -> its status, and why."""
    return {trial.key: (trial.status, trial.reason) for trial in parent.attempts()}


def test_a_sweep_of_a_new_name_gets_a_run_of_its_own(cfg, parent):
    run = parent.client.get_run(parent.run_id)
    assert (run.info.run_name, run.info.status) == ("s", "RUNNING")
    assert run.data.tags["sweep.process"] == GONE
    assert int(run.data.tags["sweep.since"]) > 0
    cfg.sweep.name = "t"
    assert open_parent(cfg).run_id != parent.run_id


def test_a_sweep_without_a_name_is_called_by_its_time(folder_with_store):
    parent = open_parent(config_of(folder_with_store, name=None))
    assert parent.client.get_run(parent.run_id).info.run_name.startswith("sweep ")


@pytest.mark.parametrize("name", ["it's", 'a "b" `c`'])
def test_the_name_of_a_sweep_may_have_quotes(cfg, name):
    cfg.sweep.name = name
    first = open_parent(cfg, process=GONE)
    assert open_parent(cfg, process=ALSO_GONE).run_id == first.run_id


def test_the_same_name_goes_on_with_the_sweep_that_has_ended(cfg, parent):
    add_trial(parent, "1", "FINISHED")
    parent.client.set_terminated(parent.run_id, "FAILED")
    again = open_parent(cfg, process=ALSO_GONE)
    assert again.run_id == parent.run_id
    assert again.tag("sweep.process") == ALSO_GONE
    assert again.client.get_run(again.run_id).info.status == "RUNNING"
    assert states(again) == {"1": ("FINISHED", "")}


def test_a_sweep_that_another_process_runs_is_not_taken_over(cfg):
    open_parent(cfg, process=identity(os.getppid()))
    with pytest.raises(ConfigError, match=r"sweep\.name: a sweep with this name is running"):
        open_parent(cfg)


def test_a_sweep_that_lost_its_workers_goes_on_as_the_same_command(cfg, parent):
    since = parent.tag("sweep.since")
    cfg.sweep.parent = parent.run_id
    assert open_parent(cfg).run_id == parent.run_id
    assert parent.tag("sweep.since") == since


def test_trials_of_a_sweep_that_was_killed_are_killed_once_it_goes_on(cfg, parent):
    add_trial(parent, "1")
    add_trial(parent, "2", process="elsewhere:1:1")
    found = states(open_parent(cfg))
    assert found["1"] == ("KILLED", "ended together with its sweep")
    assert found["2"][0] == "KILLED"
    assert "its machine cannot be checked" in found["2"][1]


def test_of_several_attempts_the_finished_or_else_the_newest_one_counts(parent):
    finished = add_trial(parent, "1", "FINISHED")
    add_trial(parent, "1", "FAILED")
    add_trial(parent, "2", "FAILED")
    newest = add_trial(parent, "2", "KILLED")
    assert [trial.run_id for trial in parent.trials()] == [finished, newest]


def test_the_first_of_several_dead_workers_is_to_blame(parent):
    add_trial(parent, "1", process=GONE)
    add_trial(parent, "2", process=ALSO_GONE)
    parent.settle(SimpleNamespace(first=lambda: ALSO_GONE))
    found = states(parent)
    assert found["1"] == ("KILLED", "ended together with its sweep")
    assert found["2"] == ("FAILED", "ProcessLookupError: the process was killed (out of memory?)")


def test_where_it_is_not_known_who_died_first_all_that_died_have_failed(parent):
    add_trial(parent, "1", process=GONE)
    add_trial(parent, "2", process=ALSO_GONE)
    parent.settle(SimpleNamespace(first=lambda: None))
    assert {status for status, _ in states(parent).values()} == {"FAILED"}


def test_a_trial_whose_process_still_runs_stays_open(parent):
    add_trial(parent, "1", process=identity(os.getppid()))
    parent.settle(wait=0)
    assert states(parent) == {"1": ("RUNNING", "")}


def test_a_trial_ends_with_its_reason_and_its_traceback(parent, folder_with_store):
    run_id = add_trial(parent, "1")
    parent.end(run_id, ValueError("too small\nand more"))
    assert states(parent) == {"1": ("FAILED", "ValueError: too small")}
    run = parent.client.get_run(run_id)
    assert "and more" in stores.artifact(folder_with_store, run, "traceback.txt").read_text()
    parent.end(run_id, KeyboardInterrupt())  # it has ended
    assert states(parent)["1"][0] == "FAILED"


def test_a_trial_that_was_interrupted_is_killed(parent):
    parent.end(add_trial(parent, "1"), KeyboardInterrupt())
    assert states(parent)["1"][0] == "KILLED"


def test_the_description_tells_how_far_the_sweep_is_and_which_trial_is_best(parent):
    best = add_trial(parent, "1", "FINISHED", parameter="x", skill=0.5)
    add_trial(parent, "2", "FINISHED", parameter="x", skill=0.25)
    add_trial(parent, "3", "FAILED", parameter="x")
    parent.describe(["best/val_skill"], planned=4)
    text = parent.tag("mlflow.note.content")
    assert text.startswith("2 of 4 trials finished, 1 failed.")
    run = f"#/experiments/{parent.experiment_id}/runs/{parent.run_id}"
    assert f"[Board]({run}/artifacts/report/sweep.html)" in text
    assert "[Compare all 3 trials](#/compare-runs?runs=" in text
    assert f"Best `best/val_skill`: 0.5 by [x=1](#/experiments/{parent.experiment_id}/runs/{best})" in text


def test_the_best_of_a_sweep_over_seeds_is_a_mean_not_a_lucky_seed(parent):
    for seed, skill in ((1, 0.5), (2, 0.75)):
        add_trial(parent, str(seed), "FINISHED", skill=skill)
    parent.describe(["best/val_skill"], planned=2)
    assert "Best `best/val_skill`: 0.625 (mean of 2 seeds) by [all seeds]" in parent.tag(
        "mlflow.note.content"
    )


def test_a_sweep_that_never_had_a_trial_is_deleted(parent):
    parent.forget()
    assert parent.client.get_run(parent.run_id).info.lifecycle_stage == "deleted"


def test_the_best_trial_goes_by_the_direction_of_the_metric(parent):
    for number in (1, 3, 2):
        add_trial(parent, str(number), "FINISHED", parameter="x", skill=number / 10, loss=number)
    trials = parent.trials()
    assert best_of(trials, "best/val_skill").name == "x=3"
    assert best_of(trials, "best/val_loss").name == "x=1"
    assert best_of(trials, "best/val_class_f1") is None


def test_a_trial_is_read_as_it_was_written(parent):
    run_id = add_trial(parent, "1", "FINISHED", skill=0.5)
    (trial,) = parent.trials()
    assert (trial.run_id, trial.name, trial.varied) == (run_id, "seed=1", {"seed": "1"})
    assert (trial.metrics, trial.process) == ({"best/val_skill": 0.5}, GONE)
    assert json.loads(parent.tag("sweep.varies")) == ["seed"]


def test_the_end_of_a_sweep_whose_store_is_away_is_sent_later(cfg, parent):
    told = parent.leave("FINISHED")
    assert f"python -m pipeline.sync run={parent.run_id}" in told
    (line,) = lines(parent.run_id, cfg.tracking.uri)
    assert line.endswith("it is FINISHED")
    assert parent.client.get_run(parent.run_id).info.status == "FINISHED"
