"""Sweeps whose workers, or all of whose processes, are killed or sent a signal."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from pipeline.sweep.process import alive, pid_of
from tests import processes, stores
from tests.sweep.sweeps import JOBLIB, SMALL, runs_of, statuses

pytestmark = pytest.mark.slow
ENDLESS = ["trainer.epochs=100000", "trainer.early_stopping=null"]


@pytest.fixture
def start(tmp_path):
    """Start a sweep in a process group of its own; whatever is left of it is killed in the end."""
    started = []

    def begin(*overrides: str) -> subprocess.Popen:
        command = processes.command("train", "-m", *SMALL, *overrides)
        started.append(processes.start(command, tmp_path, start_new_session=True))
        return started[-1]

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for(where: Path, condition: Callable[[list[Any]], object], seconds: float = 240) -> list[Any]:
    """The trials, once they meet the condition."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.5)
        if (where / "mlruns" / "mlflow.db").exists():
            # The program holds this lock while it makes the database.
            with FileLock(where / "mlruns" / "mlflow.db.lock"):
                trials = runs_of(where)[1]
            if condition(trials):
                return trials
    raise AssertionError("the sweep did not get that far")


def in_training(trials: list[Any]) -> list[Any]:
    return [run for run in trials if run.info.status == "RUNNING" and "train/loss" in run.data.metrics]


def worker(run: Any) -> int:
    return pid_of(run.data.tags["sweep.process"])


def watched(process: subprocess.Popen) -> set[int]:
    """Processes whose end a process waits for, by its pidfds."""
    texts = []
    for file in Path(f"/proc/{process.pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            texts.append(file.read_text())
    return {int(pid) for text in texts for pid in re.findall(r"^Pid:\s+(\d+)$", text, re.MULTILINE)}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells which worker died first")
def test_a_killed_worker_fails_its_own_trial_and_the_others_finish(tmp_path, start):
    process = start("trainer.epochs=100000,3,2", "trainer.early_stopping=null", *JOBLIB)
    wait_for(
        tmp_path, lambda trials: any("epochs=100000" in run.info.run_name for run in in_training(trials))
    )
    (victim,) = (run for run in runs_of(tmp_path)[1] if "epochs=100000" in run.info.run_name)
    wait_for(
        tmp_path,
        lambda trials: (
            {worker(run) for run in [victim, *trials] if run.info.status == "RUNNING"} <= watched(process)
        ),
    )
    os.kill(worker(victim), signal.SIGKILL)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 1, err
    parents, trials = runs_of(tmp_path)
    last = {run.info.run_name: run for run in trials if run.info.status != "KILLED"}
    assert statuses(list(last.values())) == {"FINISHED": 2, "FAILED": 1}
    failed = stores.client(tmp_path).get_run(victim.info.run_id)
    assert failed.info.status == "FAILED"
    assert "killed" in failed.data.tags["pipeline.failure"]
    assert f"failed: {victim.info.run_name}: ProcessLookupError" in out
    assert parents[0].info.status == "FAILED"


def test_a_sweep_killed_as_a_whole_is_taken_up_where_it_was(tmp_path, start):
    words = ["loss_weights.species=1,2,3,4", "sweep.name=again", *JOBLIB]
    process = start(*words)
    wait_for(tmp_path, lambda trials: statuses(trials)["FINISHED"] >= 1)
    process.kill()
    assert process.wait() < 0
    assert runs_of(tmp_path)[0][0].info.status == "RUNNING"  # nobody was left to write anything else
    before = {run.info.run_id for run in runs_of(tmp_path)[1]}
    done = processes.run_verb("train", "-m", *SMALL, *words, where=tmp_path)
    assert done.returncode == 0, done.stderr
    parents, trials = runs_of(tmp_path)
    assert [run.info.status for run in parents] == ["FINISHED"]
    finished = [run for run in trials if run.info.status == "FINISHED"]
    assert sorted(run.info.run_name for run in finished) == [f"species={weight}" for weight in (1, 2, 3, 4)]
    assert statuses(trials)["RUNNING"] == 0
    assert before & {run.info.run_id for run in finished}
    # Workers that outlived their sweep ended what they were at, and then themselves.
    orphans = [run.data.tags["sweep.process"] for run in trials if run.info.run_id in before]
    until = time.monotonic() + 60
    while any(map(alive, orphans)) and time.monotonic() < until:
        time.sleep(0.2)
    assert not any(map(alive, orphans))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("launcher", [[], JOBLIB], ids=["in_process", "joblib"])
def test_a_signal_ends_workers_and_parent_with_true_statuses(tmp_path, start, number, launcher):
    process = start("loss_weights.species=1,2,3", *ENDLESS, *launcher)
    running = in_training(wait_for(tmp_path, in_training))
    process.send_signal(number)
    process.communicate(timeout=240)
    assert process.returncode == 128 + number
    parents, trials = runs_of(tmp_path)
    assert parents[0].info.status == "KILLED"
    assert set(statuses(trials)) == {"KILLED"}
    assert not any(alive(run.data.tags["sweep.process"]) for run in running)
