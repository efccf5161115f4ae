"""What Hydra tells a sweep, and what the sweep makes of it."""

import pickle
from concurrent.futures.process import BrokenProcessPool
from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from omegaconf import OmegaConf

from pipeline.sweep.callback import NOT_SENT, SweepCallback, WorkersLostError
from pipeline.sweep.trials import Trial
from pipeline.sync import lines
from tests.sweep.sweeps import GONE, add_trial, config_of, open_parent


def test_a_preset_of_a_sweep_is_refused_without_m(capsys):
    choices = {"job": {"name": "train"}, "runtime": {"choices": {"sweep": "seeds"}}}
    with pytest.raises(SystemExit) as ended:
        SweepCallback().on_run_start(OmegaConf.create({"hydra": choices}))
    assert ended.value.code == 2
    assert "a sweep needs -m" in capsys.readouterr().err
    SweepCallback().on_run_start(OmegaConf.create({"hydra": {"runtime": {"choices": {"sweep": None}}}}))


class NoWatch(SimpleNamespace):
    """Stands for the watch of a sweep; keeps what it was asked to do."""

    def __init__(self) -> None:
        deaths = SimpleNamespace(first=lambda: GONE, close=lambda: None)
        super().__init__(deaths=deaths, done=[], objective=["best/val_skill"])

    def stop(self) -> None:
        self.done.append("stop")

    def tell(self, trials: list[Trial]) -> None:
        self.done.append(f"tell {len(trials)}")

    def draw(self, *, running: bool) -> None:
        self.done.append(f"draw running={running}")

    def ending(self, since: int) -> str:
        return "the ending"


@pytest.fixture
def callback(folder_with_store):
    """The callback of a sweep that has begun."""
    made = SweepCallback()
    made.parent, made.watch = open_parent(config_of(folder_with_store)), NoWatch()
    made.since = int(made.parent.tag("sweep.since"))
    return made


def end(callback: SweepCallback, error: BaseException | None = None) -> str:
    """The sweep's status after Hydra told that it has ended, with this error or with none."""
    try:
        if error is not None:
            raise error
    except BaseException:
        callback.on_multirun_end(OmegaConf.create({}))
    else:
        callback.on_multirun_end(OmegaConf.create({}))
    return callback.parent.client.get_run(callback.parent.run_id).info.status


def test_a_worker_gets_the_callback_without_the_store_and_the_thread(callback):
    copy = pickle.loads(pickle.dumps(callback))
    assert (copy.parent, copy.watch, copy.held, copy.since) == (None, None, None, callback.since)


def test_a_sweep_whose_trials_finished_has_finished(callback, capsys):
    add_trial(callback.parent, "1", "FINISHED")
    assert end(callback) == "FINISHED"
    assert callback.watch.done == ["stop", "tell 1", "draw running=False"]
    assert capsys.readouterr().out == "the ending\n"


def test_a_board_that_cannot_be_drawn_leaves_no_sweep_running(callback, capsys, monkeypatch):
    add_trial(callback.parent, "1", "FINISHED")
    monkeypatch.setattr(callback.watch, "draw", lambda running: 1 / 0, raising=False)
    assert end(callback) == "FINISHED"
    assert "the board could not be drawn: ZeroDivisionError" in capsys.readouterr().err


def test_an_error_of_the_sweeper_itself_is_told_and_logged(callback, capsys):
    add_trial(callback.parent, "1", "FINISHED")
    with pytest.raises(SystemExit):
        end(callback, OSError("the database is locked"))
    assert "the sweep ended: OSError: the database is locked" in capsys.readouterr().err
    run = callback.parent.client.get_run(callback.parent.run_id)
    assert (run.info.status, run.data.tags["pipeline.failure"]) == (
        "FAILED",
        "OSError: the database is locked",
    )


def test_a_sweep_with_a_failed_trial_has_failed_with_code_1(callback):
    add_trial(callback.parent, "1", "FINISHED")
    add_trial(callback.parent, "2", "FAILED")
    with pytest.raises(SystemExit) as ended:
        end(callback)
    assert ended.value.code == 1
    assert callback.parent.client.get_run(callback.parent.run_id).info.status == "FAILED"


def test_a_trial_that_failed_under_an_earlier_command_does_not_fail_the_sweep(callback):
    add_trial(callback.parent, "1", "FAILED")
    callback.since += 60_000
    add_trial(callback.parent, "2", "FINISHED")
    assert end(callback) == "FINISHED"


def test_an_interrupted_sweep_is_killed_and_so_are_its_trials(callback):
    add_trial(callback.parent, "1")
    assert end(callback, KeyboardInterrupt()) == "KILLED"
    assert [trial.status for trial in callback.parent.trials()] == ["KILLED"]


def test_an_error_at_the_end_of_a_sweep_is_no_warning_of_hydra(callback, monkeypatch, capsys):
    def fails() -> None:
        raise RuntimeError("of the watch")

    monkeypatch.setattr(callback.watch, "stop", fails)
    with pytest.raises(SystemExit) as ended:
        end(callback)
    assert ended.value.code == 1
    assert "RuntimeError: of the watch" in capsys.readouterr().err


def test_a_sweep_that_lost_a_worker_goes_on_with_what_is_left(callback):
    add_trial(callback.parent, "1")
    with pytest.raises(WorkersLostError) as lost:
        end(callback, BrokenProcessPool())
    assert lost.value.override == f"sweep.parent={callback.parent.run_id}"
    assert [trial.status for trial in callback.parent.trials()] == ["FAILED"]
    assert callback.parent.client.get_run(callback.parent.run_id).info.status == "RUNNING"


def test_a_sweep_that_loses_workers_without_getting_anywhere_has_failed(callback):
    add_trial(callback.parent, "1", "FAILED")
    with pytest.raises(SystemExit) as ended:
        end(callback, BrokenProcessPool())
    assert ended.value.code == 1


def test_a_sweep_that_hydra_refused_leaves_no_run(callback):
    end(callback, ValueError("no such override"))
    assert callback.parent.client.get_run(callback.parent.run_id).info.lifecycle_stage == "deleted"


def test_what_is_not_recorded_has_no_sweep_of_its_own():
    callback = SweepCallback()
    callback.on_multirun_start(OmegaConf.create({"hydra": {"job": {"name": "check"}}}))
    callback.on_multirun_end(OmegaConf.create({}))
    assert callback.parent is None


def test_a_sweep_whose_store_is_away_at_its_end_says_how_to_send_it(callback, monkeypatch, capsys):
    def away(*words: object) -> None:
        raise MlflowException("API request failed with exception: refused")

    monkeypatch.setattr(callback.parent, "trials", away)
    with pytest.raises(SystemExit) as ended:
        end(callback)
    assert ended.value.code == NOT_SENT
    run_id = callback.parent.run_id
    assert "the sweep has ended as FINISHED, but its store does not answer" in capsys.readouterr().err
    (line,) = lines(run_id, callback.parent.uri)
    assert line.endswith("it is FINISHED")
