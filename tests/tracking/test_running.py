"""A run is trained by one process at a time, and the runs of killed processes are closed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.tracking.running import SILENCE, close_lost, only_process, refuse_if_running

HOLD = """
import sys, time
from pipeline.tracking.running import only_process
with only_process("abc", sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""
OWNER = Path("mlruns/checkpoints/abc/process.json")


@pytest.fixture
def uri(folder_with_store, monkeypatch):
    monkeypatch.chdir(folder_with_store)
    return f"sqlite:///{folder_with_store}/mlruns/mlflow.db"


@pytest.fixture
def other(uri):
    """Another process that trains the run `abc`."""
    with subprocess.Popen([sys.executable, "-c", HOLD, uri], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def elsewhere(uri, silent):
    OWNER.parent.mkdir(parents=True)
    OWNER.write_text(json.dumps({"run": "abc", "uri": uri, "host": "far", "process": 7, "since": "noon"}))
    at = time.time() - silent
    os.utime(OWNER, (at, at))


def test_the_second_process_is_refused_until_the_first_has_ended(uri, other):
    told = rf"(?s)being trained by another process.*process {other.pid} on"
    with pytest.raises(ConfigError, match=told):
        refuse_if_running("abc")
    with pytest.raises(ConfigError, match=told), only_process("abc", uri):
        pass
    other.kill()
    other.wait()
    refuse_if_running("abc")
    with only_process("abc", uri):
        assert json.loads(OWNER.read_text())["process"] == os.getpid()
    assert not OWNER.exists()


def test_a_process_on_another_machine_counts_as_long_as_it_gives_signs_of_life(uri):
    elsewhere(uri, silent=SILENCE / 2)
    with pytest.raises(ConfigError, match="process 7 on far, since noon"):
        refuse_if_running("abc")
    at = time.time() - 2 * SILENCE
    os.utime(OWNER, (at, at))
    refuse_if_running("abc")


def test_the_owner_gives_signs_of_life(uri, monkeypatch):
    monkeypatch.setattr("pipeline.tracking.running.BEAT", 0.01)
    with only_process("abc", uri):
        os.utime(OWNER, (0, 0))
        until = time.monotonic() + 5
        while OWNER.stat().st_mtime == 0 and time.monotonic() < until:
            time.sleep(0.01)
        assert OWNER.stat().st_mtime > 0


@pytest.mark.parametrize("state", ["RUNNING", "FAILED"])
def test_a_run_whose_process_was_killed_is_closed_and_others_keep_their_status(uri, caplog, state):
    client = MlflowClient(uri)
    run_id = client.create_run("0").info.run_id
    if state != "RUNNING":
        client.set_terminated(run_id, state)
    with only_process(run_id, uri):
        left = Path(f"mlruns/checkpoints/{run_id}/process.json").read_text()
    Path(f"mlruns/checkpoints/{run_id}/process.json").write_text(left)
    close_lost(client, "sqlite:///another.db")
    assert client.get_run(run_id).info.status == state
    close_lost(client, uri)
    assert client.get_run(run_id).info.status == ("KILLED" if state == "RUNNING" else state)
    assert (f"resume={run_id}" in caplog.text) == (state == "RUNNING")
    assert not Path(f"mlruns/checkpoints/{run_id}/process.json").exists()


def test_a_run_in_training_is_not_closed(uri, other):
    close_lost(MlflowClient(uri), uri)
    assert OWNER.exists()


@pytest.mark.slow
def test_the_trial_of_a_sweep_is_left_to_the_sweep_as_long_as_that_runs(uri, other):
    client = MlflowClient(uri)
    trial = client.create_run("0", tags={"mlflow.parentRunId": "abc"}).info.run_id
    with only_process(trial, uri):
        left = Path(f"mlruns/checkpoints/{trial}/process.json").read_text()
    Path(f"mlruns/checkpoints/{trial}/process.json").write_text(left)
    close_lost(client, uri)
    assert client.get_run(trial).info.status == "RUNNING"
    other.kill()
    other.wait()
    OWNER.unlink()
    close_lost(client, uri)
    assert client.get_run(trial).info.status == "KILLED"


def test_a_run_that_failed_while_its_store_could_not_be_written_is_closed_as_failed(uri):
    client = MlflowClient(uri)
    run_id = client.create_run("0").info.run_id
    with pytest.raises(OSError, match="full"), only_process(run_id, uri):
        raise OSError("the disk is full")
    close_lost(client, uri)
    assert client.get_run(run_id).info.status == "FAILED"
    assert not list(Path(f"mlruns/checkpoints/{run_id}").glob("*.json"))
