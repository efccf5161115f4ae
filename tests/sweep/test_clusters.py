"""Sweeps over several machines, on what one has of them: Ray, submitit, an MLflow server on PostgreSQL."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient

from tests import processes
from tests.sweep.sweeps import SMALL

pytestmark = pytest.mark.slow
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def binary(name: str) -> str | None:
    """A program of PostgreSQL's server, which Debian keeps off the path."""
    places = [shutil.which(name), *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)]
    return next((str(place) for place in places if place), None)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    initdb, server, psycopg = binary("initdb"), binary("postgres"), importlib.util.find_spec("psycopg2")
    if not (initdb and server):
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    if not psycopg:
        pytest.skip("psycopg2 is not installed, with which MLflow talks to PostgreSQL")
    become: list[str] = []
    if os.getuid() == 0:
        # It refuses to run as root.
        if not shutil.which("runuser") or processes.run(["id", "postgres"]).returncode:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        become = ["runuser", "-u", "postgres", "--"]
    # pytest closes its own folders to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if become:
            shutil.chown(folder, "postgres")
        with postgresql(become, folder, initdb, server) as port:
            # SQLAlchemy 2.1 would take another driver by itself.
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def postgresql(become: list[str], folder: Path, initdb: str, server: str) -> Iterator[int]:
    """A database server in a folder; its port."""
    data, port = folder / "data", processes.free_port()
    make = [*become, initdb, "-D", data, "-U", "postgres", "-A", "trust"]
    processes.run(make, Path("/"), check=True)
    words = ["-D", data, "-p", str(port), "-k", folder, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    process = processes.start([*become, server, *words], Path("/"), **QUIET)
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.2)
        yield port
    finally:
        stop = [*become, str(Path(server).with_name("pg_ctl")), "-D", data, "stop", "-m", "fast"]
        processes.run(stop, Path("/"), check=True)
        process.wait(60)


@pytest.fixture(scope="module")
def server(tmp_path_factory, database) -> Iterator[str]:
    """The address of an MLflow server on PostgreSQL."""
    folder, port = tmp_path_factory.mktemp("server"), processes.free_port()
    words = ["--backend-store-uri", database, "--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", *words, "--port", port, "--workers", "1"]
    process = processes.start(command, start_new_session=True, **QUIET)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert process.poll() is None, "the server has ended"
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                    break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize(
    ("module", "extra", "launcher"),
    [
        (
            "hydra_ray_launcher",
            "ray",
            [
                "hydra/launcher=ray",
                "+hydra.launcher.ray.init.num_cpus=2",
                "+hydra.launcher.ray.init.include_dashboard=false",
                "+hydra.launcher.ray.remote.num_cpus=1",
            ],
        ),
        (
            "hydra_submitit_launcher",
            "slurm",
            ["hydra/launcher=submitit_local", "hydra.launcher.cpus_per_task=1"],
        ),
    ],
    ids=["ray", "submitit"],
)
def test_a_sweep_over_a_cluster_is_tracked_by_a_server(tmp_path, server, module, extra, launcher):
    if not importlib.util.find_spec(f"hydra_plugins.{module}"):
        pytest.skip(f"{module} is not installed: pip install 'multihead-pipeline[{extra}]'")
    # Two trials finish, one turns NaN.
    words = ["optimizer=sgd", "optimizer.learning_rate=0.03,0.05,1e30", f"sweep.name={extra}", *launcher]
    words += ["tracking=server", f"tracking.uri={server}"]
    done = processes.run_verb("train", "-m", *SMALL, *words, where=tmp_path, timeout=900)
    assert done.returncode == 1, done.stderr
    assert "2 of 3 trials finished" in done.stdout
    mlflow.set_tracking_uri(server)
    client = MlflowClient(server)
    experiments = [one.experiment_id for one in client.search_experiments()]
    (parent,) = client.search_runs(experiments, f"tags.`sweep.name` = '{extra}'")
    children = client.search_runs(experiments, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert sorted(run.info.status for run in children) == ["FAILED", "FINISHED", "FINISHED"]
    assert parent.info.status == "FAILED"
    page = Path(client.download_artifacts(parent.info.run_id, "report/sweep.html")).read_text()
    assert f"{server}/#/compare-runs" in page
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()
