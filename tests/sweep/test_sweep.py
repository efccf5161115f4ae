"""Sweeps as people run them: `python -m pipeline.train -m …`, then MLflow and Optuna read back."""

import json
import pickle
import re
import signal
from collections import Counter
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

import optuna
import pandas as pd
import pytest

from pipeline import train
from tests import processes, stores
from tests.sweep.sweeps import JOBLIB, SMALL, runs_of, statuses, without_training
from tests.verbs import call, without_report


@pytest.fixture
def sweep(folder_with_store):
    """Run a sweep whose trials train nothing, in this process; returns how it ended."""

    def result(*words: object) -> CompletedProcess[str]:
        with without_training():
            return call("train", "-m", *SMALL, *words, where=folder_with_store)

    return result


@pytest.fixture(scope="module", params=["without_training", pytest.param("joblib", marks=pytest.mark.slow)])
def grid(request, make_once, planted_folder):
    """Two weights x two rates, of which one leads to NaN, on no database; then the same command once more.

    Returns:
        The folder, and for each of the two commands how it ended, with the sweep's and the trials' runs then.
    """
    words = ["-m", "--config-dir", planted_folder, *SMALL, "loss_weights.species=0.5,2", "sweep.name=grid"]
    words += ["optimizer=sgd", "optimizer.learning_rate=0.05,1e30"]

    def fill(folder: Path) -> None:
        where = folder / "where"
        where.mkdir()
        ends = []
        for _ in range(2):
            if request.param == "joblib":
                done = processes.run_verb("train", *words, *JOBLIB, where=where)
            else:
                with without_training():
                    done = call("train", *words, where=where)
            ends.append((done, *runs_of(where)))
        (folder / "ends").write_bytes(pickle.dumps(ends))

    folder = make_once(f"grid_{request.param}", fill)
    return folder / "where", *pickle.loads((folder / "ends").read_bytes())


@pytest.mark.slow
def test_trials_are_trained_one_after_the_other_in_this_process(folder_with_store, no_report):
    done = call("train", "-m", *SMALL, "loss_weights.species=0.5,2", where=folder_with_store)
    assert done.returncode == 0, done.stderr
    (parent,), trials = runs_of(folder_with_store)
    assert statuses([parent, *trials]) == {"FINISHED": 3}
    for run, weight in zip(trials, (0.5, 2.0), strict=True):
        metrics = run.data.metrics
        combined = weight * metrics["test/species_loss"] + metrics["test/body_mass_loss"]
        assert metrics["test/loss"] == pytest.approx(combined, abs=1e-5)


def test_a_sweep_is_one_run_with_its_trials_below_it(grid):
    _, (done, parents, children), _ = grid
    (parent,) = parents
    assert len(children) == 4, done.stderr
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert {run.data.tags["sweep.id"] for run in children} == {parent.info.run_id}
    assert parent.info.run_name == "grid"
    assert "loss_weights.species=0.5,2" in parent.data.tags["sweep.command"]
    assert "loss_weights.species=0.5,2" in parent.data.tags["pipeline.overrides"]


def test_trials_are_named_by_what_varies_and_by_nothing_else(grid):
    names = {run.info.run_name for run in grid[1][2]}
    assert names == {f"species={w} learning_rate={rate}" for w in ("0.5", "2") for rate in ("0.05", "1e+30")}
    varied = json.loads(grid[1][2][0].data.tags["sweep.varied"])
    assert list(varied) == ["loss_weights.species", "optimizer.learning_rate"]


def test_a_trial_that_turns_nan_is_failed_with_its_reason_and_the_others_finish(grid):
    where, (done, parents, children), _ = grid
    assert statuses(children) == {"FINISHED": 2, "FAILED": 2}
    assert parents[0].info.status == "FAILED"
    for run in children:
        if run.info.status == "FAILED":
            reason = run.data.tags["pipeline.failure"]
            assert reason.startswith("NotFiniteError: ")
            assert "the loss of head species is nan" in reason
            assert "Traceback" in stores.artifact(where, run, "traceback.txt").read_text()
            assert f"failed: {run.info.run_name}: NotFiniteError" in done.stdout
    assert "2 of 4 trials finished" in done.stdout
    assert done.returncode == 1


def test_the_description_links_to_all_trials_and_to_the_best(grid):
    _, (_, parents, children), _ = grid
    text = parents[0].data.tags["mlflow.note.content"]
    assert "#/compare-runs?runs=" in text
    for run in children:
        assert run.info.run_id in text
    best = max(children, key=lambda run: run.data.metrics.get("best/val_skill", -99))
    assert f"runs/{best.info.run_id}" in text.split("Best")[1]


