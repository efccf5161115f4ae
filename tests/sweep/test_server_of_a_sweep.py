"""A real MLflow server that is killed while a sweep runs: nothing is lost, and every status is true."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests import processes
from tests.sweep.sweeps import SMALL
from tests.tracking.servers import Server

pytestmark = pytest.mark.slow
EPOCHS = 400
TRIALS = ["seed=0,1,2,3", f"trainer.epochs={EPOCHS}", "trainer.early_stopping=null", "sweep.name=away"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "store").mkdir()
    (tmp_path / "work").mkdir()
    server = Server(tmp_path / "store")
    server.start()
    yield server
    server.kill()


@contextlib.contextmanager
def sweep(server: Server) -> Iterator[subprocess.Popen]:
    command = processes.command("train", "-m", *SMALL, *TRIALS, f"tracking.uri={server.uri}")
    process = processes.start(command, server.folder.parent / "work", start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_for_trial(server: Server) -> None:
    """Wait until the first trial has logged some epochs."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        if any("train/loss" in run.data.metrics for run in runs(server)):
            return
        time.sleep(0.3)
    raise AssertionError("no trial trains")


def runs(server: Server) -> list[Run]:
    client = MlflowClient(server.uri)
    ids = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(ids))


def epochs(server: Server, run: Run) -> list[int]:
    return [
        point.step for point in MlflowClient(server.uri).get_metric_history(run.info.run_id, "train/loss")
    ]


def trials(server: Server) -> list[Run]:
    return [run for run in runs(server) if "mlflow.parentRunId" in run.data.tags]


def test_a_sweep_whose_server_is_back_within_a_minute_loses_nothing(server: Server) -> None:
    with sweep(server) as process:
        wait_for_trial(server)
        server.kill()
        time.sleep(15)
        server.start()
        _, told = process.communicate(timeout=500)
    assert process.returncode == 0, told
    assert [run.info.status for run in runs(server)] == ["FINISHED"] * 5
    assert len(trials(server)) == 4
    for run in trials(server):
        assert epochs(server, run) == list(range(1, EPOCHS + 1))


def test_a_sweep_whose_server_stays_away_is_sent_later_and_goes_on(server: Server) -> None:
    work = server.folder.parent / "work"
    with sweep(server) as process:
        wait_for_trial(server)
        server.kill()
        out, told = process.communicate(timeout=590)
    assert process.returncode not in (0, None), out
    assert "Traceback" not in told
    assert "python -m pipeline.sync" in told
    server.start()
    sent = processes.run_verb("sync", where=work)
    assert sent.returncode == 0, sent.stderr
    assert not (work / "mlruns" / "waiting").exists()
    for run in runs(server):
        assert run.info.status in ("FINISHED", "FAILED"), run.info.run_name
    finished = [run for run in trials(server) if run.info.status == "FINISHED"]
    assert finished
    for run in finished:
        assert epochs(server, run) == list(range(1, EPOCHS + 1))
    with sweep(server) as again:
        _, told = again.communicate(timeout=500)
    assert again.returncode == 0, told
    good = [run for run in trials(server) if run.info.status == "FINISHED"]
    assert sorted(run.data.params["seed"] for run in good) == ["0", "1", "2", "3"]
