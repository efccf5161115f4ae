"""Recorded runs, found by what people type, and what is read of them."""

import json

import pytest
from mlflow.entities import LoggedModelOutput
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.tracking import all_runs, chosen_run, find_run, open_store
from pipeline.tracking.reading import OURS, SWEEP, client_of, latest_run, search_runs


class Store:
    """Runs that are made for a test, in the working folder's store."""

    def __init__(self, uri: str) -> None:
        self.uri, self.client = uri, MlflowClient(uri)
        self.experiment = self.client.create_experiment("e")

    def add(self, name: str, *, ours: bool = True, model: bool = False, **tags: str) -> str:
        """A finished run; returns its id."""
        tags = {**tags, **({OURS: "1"} if ours else {})}
        # Starts are told apart by milliseconds.
        start = 1000 + len(self.client.search_runs([self.experiment], run_view_type=3))
        run_id = self.client.create_run(self.experiment, start, tags, name).info.run_id
        if model:
            logged = self.client.create_logged_model(self.experiment, source_run_id=run_id)
            self.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, 0)])
        self.client.set_terminated(run_id)
        return run_id


@pytest.fixture
def store(folder_with_store, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(folder_with_store)
    return Store(open_store(None))


def test_a_run_is_found_by_its_id_the_beginning_of_it_or_its_name(store):
    run_id = store.add("mine")
    store.add("another")
    for word in (run_id, run_id[:8], "mine"):
        assert find_run(word).run_id == run_id


def test_three_characters_are_too_few_for_an_id(store):
    with pytest.raises(ConfigError, match="there is no such run"):
        find_run(store.add("mine")[:3])


def test_an_id_goes_before_a_name_that_is_spelled_alike(store):
    run_id = store.add("mine")
    store.add(run_id)
    assert find_run(run_id).name == "mine"


def test_the_latest_run_is_the_newest_that_finished_with_a_model(store):
    with pytest.raises(ConfigError, match="no run with a model has finished"):
        find_run("latest")
    due = store.add("with a model", model=True)
    store.add("without")
    store.add("of another project", ours=False, model=True)
    store.client.set_terminated(store.add("failed", model=True), "FAILED")
    assert find_run("latest").run_id == due


def test_a_name_of_several_runs_lists_their_ids(store):
    ids = [store.add("mine") for _ in range(2)]
    with pytest.raises(ConfigError, match="2 runs") as caught:
        find_run("mine")
    assert all(run_id in str(caught.value) for run_id in ids)


def test_a_deleted_run_of_the_same_name_does_not_count(store):
    store.client.delete_run(store.add("mine"))
    due = store.add("mine")
    assert find_run("mine").run_id == due


def test_a_misspelled_run_is_told_the_nearest(store):
    run_id = store.add("penguins")
    wrong = run_id[:-1] + ("0" if run_id[-1] != "0" else "1")
    for word in (wrong, "penguin"):
        with pytest.raises(ConfigError, match=rf"(?s)there is no such run.*nearest: .*{run_id} \(penguins\)"):
            find_run(word)


def test_a_word_unlike_any_run_is_told_the_latest_ones(store):
    run_id = store.add("penguins")
    with pytest.raises(ConfigError, match=f"(?s)there is no such run.*latest: {run_id}"):
        find_run("xyz")


def test_a_deleted_run_is_told_how_to_be_restored(store):
    run_id = store.add("mine")
    store.client.delete_run(run_id)
    with pytest.raises(ConfigError, match=f"(?s)was deleted.*mlflow runs restore --run-id {run_id}"):
        find_run("mine")


def test_a_run_of_another_project_is_refused(store):
    store.add("theirs", ours=False)
    with pytest.raises(ConfigError, match="did not make this run"):
        find_run("theirs")


def test_a_folder_without_a_store_is_told_and_gets_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(ConfigError, match="there are no runs here"):
        find_run("latest")
    assert not list(tmp_path.iterdir())


def test_another_store_is_opened_by_its_address_or_by_the_environment(store, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert client_of(store.uri).get_experiment_by_name("e")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    assert open_store(None) == store.uri


def test_artifacts_are_read_listed_and_missed_with_the_reason(store, tmp_path):
    run_id = store.add("mine", **{"pipeline.failure": "Boom: x"})
    store.client.log_text(run_id, json.dumps({"a": 1}), "config/labels.json")
    store.client.set_terminated(run_id, "FAILED")
    run = find_run("mine")
    assert json.loads(run.artifact("config/labels.json").read_text()) == {"a": 1}
    assert run.has("config/labels.json")
    assert run.has("config")
    assert not run.has("config/none.json")
    with pytest.raises(ConfigError, match=r"(?s)no config/none\.json.*FAILED: Boom: x"):
        run.artifact("config/none.json")
    with pytest.raises(ConfigError, match="no model"):
        run.model()


def test_numbers_and_files_are_added_to_a_finished_run(store, tmp_path):
    run_id = store.add("mine")
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("hello")
    numbers = {f"eval_a/{i}": float(i) for i in range(1200)}  # more than MLflow takes at once
    find_run("mine").log({**numbers, "eval_a/none": float("nan")}, tmp_path / "page", "evaluations/a")
    run = find_run("mine")
    assert run.metrics == numbers
    assert run.status == "FINISHED"
    assert run.artifact("evaluations/a/index.html").read_text() == "hello"
    assert run.run_id == run_id


def test_a_run_has_a_page_where_a_server_shows_it(store):
    run_id = store.add("mine")
    run = find_run("mine")
    assert run.url() is None
    assert run.url("http://here:1").endswith(f"runs/{run_id}")


def test_all_runs_come_newest_first_and_page_by_page(store, monkeypatch):
    monkeypatch.setattr("pipeline.tracking.reading.PAGE_SIZE", 2)
    ids = [store.add(str(number), number=str(number)) for number in range(5)]
    assert [run.info.run_id for run in all_runs(store.client)] == ids[::-1]
    found = search_runs(store.client, [store.experiment], "tags.number = '3'")
    assert [run.info.run_id for run in found] == [ids[3]]


def test_the_latest_run_and_the_latest_sweep_are_told_apart(store):
    assert latest_run(store.uri, sweep=False) is None
    run, sweep = store.add("run"), store.add("sweep", **{SWEEP: "train -m"})
    store.add("theirs", ours=False)
    assert latest_run(store.uri, sweep=False).run_id == run
    assert latest_run(store.uri, sweep=True).run_id == sweep


def test_a_command_tells_which_run_it_uses_and_of_which_sweep_it_is_a_trial(store, capsys):
    sweep = store.add("my sweep", **{SWEEP: "train -m"})
    store.client.update_run(sweep, "RUNNING")
    trial = store.add("seed=1", **{"mlflow.parentRunId": sweep})
    assert chosen_run("seed=1").run_id == trial
    assert capsys.readouterr().err == f"run {trial} (seed=1), a trial of the running sweep my sweep\n"
    alone = store.add("mine")
    chosen_run(alone[:6])
    assert capsys.readouterr().err == f"run {alone} (mine)\n"
    chosen_run(alone)
    assert capsys.readouterr().err == ""
