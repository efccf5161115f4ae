"""Runs while they are written: metrics that a thread sends, true statuses, several processes at once."""

import json
import multiprocessing
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline import signals
from pipeline.errors import ConfigError
from pipeline.paths import waiting_folder
from pipeline.tracking import connect, default_uri, open_run, opening
from tests import stores

ROUNDS = 8


@pytest.fixture
def uri(folder_with_store, monkeypatch):
    monkeypatch.chdir(folder_with_store)
    return f"sqlite:///{folder_with_store}/mlruns/mlflow.db"


def opened(uri, run_id=None, **changes):
    options = {"run_name": "r", "params": {"a": 1}, "tags": {"t": "x"}} | changes
    return open_run(connect(uri, "e"), run_id=run_id, **options)


def test_a_run_that_ends_well_is_finished_and_has_its_name_params_and_tags(uri):
    with opened(uri) as run:
        run.log_metrics({"test/a": 0.5}, 0)
        run.log_history({"train/loss": [3.0, 2.0]})
        run.log_epochs().on_epoch_end(2, {"train/loss": 1.0})
        assert run.url() is None
    found = run.client.get_run(run.run_id)
    assert (found.info.run_name, found.info.status) == ("r", "FINISHED")
    assert (found.data.params, found.data.tags["t"]) == ({"a": "1"}, "x")
    assert found.data.metrics == {"test/a": 0.5, "train/loss": 1.0}
    history = run.client.get_metric_history(run.run_id, "train/loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (2, 2.0), (3, 1.0)]


def test_a_run_that_raises_has_failed_with_its_reason_and_its_traceback(uri, folder_with_store):
    with pytest.raises(ZeroDivisionError), opened(uri) as run:
        raise ZeroDivisionError("a bug")
    found = run.client.get_run(run.run_id)
    assert found.info.status == "FAILED"
    assert found.data.tags["pipeline.failure"] == "ZeroDivisionError: a bug"
    assert "a bug" in stores.artifact(folder_with_store, found, "traceback.txt").read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_run_that_a_signal_ends_is_killed(uri, error):
    with pytest.raises(error), opened(uri) as run:
        raise error
    assert run.client.get_run(run.run_id).info.status == "KILLED"


@pytest.fixture
def sigterm(monkeypatch):
    """Sends SIGTERM to this process, which notes it."""
    monkeypatch.setattr(signals, "SECONDS_TO_CHECK", 600.0)  # no alarm ends pytest itself on a busy machine
    before = signal.getsignal(signal.SIGTERM)
    signals.listen()
    yield lambda: signal.raise_signal(signal.SIGTERM)
    signals.forget()
    signal.signal(signal.SIGTERM, before)


def test_a_run_is_killed_even_if_a_library_raised_an_error_of_its_own_at_a_signal(uri, sigterm):
    with pytest.raises(ImportError), opened(uri) as run:  # noqa: PT012
        sigterm()
        raise ImportError("numpy failed to import")
    found = run.client.get_run(run.run_id)
    assert found.info.status == "KILLED"
    assert "pipeline.failure" not in found.data.tags


def test_a_signal_while_a_run_is_opened_leaves_it_killed(uri, sigterm, monkeypatch):
    real = MlflowClient.create_run
    monkeypatch.setattr(
        MlflowClient, "create_run", lambda *words, **options: (sigterm(), real(*words, **options))[1]
    )
    with pytest.raises(signals.Interrupted), opened(uri):
        pytest.fail("it opened all the same")
    client, _, experiment = connect(uri, "e")
    assert [run.info.status for run in client.search_runs([experiment])] == ["KILLED"]


def test_a_signal_while_a_run_is_closed_leaves_it_killed(uri, sigterm):
    with pytest.raises(signals.Interrupted), opened(uri) as run:  # noqa: PT012
        end = run.end
        run.end = lambda status: (sigterm(), end(status))
    assert run.client.get_run(run.run_id).info.status == "KILLED"


def test_a_run_whose_metrics_the_store_refuses_has_failed(uri):
    with pytest.raises(MlflowException, match="Invalid"), opened(uri) as run:
        run.log_metrics({"a[]": 1.0}, 0)
    assert run.client.get_run(run.run_id).info.status == "FAILED"


def test_what_is_not_finite_is_left_out(uri):
    with opened(uri) as run:
        run.log_metrics({"a": float("nan"), "b": float("inf"), "c": 0.0}, 1)
    assert run.client.get_run(run.run_id).data.metrics == {"c": 0.0}


def test_the_reason_of_a_failure_goes_when_the_resumed_run_succeeds(uri):
    with pytest.raises(ZeroDivisionError), opened(uri) as run:
        raise ZeroDivisionError
    with opened(uri, run_id=run.run_id):
        pass
    found = run.client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert "pipeline.failure" not in found.data.tags


def test_callbacks_of_people_log_to_the_active_run(uri):
    with opened(uri) as run:
        mlflow.log_metric("mine", 3.0)
    assert mlflow.active_run() is None
    assert run.client.get_run(run.run_id).data.metrics == {"mine": 3.0}


def test_nothing_waits_after_a_run_has_ended(uri, folder_with_store):
    with opened(uri) as run:
        run.log_metrics({"a": 1.0}, 1)
        assert waiting_folder(run.run_id).is_dir()
    assert not (folder_with_store / "mlruns" / "waiting").exists()


def test_the_run_of_the_environment_is_used_if_it_is_open_and_empty(uri, monkeypatch):
    client, _, experiment = connect(uri, "e")
    run_id = client.create_run(experiment).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    with opened(uri) as run:
        assert run.run_id == run_id
    with pytest.raises(ConfigError, match="MLFLOW_RUN_ID: this run is FINISHED and not empty"), opened(uri):
        pass
    client.set_terminated(run_id := client.create_run(experiment).info.run_id)
    monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    with pytest.raises(ConfigError, match="MLFLOW_RUN_ID: this run is FINISHED"), opened(uri):
        pass
    used = client.create_run(experiment).info.run_id
    client.log_metric(used, "a", 1.0)
    monkeypatch.setenv("MLFLOW_RUN_ID", used)
    with pytest.raises(ConfigError, match="not empty"), opened(uri):
        pass


def test_a_run_that_is_not_there_or_deleted_is_told(uri):
    with pytest.raises(ConfigError, match="resume: there is no such run"), opened(uri, run_id="0" * 32):
        pass
    client, _, experiment = connect(uri, "e")
    run_id = client.create_run(experiment).info.run_id
    client.delete_run(run_id)
    with (
        pytest.raises(ConfigError, match=r"(?s)was deleted.*mlflow runs restore"),
        opened(uri, run_id=run_id),
    ):
        pass


def test_a_run_that_is_opened_again_keeps_its_name_its_params_and_what_it_logged(uri):
    with opened(uri) as first:
        first.log_history({"train/loss": [3.0]})
    params = {"a": 2, "b": 3}
    with opened(uri, run_id=first.run_id, run_name="another", params=params) as again:
        again.log_history({"train/loss": [3.0, 2.0]})
    found = again.client.get_run(first.run_id)
    assert (found.info.run_name, found.data.params) == ("r", {"a": "1", "b": "3"})
    history = again.client.get_metric_history(first.run_id, "train/loss")
    assert [metric.value for metric in history] == [3.0, 2.0]


def test_the_data_are_named(uri):
    with opened(uri) as run:
        run.log_dataset("rows", "0123456789")
    (found,) = run.client.get_run(run.run_id).inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("rows", "01234567")


def test_the_source_and_the_rows_of_the_data_are_shown(uri):
    with opened(uri) as run:
        run.log_dataset("rows", "01234567", {"uri": "rows.csv"}, {"train rows": 5})
    (found,) = run.client.get_run(run.run_id).inputs.dataset_inputs
    assert mlflow.data.get_source(found).uri == "rows.csv"
    assert json.loads(found.dataset.profile) == {"train rows": 5}


def test_metrics_are_listed_with_the_skill_first_and_the_flow_last(uri):
    names = ["flow/a_to_x", "weight/a", "train/a_loss", "val/loss", "val/skill", "train/loss", "val/a_loss"]
    with opened(uri) as run:
        run.log_metrics(dict.fromkeys(names, 1.0), 1)
    listed = list(run.client.get_run(run.run_id).data.metrics)
    assert listed[0] == "val/skill"
    assert {*listed[1:3]} == {"train/loss", "val/loss"}
    assert listed[-2:] == ["weight/a", "flow/a_to_x"]


def test_a_run_logs_only_the_metrics_that_are_wanted(uri):
    with opened(uri, is_logged=lambda name: name != "b") as run:
        run.log_metrics({"a": 1.0, "b": 1.0}, 1)
        run.log_history({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    assert list(run.client.get_run(run.run_id).data.metrics) == ["a"]


def test_an_experiment_is_made_once_with_its_artifacts_beside_the_database(uri, folder_with_store):
    client, address, experiment = connect(uri, "e")
    assert address == uri
    assert connect(uri, "e")[2] == experiment
    found = client.get_experiment(experiment)
    assert found.artifact_location == (folder_with_store / "mlruns" / "artifacts").as_uri()


def test_the_store_is_below_the_working_folder_unless_the_environment_names_one(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_uri(tmp_path) == f"sqlite:///{tmp_path.resolve()}/mlruns/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://here:1")
    assert default_uri(tmp_path) == "http://here:1"


def test_threads_that_find_no_database_make_one_together(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "SECONDS_TO_OPEN", 300.0)  # a busy machine takes long to make a database
    uri, ids = f"sqlite:///{tmp_path}/mlruns/mlflow.db", []
    threads = [threading.Thread(target=lambda: ids.append(connect(uri, "e")[2])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 3
    assert len(set(ids)) == 1


def connect_at(folder: str, go: str) -> str:
    while not Path(go).exists():
        time.sleep(0.01)
    client, _, experiment = connect(f"sqlite:///{folder}/mlruns/mlflow.db", "pipeline")
    return client.create_run(experiment).info.run_id


@pytest.mark.slow
def test_four_processes_at_once_on_no_database_ten_times(tmp_path):
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for i in range(10):
            folder, go = tmp_path / str(i), tmp_path / f"go{i}"
            jobs = [pool.submit(connect_at, str(folder), str(go)) for _ in range(4)]
            time.sleep(0.2)
            go.touch()
            assert len({job.result(timeout=240) for job in jobs}) == 4


def name_data(uri: str, barrier) -> None:
    """Open a run, and name data that no run has named yet at the same moment as the others, several times."""
    with open_run(connect(uri, "e"), run_name="r", params={}, tags={}) as run:
        for round_ in range(ROUNDS):
            barrier.wait(120)
            run.log_dataset("rows", f"{round_:08d}")


@pytest.mark.slow
def test_processes_that_are_the_first_to_name_the_same_data_all_finish(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(3)
    writers = [context.Process(target=name_data, args=(uri, barrier)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(240)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    assert all(len(run.inputs.dataset_inputs) == ROUNDS for run in runs)
