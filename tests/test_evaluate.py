"""`python -m pipeline.evaluate`: a run measured again, beside its own numbers and never over them."""

import contextlib
import logging
from pathlib import Path
from unittest import mock

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from pipeline import evaluate
from pipeline.config import CONF
from pipeline.errors import ConfigError
from tests import processes
from tests.verbs import call

DEFAULTS = {"split": None, "sources": None, "name": None, "resamples": 20, "tracking": {"uri": None}}
DEFAULTS |= {"by": [], "bins": 5, "level": None}
PENGUINS = CONF.parent / "pipeline" / "datasets" / "penguins.csv"


@pytest.fixture
def client(recorded):
    return MlflowClient(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")


def run(chosen=None, *, page=False, **config):
    """What the command does, by default without the page, whose figures take a second."""
    with contextlib.nullcontext() if page else mock.patch("pipeline.report.write_heads"):
        return evaluate.run({**DEFAULTS, **config}, chosen, command="evaluate", typed=[])


def of(client, run_id, name):
    """The metrics of one evaluation, without its name."""
    metrics = client.get_run(run_id).data.metrics
    return {key.split("/")[1]: value for key, value in metrics.items() if key.startswith(f"eval_{name}/")}


@pytest.fixture
def beside(recorded, planted_folder, monkeypatch):
    """The working folder is that of the planted data, where its config finds the file."""
    monkeypatch.chdir(planted_folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    return recorded


def test_the_runs_own_test_rows_give_the_numbers_that_it_logged(beside, client):
    run(run=beside.planted)
    run(run=beside.penguins)
    for run_id in (beside.planted, beside.penguins):
        logged = client.get_run(run_id).data.metrics
        found = of(client, run_id, "test")
        heads = ("place", "slope", "both") if run_id == beside.planted else ("species", "body_mass")
        words = {key.removeprefix("test/") for key in logged if key.startswith("test/")}
        words = {word for word in words if word.startswith(heads)} | {"skill"}
        assert len(words) >= 2 * len(heads)
        for word in words:
            assert found[word] == pytest.approx(logged[f"test/{word}"], rel=1e-4, abs=1e-5), word
            assert found[f"{word}_low"] <= found[word] <= found[f"{word}_high"]


def test_a_runs_own_numbers_and_status_stay(beside, client, caplog):
    before = client.get_run(beside.planted)
    with caplog.at_level(logging.WARNING):
        run(run=beside.planted, split="val", name="again")
    assert "the coverage of sets and intervals on val rows says little about new rows" in caplog.text
    after = client.get_run(beside.planted)
    assert after.info.status == "FINISHED"
    assert after.info.end_time == before.info.end_time
    assert {k: after.data.metrics[k] for k in before.data.metrics} == before.data.metrics
    new = set(after.data.metrics) - set(before.data.metrics)
    assert {name.split("/")[0] for name in new} == {"eval_again"}
    with pytest.raises(ConfigError, match="name: the run already has an evaluation with this name"):
        run(run=beside.planted, split="val", name="again")


def test_an_evaluation_without_a_name_never_takes_one_that_is_taken():
    taken = {"eval_val/rows": 1.0, "eval_val_2/rows": 1.0, "val/loss": 0.5}
    assert evaluate.free_name({**DEFAULTS, "split": "val"}, None, taken) == "val_3"
    assert evaluate.free_name(DEFAULTS, None, taken) == "test"
    assert evaluate.free_name(DEFAULTS, "emoji", {}) == "emoji_all"
    assert evaluate.free_name({**DEFAULTS, "sources": {"a": "x/may 3.csv"}}, None, {}) == "may_3_all"


def test_new_files_are_read_with_the_runs_own_preprocessing(recorded, client, tmp_path):
    frame = pd.read_csv(PENGUINS)
    frame.iloc[:100].assign(island="Atlantis").to_csv(tmp_path / "new.csv", index=False)
    frame.to_csv(tmp_path / "same.csv", index=False)
    run(run=recorded.penguins, sources={"penguins": str(tmp_path / "new.csv")}, name="new")
    run(run=recorded.penguins, sources={"penguins": str(tmp_path / "same.csv")}, name="same")
    new, same = of(client, recorded.penguins, "new"), of(client, recorded.penguins, "same")
    assert (new["rows"], same["rows"]) == (100, 344)
    assert new["body_mass_loss"] != same["body_mass_loss"]
    folder = Path(
        mlflow.artifacts.download_artifacts(run_id=recorded.penguins, artifact_path="evaluations/same")
    )
    rows = pd.read_parquet(folder / "predictions.parquet")
    right = rows.species_predicted[rows.species_label.notna()] == rows.species_label.dropna()
    assert same["species_accuracy"] == pytest.approx(right.mean())
    assert rows.body_mass_loss.isna().sum() == frame.body_mass_g.isna().sum()
    error = (rows.body_mass_predicted - rows.body_mass_label).abs().mean()
    assert same["body_mass_mae"] == pytest.approx(error, rel=1e-5)


def test_rows_without_labels_are_sent_to_predict(recorded, tmp_path):
    pd.read_csv(PENGUINS).drop(columns="body_mass_g").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(ConfigError, match="but an evaluation needs labels") as caught:
        run(run=recorded.penguins, sources={"penguins": str(tmp_path / "new.csv")})
    assert caught.value.key == "data.targets.body_mass.column"
    assert "pipeline.predict" in str(caught.value)
    assert "nearest" not in str(caught.value)


def test_other_data_with_the_runs_inputs_and_targets_is_evaluated_whole(recorded, client, tmp_path):
    frame = pd.read_csv(PENGUINS).rename(columns={"species": "kind"})
    frame.to_csv(tmp_path / "other.csv", index=False)
    columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
    data = {
        "sources": {"birds": str(tmp_path / "other.csv")},
        "inputs": {
            "traits": {
                "kind": "table",
                "numeric": [f"birds.{one}" for one in columns],
                "categorical": ["birds.island", "birds.sex"],
            }
        },
        "targets": {
            "species": {"kind": "category", "column": "birds.kind"},
            "body_mass": {"kind": "number", "column": "birds.body_mass_g"},
        },
    }
    run("birds", run=recorded.penguins, data=data)
    assert of(client, recorded.penguins, "birds_all")["rows"] == 344
    del data["targets"]["species"]
    with pytest.raises(ConfigError, match=r"data\.targets: the run needs species(.|\n)*no species"):
        run("birds", run=recorded.penguins, data=data)


def test_labels_that_the_run_never_saw_are_told_with_their_row(recorded, tmp_path):
    pd.read_csv(PENGUINS).replace("Gentoo", "Emperor").to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(ConfigError, match=r"the label is not one of the classes(.|\n)*found:   'Emperor'"):
        run(run=recorded.penguins, sources={"penguins": str(tmp_path / "new.csv")})


def test_own_data_that_has_changed_is_refused_but_may_be_evaluated_as_new(
    beside, client, tmp_path, monkeypatch
):
    arrays = dict(np.load("planted.npz"))
    arrays["slope"] = arrays["slope"] + 1
    np.savez(tmp_path / "planted.npz", **arrays)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"data: the run's data or its split has changed"):
        run(run=beside.planted, split="test")
    run(run=beside.planted, split="all", name="changed")
    assert of(client, beside.planted, "changed")["rows"] == 800


def test_sources_that_the_run_does_not_have_are_refused(recorded):
    with pytest.raises(ConfigError, match=r"the run's data has no such source(.|\n)*nearest: penguins"):
        run(run=recorded.penguins, sources={"penguin": str(PENGUINS)})


def test_an_evaluation_keeps_a_page_with_the_figures_of_every_head(beside):
    shown = run(run=beside.planted, split="train", name="page", page=True)
    folder = Path(
        mlflow.artifacts.download_artifacts(run_id=beside.planted, artifact_path="evaluations/page")
    )
    page = (folder / "evaluation.html").read_text()
    assert "test rows are the 400 rows" in page
    for figure in ("confusion_place", "predicted_slope", "worst_both"):
        assert (folder / "figures" / f"{figure}.png").exists()
    assert not list((folder / "figures").glob("curves_*"))
    table = pd.read_csv(folder / "tables" / "intervals.csv").set_index("metric")
    assert table.low["place_accuracy"] <= table.value["place_accuracy"] <= table.high["place_accuracy"]
    assert "place_accuracy" in shown
    assert "evaluations/page/" in shown


def test_slices_by_columns_and_heads_are_a_table_worst_first(recorded):
    by = ["penguins.island", "species", "bill_length_mm", "species"]
    shown = run(run=recorded.penguins, split="all", name="slices", by=by, bins=3, page=True)
    folder = Path(
        mlflow.artifacts.download_artifacts(run_id=recorded.penguins, artifact_path="evaluations/slices")
    )
    table = pd.read_csv(folder / "tables" / "slices.csv")
    rows = table[(table["head"] == "species") & (table.metric == "loss")].groupby("by").rows.sum()
    assert rows.to_dict() == dict.fromkeys(["penguins.island", "species", "bill_length_mm"], 344)
    tested = table[table.corrected_p.notna()]
    worse = tested.worse.to_numpy()
    assert list(worse) == sorted(worse, reverse=True)
    assert (folder / "figures" / "slices.png").exists()
    assert f"species={table.group[table.by == 'species'].iloc[0]}" in shown


def test_a_column_that_no_source_has_is_refused_before_the_model_runs(recorded):
    with pytest.raises(ConfigError, match=r"by: there is no such column(.|\n)*nearest: island"):
        run(run=recorded.penguins, by=["iland"])


def test_without_resamples_there_are_no_intervals(beside, client):
    run(run=beside.planted, name="bare", resamples=0)
    found = of(client, beside.planted, "bare")
    assert "place_accuracy" in found
    assert not [name for name in found if name.endswith(("_low", "_high"))]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["run: this value is required"]),
        (["run=a", "split=tets"], ["split: this value is not allowed", "train, val, test, all"]),
        (["run=a", "data=kanjy"], ["data: there is no such option", "nearest: kanji"]),
        (
            ["run=a", "data=kanji", "sources={kanji: a.npz}"],
            ["sources: `sources` are new files for the run's own data"],
        ),
        (["run=a", "sources={kanji: none.npz}"], ["sources: the file or folder does not exist", "none.npz"]),
        (["run=a", "by=[0.5]"], ["by: this value is not allowed", "a column or a head"]),
        (["run=a", "bins=1"], ["bins: this value is not allowed"]),
        (["run=a", "name=a/b"], ["name: this value is not allowed"]),
    ],
)
def test_wrong_keys_end_with_code_2_and_a_message(tmp_path, arguments, words):
    done = call("evaluate", *arguments, where=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"), [(["run=a", "split=tets"], 2), (["--help"], 0)], ids=["wrong", "help"]
)
def test_messages_and_help_come_before_anything_heavy_is_imported(tmp_path, arguments, code):
    done, heavy = processes.heavy_imports("evaluate", *arguments, where=tmp_path)
    assert (done.returncode, heavy) == (code, set())
