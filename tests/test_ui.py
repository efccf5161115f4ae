"""`python -m pipeline.ui`: MLflow's pages, for this machine alone, with the links that matter."""

import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from pipeline import ui
from pipeline.tracking import open_store
from tests import processes
from tests.verbs import call


def listening(port):
    """The addresses at which this port is listened to, as Linux writes them."""
    texts = [Path("/proc/net", file).read_text() for file in ("tcp", "tcp6")]
    lines = [line.split() for text in texts for line in text.splitlines()[1:]]
    return {line[1].split(":")[0] for line in lines if line[1].endswith(f":{port:04X}") and line[3] == "0A"}


def test_links_lead_to_the_latest_run_and_sweep_in_the_training_view(recorded):
    uri = open_store(None)
    client = MlflowClient(uri)
    experiment = client.get_run(recorded.penguins).info.experiment_id
    newest = client.create_run(experiment, run_name="newest", tags={"pipeline.version": "1"}).info.run_id
    lines = ui.links(uri, "http://here")
    assert lines[0].split()[1] == f"http://here/#/experiments/{experiment}?workflowType=machine_learning"
    here, others = lines[0].partition("(")[2].rstrip(")").split("; others: ")
    assert (here, others) == ("penguins", "planted")
    assert f"/runs/{newest}?workflowType=machine_learning  (newest, RUNNING)" in lines[1]
    assert len(lines) == 2
    tags = {"pipeline.version": "1", "sweep.command": "train -m"}
    sweep = client.create_run(experiment, run_name="grid", tags=tags).info.run_id
    try:
        lines = ui.links(uri, "http://here")
        assert f"/runs/{newest}" in lines[1]
        assert f"/runs/{sweep}" in lines[2]
        assert "(grid, RUNNING)" in lines[2]
    finally:
        client.delete_run(sweep)
        client.delete_run(newest)


@pytest.mark.slow
def test_the_pages_are_served_to_this_machine_until_it_is_ended(recorded):
    port = processes.free_port()
    process = processes.start(processes.command("ui", f"port={port}"), recorded.folder)
    try:
        first = process.stdout.readline()
        assert re.match(rf"runs +http://127\.0\.0\.1:{port}/#/experiments/", first)
        ui.wait_for(process, f"http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            assert b"MLflow" in page.read()
        assert listening(port) == {"0100007F"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        assert listening(port) == set()
    finally:
        process.kill()
        process.communicate()


def test_a_taken_port_ends_with_code_2(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = processes.run_verb("ui", f"port={taken.getsockname()[1]}", where=tmp_path)
    assert done.returncode == 2
    assert "port: this port is in use" in done.stderr


def test_a_folder_without_runs_ends_with_code_2(tmp_path):
    done = call("ui", f"port={processes.free_port()}", where=tmp_path)
    assert done.returncode == 2
    assert "there are no runs here" in done.stderr
