"""A project folder that was moved, copied or mounted: its runs have their artifacts beside the database."""

import logging
import shutil
from pathlib import Path

import pytest

from pipeline.tracking import connect, find_run
from pipeline.tracking.relocation import BESIDE, moved


@pytest.fixture
def old(folder_with_store, tmp_path, monkeypatch) -> Path:
    """A project folder with a run."""
    folder = tmp_path / "old place"
    folder.mkdir()
    (folder_with_store / "mlruns").rename(folder / "mlruns")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder)
    client, _, experiment = connect(None, "e")
    run = client.create_run(experiment, run_name="first", tags={"pipeline.version": "1"})
    client.log_text(run.info.run_id, "of the old run", "report/a.txt")
    client.set_terminated(run.info.run_id)
    return folder


@pytest.mark.parametrize("how", ["moved", "copied"])
@pytest.mark.parametrize("tagged", [True, False])
def test_old_runs_have_their_artifacts_and_new_ones_write_theirs_beside_the_database(
    old, tmp_path, monkeypatch, how, tagged, caplog
):
    if not tagged:
        connect(None, "e").client.delete_experiment_tag(connect(None, "e").experiment_id, BESIDE)
    new = tmp_path / "new place"
    shutil.move(old, new) if how == "moved" else shutil.copytree(old, new)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(new)
    with caplog.at_level(logging.WARNING):
        client, _, experiment = connect(None, "e")
        connect(None, "e")
    assert [record.getMessage().count(str(old)) for record in caplog.records] == [1]
    (run,) = client.search_runs([experiment])
    assert run.info.artifact_uri.startswith((new / "mlruns" / "artifacts").as_uri())
    later = client.create_run(experiment)
    client.log_text(later.info.run_id, "new", "b.txt")
    assert (new / "mlruns" / "artifacts" / later.info.run_id / "artifacts" / "b.txt").is_file()
    assert find_run("first").artifact("report/a.txt").read_text() == "of the old run"


def test_a_folder_that_cannot_be_written_is_read_where_it_is(old, tmp_path, monkeypatch):
    new = tmp_path / "mounted"
    shutil.move(old, new)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(new)
    run = find_run("first")  # only reads
    assert run.artifact("report/a.txt") == next(new.glob("mlruns/artifacts/*/artifacts/report/a.txt"))
    assert run.has("report/a.txt")
    assert not run.has("report/b.txt")


def test_a_place_that_somebody_chose_is_left_alone(old, tmp_path, monkeypatch):
    client, _, _ = connect(None, "e")
    chosen = client.create_experiment("chosen", (tmp_path / "large disk" / "artifacts").as_uri())
    before = client.get_experiment(chosen).artifact_location
    shutil.move(old, tmp_path / "new")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path / "new")
    assert connect(None, "e").client.get_experiment(chosen).artifact_location == before


def test_files_that_are_on_no_disk_of_this_machine_have_no_place():
    assert moved("s3://bucket/artifacts/x", None) is None