def test_the_same_name_runs_only_what_failed_into_the_same_parent(grid):
    _, (_, before, first), (done, parents, children) = grid
    assert [run.info.run_id for run in parents] == [before[0].info.run_id]
    new = [run for run in children if run.info.run_id not in {run.info.run_id for run in first}]
    assert {json.loads(run.data.tags["sweep.varied"])["optimizer.learning_rate"] for run in new} == {"1e+30"}
    assert len(new) == 2
    assert done.returncode == 1
    assert "2 of 4 trials finished" in done.stdout


def test_the_board_is_on_the_parent(grid):
    where, _, (done, parents, _) = grid
    page = stores.artifact(where, parents[0], "report/sweep.html").read_text()
    assert "2 finished, 2 failed" in page
    assert "NotFiniteError" in page
    assert "loss_weights.species=" in page
    commands = re.findall("python -m pipeline.train [^<]*", page)
    assert commands
    assert all("--config-dir" in command for command in commands)
    assert (where / "mlruns") in Path(done.stdout.split("board: ")[1].splitlines()[0]).parents


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_a_trial_ends_the_sweep_with_true_statuses(folder_with_store, number):
    with without_training(interrupt=number):
        done = call("train", "-m", *SMALL, "loss_weights.species=1,2", where=folder_with_store)
    assert done.returncode == 128 + number
    (parent,), (child,) = runs_of(folder_with_store)
    assert parent.info.status == "KILLED"
    assert child.info.status == "KILLED"


@pytest.mark.slow
@pytest.mark.parametrize("trials", [without_training, without_report])
def test_a_search_of_two_objectives_goes_on_with_new_suggestions(folder_with_store, trials):
    names = ["best/val_species_skill", "best/val_body_mass_skill"]
    words = ["-m", *SMALL, "sweep=optuna", "sweep.name=front", f"objective=[{','.join(names)}]"]
    words.append("loss_weights.species=tag(log,interval(0.1,10))")
    with trials():
        first = call("train", *words, "hydra.sweeper.n_trials=2", where=folder_with_store)
    assert first.returncode == 0, first.stderr
    # A trial that was running when the machine went down; it may not count as done.
    storage = f"sqlite:///{folder_with_store}/mlruns/optuna.db"
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    study.ask()
    with trials():
        second = call("train", *words, "hydra.sweeper.n_trials=4", where=folder_with_store)
    assert second.returncode == 0, second.stderr
    assert "4 of 4 trials finished" in second.stdout
    parents, children = runs_of(folder_with_store)
    assert len(parents) == 1
    assert statuses(children) == {"FINISHED": 4}
    assert len({run.data.params["loss_weights.species"] for run in children}) == 4
    assert Counter(one.state.name for one in study.trials) == {"COMPLETE": 4, "FAIL": 1}
    reached = [[run.data.metrics[name] for name in names] for run in children]
    for one in study.get_trials(states=(optuna.trial.TrialState.COMPLETE,)):
        assert one.values in reached
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MAXIMIZE"]
    page = stores.artifact(folder_with_store, parents[0], "report/sweep.html").read_text()
    assert "Parameter importances" in page


SEARCH = ["-m", *SMALL, "sweep=optuna", "sweep.name=s", "hydra.sweeper.n_trials=3"]


def search(where, *words):
    """A search of three trials without training."""
    with without_training():
        return call("train", *SEARCH, *words, where=where)


@pytest.mark.slow
def test_a_finished_search_has_nothing_left_to_do_and_other_epochs_are_another_study(folder_with_store):
    assert search(folder_with_store).returncode == 0
    again = search(folder_with_store)
    assert again.returncode == 0, again.stderr
    assert "3 of 3 trials finished" in again.stdout
    (parent,), children = runs_of(folder_with_store)
    assert (parent.info.status, len(children)) == ("FINISHED", 3)
    other = search(folder_with_store, "trainer.epochs=7")
    assert other.returncode == 0, other.stderr
    (parent,), children = runs_of(folder_with_store)
    assert (parent.info.status, len(children)) == ("FINISHED", 6)


@pytest.mark.slow
def test_suggestions_that_do_not_compose_are_failed_trials_and_the_search_goes_on(folder_with_store):
    done = search(folder_with_store, "optimizer=adam,nowhere")
    assert done.returncode == 1
    (parent,), children = runs_of(folder_with_store)
    assert statuses(children) == {"FINISHED": 3, "FAILED": statuses(children)["FAILED"]}
    (reason,) = {run.data.tags["pipeline.failure"] for run in children if run.info.status == "FAILED"}
    assert "optimizer/nowhere" in reason
    assert parent.info.status == "FAILED"


def test_a_study_that_cannot_be_opened_leaves_no_sweep_behind(folder_with_store):
    (folder_with_store / "mlruns" / "optuna.db").write_bytes(b"not a database " * 100)
    done = search(folder_with_store)
    assert done.returncode == 2
    assert "hydra.sweeper.storage" in done.stderr
    assert "Traceback" not in done.stderr
    assert runs_of(folder_with_store) == ([], [])


