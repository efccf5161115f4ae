"""Stores that cannot be used are refused before any data is read, with the reason and what to do."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pipeline.errors import ConfigError
from pipeline.tracking import connect, connect_early, open_store, opening
from tests import processes

NOBODY = 65534


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("URI", "EXPERIMENT_NAME", "EXPERIMENT_ID"):
        monkeypatch.delenv(f"MLFLOW_{name.replace('URI', 'TRACKING_URI')}", raising=False)


@pytest.fixture
def database(folder_with_store, monkeypatch) -> Path:
    monkeypatch.chdir(folder_with_store)
    return folder_with_store / "mlruns" / "mlflow.db"


def refused(uri: str | None = None, experiment: str = "e") -> str:
    with pytest.raises(ConfigError) as caught:
        connect(uri, experiment)
    return str(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "./mlruns",
        "file:./mlruns",
        "localhost:5000",
        "http:/x",
        "http://[::1",
        "http://:5000",
        "http://127.0.0.1:99999",
        "ftp://x/y",
        "sqlite://m.db",
        "sqlite:///",
    ],
)
def test_a_wrong_address_is_refused_with_the_right_form(uri, database):
    message = refused(uri)
    assert message.startswith("tracking.uri: ")
    assert "sqlite:///" in message.partition("allowed:")[2]


def test_a_folder_of_runs_is_told_the_address_of_its_database(database):
    assert "its database is sqlite:///./mlruns/mlflow.db" in refused("./mlruns")


def test_the_variable_is_named_if_the_address_comes_from_it(database, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert refused().startswith("MLFLOW_TRACKING_URI: ")


def test_a_server_that_is_down_is_named_without_its_password_within_seconds():
    message = refused(f"http://ann:secret@127.0.0.1:{processes.free_port()}")
    assert "no server runs at this address" in message
    assert "mlflow server" in message
    assert "secret" not in message


def test_a_server_that_never_answers_is_not_waited_for_longer_than_promised(monkeypatch):
    monkeypatch.setattr(opening, "SECONDS_TO_OPEN", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert "did not answer" in refused(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_another_server_than_mlflow_is_recognised(tmp_path):
    port = processes.free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        message = refused(f"http://127.0.0.1:{port}")
        # Python's server does not know the method and answers with status 501.
        assert "no MLflow server" in message or "error of its own (status 501)" in message
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(("revision", "which"), [("451aebb31d03", "older"), ("ffffffffffff", "newer")])
def test_the_schema_of_another_mlflow_is_older_or_newer(database, revision, which):
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    message = refused()
    assert f"is {which} than this MLflow" in message
    assert ("mlflow db upgrade" in message) == (which == "older")
    with pytest.raises(ConfigError, match=f"is {which} than this MLflow"):
        open_store(None)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"a letter\n" * 500, "no SQLite database"), (None, "is damaged")]
)
def test_a_file_that_is_no_sound_database_is_recognised(database, content, reason):
    whole = database.read_bytes()
    middle = len(whole) // 2
    database.write_bytes(content or whole[:middle] + b"\xff" * 20000 + whole[middle + 20000 :])
    assert reason in refused()
    with pytest.raises(ConfigError, match=reason):
        open_store(None)


def test_the_database_of_another_program_is_recognised(tmp_path):
    with closing(sqlite3.connect(tmp_path / "mine.db")) as opened, opened:
        opened.execute("CREATE TABLE notes (text TEXT)")
    assert "not one of MLflow's" in refused(f"sqlite:///{tmp_path}/mine.db")


def test_a_database_that_another_process_has_locked_is_not_waited_for_longer_than_promised(
    database, monkeypatch
):
    monkeypatch.setattr(opening, "SECONDS_TO_OPEN", 0.5)
    with closing(sqlite3.connect(database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        message = refused()
    assert "another process has locked this database" in message
    assert f"fuser {database}" in message


def test_a_lock_file_that_another_process_holds_is_named(database, monkeypatch):
    monkeypatch.setattr(opening, "SECONDS_TO_OPEN", 0.5)
    code = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print(flush=True); sys.stdin.read()"
    lock = f"{database}.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        holder.stdout.readline()
        message = refused()
    finally:
        holder.communicate(b"")
    assert "has held the lock of this database" in message
    assert lock in message


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Makes a folder one that this process may only read, also if root runs the tests."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        for path in (*folder.iterdir(), folder):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield
        folder.chmod(0o755)


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_may_only_be_read_is_told_how_to_be_opened(database, exists):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        there = folder / "mlflow.db"
        if exists:
            there.write_bytes(database.read_bytes())
        with read_only(folder):
            message = refused(f"sqlite:///{there}")
            with pytest.raises(ConfigError, match="the database cannot be used"):
                connect_early(f"sqlite:///{there}", "e")
    assert "the database cannot be used: " in message
    assert f"chmod g+w '{folder}'" in message


def test_a_store_that_may_only_be_read_is_read(database):
    connect(None, "e")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "mlflow.db").write_bytes(database.read_bytes())
        with read_only(folder):
            uri = open_store(f"sqlite:///{folder}/mlflow.db")
            assert opening.MlflowClient(uri).get_experiment_by_name("e")


def test_before_the_data_is_read_no_database_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert connect_early(None, "e") is None
    assert not list(tmp_path.iterdir())


def test_a_group_may_write_the_database_and_its_lock_if_the_umask_lets_it(tmp_path):
    before = os.umask(0o002)
    try:
        connect(f"sqlite:///{tmp_path}/mlflow.db", "e")
    finally:
        os.umask(before)
    for name in ("mlflow.db", "mlflow.db.lock"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o664


@pytest.mark.parametrize("name", ["a b", "50% off", "pct%20x", "what?", 'it\'s "here"', "実験", "a#b&c=d"])
def test_a_folder_may_have_any_name(database, name, tmp_path, monkeypatch):
    folder = tmp_path / name
    (folder / "mlruns").mkdir(parents=True)
    (folder / "mlruns" / "mlflow.db").write_bytes(database.read_bytes())
    monkeypatch.chdir(folder)
    client, uri, experiment = connect(None, "e")
    run = client.create_run(experiment)
    client.log_text(run.info.run_id, "x", "a/b.txt")
    assert (folder / "mlruns" / "artifacts" / run.info.run_id / "artifacts" / "a" / "b.txt").is_file()
    assert open_store(None) == uri
    assert {path.name for path in tmp_path.iterdir()} == {"mlruns", name}
    # The address of the database as people write it means the same file.
    assert connect(f"sqlite:///{folder}/mlruns/mlflow.db", "e")[1:] == (uri, experiment)


def test_the_default_address_of_mlflow_itself_works(database, monkeypatch):
    monkeypatch.chdir(database.parent)
    client, uri, experiment = connect("sqlite:///mlflow.db", "e")
    assert uri == f"sqlite:///{database}"
    assert client.get_experiment(experiment).artifact_location == (database.parent / "artifacts").as_uri()


def test_mlflow_is_told_to_send_no_telemetry():
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
