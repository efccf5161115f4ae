"""A real MLflow server that goes away, comes back, or answers late: the run loses nothing."""

import re
import signal
import time

import pytest
from mlflow.tracking import MlflowClient

from pipeline.paths import waiting_folder
from pipeline.sync import lines
from pipeline.tracking import connect, open_run, outbox
from tests import processes
from tests.tracking.servers import Server, slow

pytestmark = pytest.mark.slow
WORDS = ["data=penguins", "branches=auto", "heads=auto", "insight=off", "trainer.early_stopping=null"]


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A running server; the working folder is another one."""
    (tmp_path / "store").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    server = Server(tmp_path / "store")
    server.start()
    yield server
    server.kill()


def logged(client: MlflowClient, run_id: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client.get_metric_history(run_id, "train/loss")]


def test_a_server_that_is_away_for_a_while_gets_everything_when_it_is_back(server):
    with open_run(connect(server.uri, "e"), run_name="r", params={"a": 1}, tags={}) as run:
        for epoch in range(60):
            run.log_metrics({"train/loss": float(epoch)}, epoch + 1)
            if epoch == 20:
                server.kill()
            if epoch == 50:
                server.start()
            time.sleep(0.05)
    assert run.unsent is None
    assert logged(run.client, run.run_id) == [(i + 1, float(i)) for i in range(60)]
    assert run.client.get_run(run.run_id).info.status == "FINISHED"
    assert not waiting_folder(run.run_id).exists()


def test_a_run_whose_server_stays_away_is_sent_later_by_a_command(server, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(outbox, "PATIENCE", 1.0)
    monkeypatch.setattr("pipeline.tracking.writing.PATIENCE", 1.0)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("x")
    address = server.uri.replace("//", "//ann:s3cr3t@")
    with open_run(connect(address, "e"), run_name="r", params={"a": 1}, tags={}) as run:
        run.outbox.drain()
        server.kill()
        for epoch in range(300):
            run.log_metrics({"train/loss": float(epoch)}, epoch + 1)
        run.log_folder(tmp_path / "files")
    told = capsys.readouterr().err
    assert "your training is safe" in told
    assert f"python -m pipeline.sync run={run.run_id}" in told
    assert "s3cr3t" not in told
    found = [path.read_bytes() for path in waiting_folder(run.run_id).rglob("*") if path.is_file()]
    assert not any(b"s3cr3t" in content for content in found)
    server.start()
    (line,) = lines(None, None)
    assert line.endswith("it is FINISHED")
    client = MlflowClient(server.uri)
    assert logged(client, run.run_id) == [(i + 1, float(i)) for i in range(300)]
    assert [file.path for file in client.list_artifacts(run.run_id)] == ["a.txt"]
    assert lines(None, None) == ["nothing waits here"]


def test_a_training_asks_a_server_for_little(server):
    """MLflow's own way to log a model asked for the history of each of 79 metrics."""
    with slow(server, 0.0) as (address, requests):
        words = [*WORDS, "trainer.epochs=3", f"tracking.uri={address}"]
        done = processes.run_verb("train", *words, where=server.folder.parent / "work")
    assert done.returncode == 0, done.stderr
    asked = [request for request in requests if "/mlflow-artifacts/" not in request]
    assert len(asked) < 30, asked
    assert not any("get-history" in request for request in asked)


def test_ctrl_c_while_the_server_is_away_ends_the_run_and_says_how_to_send_it(server):
    words = [*WORDS, "trainer.epochs=1000000", f"tracking.uri={server.uri}"]
    work = server.folder.parent / "work"
    process = processes.start(processes.command("train", *words), work)
    assert process.stderr is not None
    for line in process.stderr:
        if line.lstrip().startswith("1/1000000"):
            break
    server.kill()
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=120)[1]
    assert process.returncode == 128 + signal.SIGINT
    (run_id,) = re.findall(r"python -m pipeline.sync run=(\w+)", told)
    server.start()
    (line,) = lines(run_id, None)
    assert line.endswith("it is KILLED")
