"""Training, loading, predicting and comparing from Python."""

import json
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline import experiment
from pipeline.errors import ConfigError
from tests.verbs import without_collection

ROOT = Path(__file__).parents[1]
ROWS = 240
QUICK = [
    "branches=auto",
    "heads=auto",
    "trainer.epochs=3",
    "insight=off",
    "branches.t.units=[4]",
    "fusion.units=[4]",
]
DATA = {
    "inputs": {"t": {"kind": "table", "numeric": ["s.x", "s.y"]}},
    "targets": {"larger": {"kind": "binary", "column": "s.larger"}},
    "split": {"fractions": [0.6, 0.2, 0.2], "seed": 0},
}


def frame(rows=ROWS):
    values = np.random.default_rng(0).normal(size=(rows, 2))
    return pd.DataFrame({"x": values[:, 0], "y": values[:, 1], "larger": values[:, 0] > values[:, 1]})


@pytest.fixture(scope="module", autouse=True)
def default_store():
    """Runs are recorded below their folder, whatever store an earlier test has set."""
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None
    mlflow.set_tracking_uri(None)
    yield
    mlflow.set_tracking_uri(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("experiment")


@pytest.fixture(scope="module")
def run(folder):
    with without_collection():
        return experiment.train(*QUICK, data=DATA | {"sources": {"s": frame()}}, name="pairs", folder=folder)


def test_a_run_has_its_metrics_params_history_predictions_and_report(run):
    assert run.stored.status == "FINISHED"
    assert 0 <= run.metrics["test/larger_accuracy"] <= 1
    assert run.params["data"] == "pairs"
    assert run.history.index.tolist() == [1, 2, 3]
    assert run.history["val/loss"].notna().all()
    table = run.predictions()
    assert (table.larger_predicted == table.larger_label).mean() == pytest.approx(
        run.metrics["test/larger_accuracy"]
    )
    page = run.report()
    assert page.path.name == "report.html"
    assert page._repr_html_().startswith("<iframe srcdoc=")


def test_new_rows_are_predicted_as_the_recorded_ones(run):
    rows = frame()
    recorded = run.predictions("val").set_index("row")
    again = run.predict(rows[["x", "y"]]).set_index("row").loc[recorded.index]
    np.testing.assert_allclose(again.larger_probability, recorded.larger_probability, atol=1e-5)


def test_only_the_predictions_of_test_and_val_are_recorded(run):
    with pytest.raises(ConfigError, match=r"(?s)split: .*train.*test, val"):
        run.predictions("train")


def test_runs_of_different_stores_are_not_compared(run, folder):
    other = experiment.Run(replace(run.stored, uri="sqlite:///other.db"), folder)
    with pytest.raises(ConfigError, match=r"(?s)different stores.*mlflow\.db.*other\.db"):
        experiment.compare(run, other, folder=folder)


def test_rows_that_lack_a_column_are_refused(run):
    with pytest.raises(ConfigError, match=r"\by\b"):
        run.predict(frame()[["x"]])


def test_a_run_is_found_again_and_named_in_short(run, folder):
    assert experiment.load("latest", folder=folder).metrics.keys() == run.metrics.keys()
    assert experiment.load(run.name, folder=folder).id == run.id
    assert experiment.load(run.id[:8], folder=folder).metrics == run.metrics
    assert run.id[:8] in repr(run)


@pytest.mark.slow
def test_an_own_mlflow_run_that_is_open_stays_as_it_is(run, folder, tmp_path):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'own.db'}")
    try:
        with mlflow.start_run() as own:
            second = experiment.train(
                *QUICK,
                "seed=1",
                f"tracking.uri={run.stored.uri}",
                data=DATA | {"sources": {"s": frame()}},
                name="pairs",
                folder=folder,
            )
            mlflow.log_metric("own", 1.0)
            assert mlflow.active_run().info.run_id == own.info.run_id
        found = mlflow.get_run(own.info.run_id)
        assert found.data.metrics == {"own": 1.0}
        assert found.info.status == "FINISHED"
    finally:
        mlflow.set_tracking_uri(None)
    comparison = experiment.compare(run, second, folder=folder)
    assert "larger" in str(comparison)
    assert comparison.page.path.is_file()


def test_equal_data_is_written_once_and_the_command_repeats_the_run(run, folder):
    (written,) = (folder / "mlruns" / "data").iterdir()
    assert f"--config-dir {written.relative_to(folder)} data=pairs" in run.stored.tags["pipeline.command"]


def test_mistakes_are_errors_with_their_messages(tmp_path):
    with pytest.raises(ConfigError, match="learning_rate"):
        experiment.train("optimizer.learning_rate=fast", folder=tmp_path)
    with pytest.raises(ConfigError, match="cannot be the name of the data"):
        experiment.train(data=DATA | {"sources": {"s": frame()}}, name="kanji", folder=tmp_path)
    with pytest.raises(ConfigError, match="must be rows or a path"):
        experiment.train(data=DATA | {"sources": {"s": 3}}, folder=tmp_path)
    with pytest.raises(ConfigError, match=r"data\.sources: the rows are missing"):
        experiment.train(data=DATA, folder=tmp_path)
    with pytest.raises(ConfigError, match="there are no runs here"):
        experiment.load("1234", folder=tmp_path)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("data=penguin", r"data: there is no such option\n  found:   penguin\n"),
        ("optimzer=adam", "Could not override 'optimzer'"),
        ("loss_weights.klass=2", "Did you mean: 'class'"),
        ("a=[", "Hydra cannot read this word"),
    ],
)
def test_what_hydra_refuses_is_the_same_error_with_the_message_of_the_command(tmp_path, word, message):
    with pytest.raises(ConfigError, match=message):
        experiment.train(word, folder=tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="folder: there is no such folder"):
        experiment.train(folder=tmp_path / "nowhere")


@pytest.mark.slow
def test_a_sweep_has_trials_and_a_board(folder, tmp_path):
    words = ["data=penguins", "branches=auto", "heads=auto", "trainer=quick", "insight=off", "seed=0,1"]
    found = experiment.sweep(*words, "tracking.log_model=false", folder=tmp_path)
    assert found.trials.status.tolist() == ["FINISHED"] * 2
    assert found.board().path.name == "sweep.html"
    with pytest.raises(ConfigError, match="exit code 2"):
        experiment.sweep("data=penguin", folder=tmp_path)


@pytest.mark.slow
def test_the_notebook_runs_from_its_first_cell_to_its_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = json.loads((ROOT / "docs" / "experiment.ipynb").read_text())["cells"]
    names = {"__name__": "__main__"}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)
    assert names["run"].metrics["test/species_accuracy"] > 0.9
    assert names["circle"].metrics["test/inside_accuracy"] > 0.9
