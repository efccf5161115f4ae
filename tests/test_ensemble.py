"""The ensemble of a sweep, as people make and use it: its run is one like that of a single training."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import mlflow
import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ConfigError
from pipeline.sweep.ensembling import repeated_group
from tests import stores
from tests.sweep.board.sample import OBJECTIVE, trial
from tests.verbs import call, without_report

SMALL = ["experiment=penguins", "trainer.epochs=2", "insight=off", "optimizer.learning_rate=0.01"]
SMALL += ["trainer.early_stopping=null", "conformal.calibration=0.5"]


def test_the_best_config_that_was_repeated_is_joined():
    trials = [
        trial(f"{name} seed={seed}", {"optimizer": name, "seed": str(seed)}, skill, skill)
        for name, skill in (("adam", 0.5), ("sgd", 0.4))
        for seed in (0, 1)
    ]
    alone = trial("rmsprop seed=0", {"optimizer": "rmsprop", "seed": "0"}, 0.9, 0.9)
    assert repeated_group([*trials, alone], OBJECTIVE).name == "adam"


def test_a_sweep_that_repeated_nothing_has_no_ensemble():
    trials = [trial(f"x={x}", {"x": str(x)}, 0.5, 0.5) for x in (1, 2)]
    with pytest.raises(ConfigError, match="no config of this sweep has two finished trials"):
        repeated_group(trials, OBJECTIVE)


def test_folds_are_joined_when_all_are_there():
    trials = [
        trial(f"fold={k}", {"data.split.fold": str(k)}, 0.5, 0.5, folds=3, tested="fixed") for k in range(2)
    ]
    with pytest.raises(ConfigError, match="needs all of them"):
        repeated_group(trials, OBJECTIVE)


@pytest.fixture(scope="module")
def folds(make_once, tmp_path_factory) -> SimpleNamespace:
    """A sweep over two folds of the penguins, which ends with an ensemble."""

    def fill(folder: Path) -> None:
        (folder / "where").mkdir()
        words = ["-m", *SMALL, "sweep=folds", "data.split.folds=2", "sweep.name=f", "tracking.register=birds"]
        with without_report():
            done = call("train", *words, where=folder / "where")
        (folder / "out").write_text(f"{done.stdout}\n{done.stderr}")
        assert done.returncode == 0, done.stderr

    made = make_once("ensemble", fill)
    where = tmp_path_factory.mktemp("ensemble") / "where"
    stores.copy(made / "where", where)
    runs = stores.all_runs(where)
    (parent,) = (run for run in runs if run.info.run_name == "f")
    members = [run for run in runs if run is not parent]
    return SimpleNamespace(where=where, parent=parent, members=members, out=(made / "out").read_text())


def predicted(folds, run, split: str) -> pd.DataFrame:
    return pd.read_parquet(stores.artifact(folds.where, run, f"predictions/{split}.parquet"))


@pytest.mark.slow
def test_its_test_predictions_are_the_calibrated_means_of_those_of_its_members(folds):
    own = predicted(folds, folds.parent, "test")
    each = [predicted(folds, run, "test") for run in folds.members]
    assert set(own.columns) == set(each[0].columns)
    assert list(own["row"]) == list(each[0]["row"])
    mean = np.mean([np.stack(one["species_probabilities"]) for one in each], axis=0)
    temperature = folds.parent.data.metrics["calibration/species_temperature"]
    calibrated = mean ** (1 / temperature)
    calibrated /= calibrated.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.stack(own["species_probabilities"]), calibrated, rtol=1e-4, atol=1e-6)
    numbers = np.mean([one["body_mass_predicted"] for one in each], axis=0)
    np.testing.assert_allclose(own["body_mass_predicted"], numbers, rtol=1e-5)


@pytest.mark.slow
def test_its_gain_is_that_over_the_mean_of_its_members(folds):
    facts = json.loads(stores.artifact(folds.where, folds.parent, "ensemble.json").read_text())
    own, each = (
        predicted(folds, folds.parent, "test"),
        [predicted(folds, run, "test") for run in folds.members],
    )
    error = (own["body_mass_predicted"] - own["body_mass_label"]).abs().mean()
    single = np.mean([(one["body_mass_predicted"] - one["body_mass_label"]).abs().mean() for one in each])
    (gain,) = [one for one in facts["gains"] if (one["head"], one["metric"]) == ("body_mass", "mae")]
    assert gain["ensemble"] == pytest.approx(error, rel=1e-4)
    assert gain["gain"] == pytest.approx(single - error, abs=1e-2)
    assert gain["low"] < gain["gain"] < gain["high"]
    assert folds.parent.data.metrics["ensemble/body_mass_mae_gain"] == pytest.approx(gain["gain"])
    assert folds.parent.data.metrics["test/body_mass_mae"] == pytest.approx(error, rel=1e-4)
    (loss,) = [one for one in facts["gains"] if (one["head"], one["metric"]) == ("species", "loss")]
    (left,) = [one for one in facts["gains"] if one["metric"] == "calibrated_loss"]
    assert left["ensemble"] == loss["ensemble"]
    assert left["single"] < loss["single"]
    assert folds.parent.data.metrics["ensemble/species_calibrated_loss_gain"] == pytest.approx(left["gain"])
    assert re.search(r"species +loss, calibrated ", folds.out)
    page = stores.artifact(folds.where, folds.parent, "report/sweep.html").read_text()
    assert ">Ensemble<" in page
    assert "Ensemble of 2 models" in page
    assert "ensemble of 2 models" in folds.parent.data.tags["mlflow.note.content"]
    assert re.search(r"body_mass +mae .* (better|worse|within noise)", folds.out)


@pytest.mark.slow
def test_verbs_take_the_id_of_the_sweep_as_that_of_a_run(folds):
    where, name = folds.where, folds.parent.info.run_id
    done = call("evaluate", f"run={name}", "resamples=0", "by=island", where=where)
    assert done.returncode == 0, done.stderr
    accuracy = folds.parent.data.metrics["test/species_accuracy"]
    assert float(re.findall(r"species_accuracy +(\S+)", done.stdout)[0]) == pytest.approx(accuracy, abs=1e-3)
    assert "| island=Dream | " in stores.artifact(where, folds.parent, "report/model_card.md").read_text()
    refused = call("evaluate", f"run={name}", "split=val", where=where)
    assert refused.returncode == 2
    assert "split: members of this ensemble were trained on these rows" in refused.stderr
    other = call("evaluate", f"run={name}", "data=penguins", "resamples=0", where=where)
    assert other.returncode == 0, other.stderr
    file = "input=pkg://pipeline.datasets/penguins.csv"
    done = call("predict", f"run={name}", file, "output=p.parquet", where=where)
    assert done.returncode == 0, done.stderr
    own = predicted(folds, folds.parent, "test").set_index("row")
    all_rows = pd.read_parquet(where / "p.parquet").set_index("row").loc[own.index]
    assert list(all_rows["species_predicted"]) == list(own["species_predicted"])
    done = call("compare", "f", folds.members[0].info.run_id, where=where)
    assert "compared on 51 test rows" in done.stdout, done.stderr
    done = call("promote", "name=birds", where=where)
    assert f"(run {name}) is the champion" in done.stdout, done.stderr


@pytest.mark.slow
def test_it_has_sets_and_intervals_and_explains_its_predictions(folds):
    where, name = folds.where, folds.parent.info.run_id
    own = folds.parent.data.metrics
    words = ["input=pkg://pipeline.datasets/penguins.csv", "explain=true"]
    done = call("predict", f"run={name}", *words, "output=e.parquet", where=where)
    assert done.returncode == 0, done.stderr
    every = pd.read_parquet(where / "e.parquet")
    why = pd.read_parquet(where / "e.explained.parquet").set_index("row")
    np.testing.assert_allclose(
        why.species_from_traits + why.species_unexplained,
        why.species_value - why.species_training_mean,
        atol=1e-4,
    )
    np.testing.assert_allclose(why.body_mass_value, every.body_mass_predicted[why.index], rtol=1e-5)
    tested = predicted(folds, folds.parent, "test").set_index("row")
    found = every.set_index("row").loc[tested.index]
    inside = (found.body_mass_low <= tested.body_mass_label) & (
        tested.body_mass_label <= found.body_mass_high
    )
    assert own["test/body_mass_coverage"] == pytest.approx(
        inside[tested.body_mass_label.notna()].mean(), abs=1e-6
    )
    sets = [label in one for label, one in zip(tested.species_label, found.species_set, strict=True)]
    assert own["test/species_coverage"] == pytest.approx(np.mean(sets))
    assert own["test/species_coverage"] > 0.8
    assert "sets and intervals at 90 %, by rows that members held out" in folds.out
    card = stores.artifact(where, folds.parent, "report/model_card.md").read_text()
    assert f"| body_mass | coverage | {own['test/body_mass_coverage']:.4g} | 0." in card
    assert f'"runs:/{name}/model"' in card
    done = call("predict", f"run={name}", *words[:1], "output=w.parquet", "level=0.5", where=where)
    assert done.returncode == 0, done.stderr
    narrow = pd.read_parquet(where / "w.parquet")
    assert (narrow.body_mass_high < every.body_mass_high).all()


@pytest.mark.slow
def test_mlflow_loads_it_like_a_single_model(folds, monkeypatch):
    monkeypatch.chdir(folds.where)
    mlflow.set_tracking_uri(f"sqlite:///{folds.where}/mlruns/mlflow.db")
    own, single = (
        mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model") for run in (folds.parent, folds.members[0])
    )
    assert own.metadata.signature == single.metadata.signature
    cells = {"bill_length_mm": 39.1, "bill_depth_mm": 18.7, "flipper_length_mm": None, "sex": ""}
    row = {name: np.array([cell], object) for name, cell in (cells | {"island": "Torgersen"}).items()}
    found = own.predict({f"traits.{name}": cell for name, cell in row.items()})
    assert found["species"].sum() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.slow
def test_seeds_are_joined_by_the_command(folds, no_report):
    where = folds.where
    words = ["-m", *SMALL, "sweep=seeds", "seed=0,1", "trainer.epochs=1", "sweep.name=s"]
    done = call("train", *words, where=where)
    assert done.returncode == 0, done.stderr
    done = call("ensemble", "run=s", where=where)
    assert done.returncode == 0, done.stderr
    assert "ensemble of 2 models" in done.stdout
    done = call("evaluate", "run=s", "split=val", "resamples=0", where=where)
    assert done.returncode == 0, done.stderr
    done = call("ensemble", f"run={folds.members[0].info.run_id}", where=where)
    assert done.returncode == 2
    assert "run: this run is not a sweep" in done.stderr


@pytest.mark.slow
def test_folds_that_test_every_row_once_are_evaluated_on_all_of_them(tmp_path, no_report):
    words = [*SMALL, "conformal.calibration=null", "sweep=folds", "data.split.folds=3"]
    words += ["data.split.tested=once", "sweep.name=once"]
    done = call("train", "-m", *words, where=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "hold the truth of these rows, each by the model that held it out" in done.stdout
    (parent,) = (run for run in stores.all_runs(tmp_path) if run.info.run_name == "once")
    rows = pd.read_parquet(stores.artifact(tmp_path, parent, "predictions/oof.parquet"))
    error = (rows.body_mass_predicted - rows.body_mass_label).abs().mean()
    known = parent.data.metrics
    assert known["out_of_fold/body_mass_mae"] == pytest.approx(error, rel=1e-4)
    right = (rows.species_predicted == rows.species_label).mean()
    assert known["out_of_fold/species_accuracy"] == pytest.approx(right)
    assert known["out_of_fold/body_mass_coverage"] > 0.8
    card = stores.artifact(tmp_path, parent, "report/model_card.md").read_text()
    assert (
        "On 344 rows, each predicted by the one of the models that did not train on it (the ensemble" in card
    )
    done = call("evaluate", "run=once", "resamples=0", "by=island", where=tmp_path)
    assert done.returncode == 0, done.stderr
    assert float(re.findall(r"body_mass_mae +(\S+)", done.stdout)[0]) == pytest.approx(error, rel=1e-3)
    assert "did not train on it" in done.stdout
    assert "| island=Dream | " in stores.artifact(tmp_path, parent, "report/model_card.md").read_text()
    refused = call("evaluate", "run=once", "split=val", where=tmp_path)
    assert refused.returncode == 2
    assert "split=test" in refused.stderr