@pytest.mark.parametrize("key", ["tracking.experiment", "sweep.name"])
def test_the_trials_of_a_sweep_stay_together(key, folder_with_store):
    done = call("train", "-m", *SMALL, f"{key}=a,b", where=folder_with_store)
    assert done.returncode == 2
    assert f"{key}: a sweep cannot vary this" in done.stderr


def test_overrides_that_hydra_refuses_leave_no_run(sweep, folder_with_store):
    done = sweep("loss_weights.nowhere=1,2")
    assert done.returncode == 2
    assert "Could not override 'loss_weights.nowhere'" in done.stderr
    assert runs_of(folder_with_store) == ([], [])


def test_a_trial_that_fails_before_it_trains_is_a_failed_run_too(sweep, folder_with_store):
    done = sweep("loss_weights.species=-1,-2")
    assert done.returncode == 1
    assert "0 of 2 trials finished" in done.stdout
    _, children = runs_of(folder_with_store)
    assert statuses(children) == {"FAILED": 2}
    assert children[0].data.tags["pipeline.failure"].startswith("ConfigError: loss_weights.species")


def test_a_preset_without_m_is_refused(tmp_path):
    done = call("train", *SMALL, "sweep=seeds", where=tmp_path)
    assert done.returncode == 2
    assert "a sweep needs -m" in done.stderr
    assert not (tmp_path / "mlruns" / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["sweep=folds", "hydra/sweeper=optuna"], "data.split.fold: a search must not choose this"),
        (["sweep=optuna", "seed=choice(0,1)"], "seed: a search must not choose this"),
        (["sweep=optuna", "data.split.seed=range(5)"], "data.split.seed: a search must not choose this"),
        (["sweep=folds", "data.split.folds=1"], "data.split.folds: this value is not allowed"),
        (["sweep=folds", "data.split.folds=five"], "data.split.folds: this value is not allowed"),
        (["sweep=folds", "data.split.tested=all"], "data.split.tested: this value is not allowed"),
    ],
)
def test_a_search_over_folds_and_wrong_folds_are_refused_before_any_trial(words, message, folder_with_store):
    done = call("train", "-m", *SMALL, *words, where=folder_with_store)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert runs_of(folder_with_store) == ([], [])


def test_the_number_of_folds_is_that_of_the_trials(sweep, folder_with_store):
    done = sweep("sweep=folds", "data.split.folds=3")
    assert done.returncode == 0, done.stderr
    (parent,), trials = runs_of(folder_with_store)
    assert [json.loads(run.data.tags["sweep.varied"]) for run in trials] == [
        {"data.split.fold": str(fold)} for fold in range(3)
    ]
    assert {run.data.tags["sweep.config"] for run in trials} == {trials[0].data.tags["sweep.config"]}
    assert "mean of 3 folds" in parent.data.tags["mlflow.note.content"]
    assert parent.data.metrics["folds/val_species_skill"] == pytest.approx(0.5)


@pytest.mark.slow
def test_a_fold_that_fails_is_said_and_the_same_command_runs_it_alone(make_once, no_report):
    def fill(folder: Path) -> None:
        (folder / "where").mkdir()

    where = make_once("failing_fold", fill) / "where"
    words = ["-m", *SMALL, "sweep=folds", "data.split.folds=2", "sweep.name=f"]
    with mock.patch("pipeline.train.run", side_effect=fails_in_fold_1(train.run)):
        done = call("train", *words, where=where)
    assert done.returncode == 1
    assert "no out-of-fold predictions: fold 1 of 2 is missing" in done.stdout
    again = call("train", *words, where=where)
    assert again.returncode == 0, again.stderr
    (parent,), trials = runs_of(where)
    assert statuses(trials) == {"FINISHED": 2, "FAILED": 1}
    table = pd.read_parquet(stores.artifact(where, parent, "predictions/oof.parquet"))
    finished = [run for run in trials if run.info.status == "FINISHED"]
    own = [pd.read_parquet(stores.artifact(where, run, "predictions/val.parquet")) for run in finished]
    assert list(table.columns) == list(own[0].columns)
    assert list(table["row"]) == sorted(row for one in own for row in one["row"])
    test = pd.read_parquet(stores.artifact(where, finished[0], "predictions/test.parquet"))
    assert sorted([*table["row"], *test["row"]]) == list(range(344))


def fails_in_fold_1(run):
    """A training that fails in fold 1."""

    def failing(cfg, *words, **options):
        if cfg.data.split.fold == 1:
            raise OSError("no space left")
        return run(cfg, *words, **options)

    return failing
