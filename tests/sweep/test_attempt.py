"""One job of a sweep: which trial it is, and whether an earlier attempt has its result."""

import json

import pytest
from omegaconf import OmegaConf

from pipeline.sweep import attempt
from pipeline.sweep.attempt import Attempt, TrialFailedError
from pipeline.sweep.parent import Parent
from tests.sweep.sweeps import config_of, open_parent

CONFIG = {"seed": 0, "optimizer": {"rate": 0.1}, "tracking": {"uri": None}, "sweep": {"parent": "a"}}


def key(**changes: object) -> str:
    return attempt.key(OmegaConf.create(CONFIG | changes))


def test_a_job_is_the_same_trial_wherever_its_run_is_kept():
    assert key(tracking={"uri": "x"}, sweep={}, hydra={"job": {"num": 3}}) == key()


def test_a_job_is_another_trial_when_anything_else_differs():
    assert key(optimizer={"rate": 0.2}) != key()
    assert key(seed=1) != key()


def test_keys_that_yaml_reads_as_booleans_are_part_of_the_trial():
    # `yes: up` of a binary target.
    with_yes = OmegaConf.create({"data": {"targets": {"y": {"kind": "binary", True: "up"}}}})
    other = OmegaConf.create({"data": {"targets": {"y": {"kind": "binary", True: "down"}}}})
    assert attempt.key(with_yes) == attempt.key(with_yes.copy()) != attempt.key(other)


def test_what_varies_is_listed_as_typed_and_the_seed_comes_last():
    typed = ["+seed=1", "optimizer=adam", "loss_weights.class=2.0"]
    found = attempt.varied(typed, ["seed", "optimizer", "nowhere"])
    assert list(found.items()) == [("optimizer", "adam"), ("seed", "1")]


@pytest.fixture
def job(folder_with_store):
    """A job of an open sweep: its config."""
    cfg = config_of(folder_with_store)
    cfg.sweep.parent = open_parent(cfg).run_id
    attempt.start(cfg)
    yield cfg
    attempt.stop()


def end(cfg: object, run_id: str, status: str, **metrics: float) -> None:
    client = Parent.of(cfg).client
    for name, value in metrics.items():
        client.log_metric(run_id, f"best/val_{name}", value)
    client.set_terminated(run_id, status)


def test_outside_of_a_sweep_no_run_is_opened():
    assert attempt.begin(OmegaConf.create({"sweep": {"parent": None}}), []) == Attempt()


def test_a_new_trial_gets_a_run_below_the_sweep(job):
    begun = attempt.begin(job, ["seed=1"])
    run = Parent.of(job).client.get_run(begun.run_id)
    assert run.info.run_name == "seed=1"
    assert run.data.tags["mlflow.parentRunId"] == job.sweep.parent
    assert json.loads(run.data.tags["sweep.varied"]) == {"seed": "1"}


def test_a_trial_that_finished_returns_its_objective_and_is_not_run_again(job):
    end(job, attempt.begin(job, ["seed=1"]).run_id, "FINISHED", skill=0.5)
    assert attempt.begin(job, ["seed=1"]) == Attempt(objective=0.5)


def test_a_trial_that_failed_under_this_command_is_not_tried_again(job):
    parent = Parent.of(job)
    parent.end(attempt.begin(job, ["seed=1"]).run_id, ValueError("too small"))
    with pytest.raises(TrialFailedError, match="ValueError: too small"):
        attempt.begin(job, ["seed=1"])


def test_a_trial_that_failed_under_an_earlier_command_is_tried_again(job):
    first = attempt.begin(job, ["seed=1"])
    end(job, first.run_id, "FAILED")
    client = Parent.of(job).client
    client.set_tag(job.sweep.parent, "sweep.since", str(client.get_run(first.run_id).info.start_time + 1))
    assert attempt.begin(job, ["seed=1"]).run_id not in (None, first.run_id)


def test_a_job_that_fails_before_its_run_begins_leaves_a_failed_run(job):
    attempt.end_failed(job, ValueError("too small"))
    (trial,) = Parent.of(job).attempts()
    assert (trial.status, trial.reason) == ("FAILED", "ValueError: too small")


def test_a_job_that_is_interrupted_before_its_run_begins_leaves_none(job):
    attempt.end_failed(job, KeyboardInterrupt())
    assert Parent.of(job).attempts() == []
