"""What a run logs: params, its config as files, predictions of every kind of head, and its model."""

import json
from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest
import yaml

from pipeline import data
from pipeline.heads import Binary, Multiclass, Multilabel, Quantiles, Regression
from pipeline.job import artifacts
from pipeline.job.data_identity import digest
from pipeline.job.resume import Origin
from pipeline.losses import Pinball
from pipeline.notices import Clock
from pipeline.training.fit import FitResult
from pipeline.training.head_loss import HeadLoss
from tests import composed

NAN = np.nan
MSE = keras.losses.MeanSquaredError()
LOGISTIC = keras.losses.BinaryCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def cfg():
    return composed.config(*composed.PENGUINS)


@pytest.fixture
def arguments(monkeypatch):
    """A function that returns the arguments with which a run is opened."""
    monkeypatch.setattr(artifacts, "source_tags", lambda folder: {"git.commit": "3f2a"})

    def opened(cfg, overrides=(), groups=None):
        return artifacts.run_arguments(cfg, Origin(list(overrides), groups or {}, []))

    return opened


def test_tags_say_what_was_run_and_include_those_of_the_config(arguments):
    cfg = composed.config(*composed.PENGUINS, "+tracking.tags.team=birds")
    opened = arguments(cfg, overrides=["seed=1", "trainer.epochs=2"])
    assert opened["tags"].pop("pipeline.version")
    assert opened["tags"] == {
        "git.commit": "3f2a",
        "pipeline.command": "python -m pipeline.train seed=1 trainer.epochs=2",
        "pipeline.overrides": "seed=1 trainer.epochs=2",
        "team": "birds",
    }
    assert opened["system_metrics"] is False
    assert "pipeline.overrides" not in arguments(cfg)["tags"]


def test_a_run_is_named_by_its_config_or_else_by_its_overrides(cfg, arguments):
    assert arguments(cfg, overrides=["seed=1"])["run_name"] == "seed=1"
    named = composed.config(*composed.PENGUINS, "tracking.run_name=mine")
    assert arguments(named, overrides=["seed=1"])["run_name"] == "mine"


class Run:
    """Keeps what a run logs."""

    def __init__(self):
        self.files, self.metrics, self.models, self.dataset = {}, [], [], None

    def log_folder(self, folder):
        self.files |= {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def log_metrics(self, metrics, step):
        self.metrics.append((metrics, step))

    def log_dataset(self, *words):
        self.dataset = words

    def log_model(self, *arguments):
        self.models.append(arguments)

    def url(self):
        return None

    def describe(self, text):
        self.described = text


@pytest.fixture(scope="module")
def logged(cfg, untrained):
    """The files that are logged before the training."""
    run = Run()
    artifacts.log_config(run, cfg, untrained, ["experiment=penguins", "seed=0"])
    return run.files


def test_the_config_and_the_overrides_are_logged_as_they_were_resolved(logged):
    config = yaml.safe_load(logged["config/config.yaml"])
    assert config["branches"]["traits"]["units"] == [4]
    assert "${" not in logged["config/config.yaml"].decode()
    assert yaml.safe_load(logged["config/overrides.yaml"]) == ["experiment=penguins", "seed=0"]


def test_the_split_is_logged_with_its_fingerprint_and_rows(logged, untrained):
    split = json.loads(logged["config/split.json"])
    assert split["fingerprint"] == untrained.dataset.fingerprint
    assert split["rows"] == {name: len(rows.rows) for name, rows in untrained.dataset.splits.items()}


def test_the_facts_of_a_head_are_its_labels_and_its_baseline(logged, untrained):
    facts = json.loads(logged["config/heads.json"])
    assert facts["species"].keys() == {"kind", "names", "constant"}
    assert facts["species"]["names"] == ["Adelie", "Chinstrap", "Gentoo"]
    np.testing.assert_allclose(
        facts["species"]["constant"], untrained.references["train"]["species"].baseline, rtol=1e-6
    )
    mass = facts["body_mass"]
    assert (mass["kind"], len(mass["constant"])) == ("number", 1)
    assert 3000 < mass["mean"][0] < 5000
    assert mass["scale"] == untrained.dataset.targets["body_mass"].scale.tolist()
    labels = json.loads(logged["config/labels.json"])
    assert labels == {"species": ["Adelie", "Chinstrap", "Gentoo"], "body_mass": ["body_mass_g"]}


def test_the_environment_lists_every_package_once_in_order(logged):
    packages = logged["environment/requirements.txt"].decode().splitlines()
    assert packages == sorted(set(packages), key=str.lower)
    assert any(package.startswith("keras==") for package in packages)
    assert json.loads(logged["environment/machine.json"]).keys() == {"python", "system", "processor"}


ROWS = 6
HEADS = {
    "grade": Multiclass(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
    "late": Binary(loss=LOGISTIC),
    "tags": Multilabel(loss=LOGISTIC),
    "price": Regression(loss=MSE),
    "sizes": Regression(loss=MSE),
    "range": Quantiles(loss=Pinball(quantiles=[0.1, 0.5]), quantiles=[0.1, 0.5]),
}


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    """The predictions of one head of every kind on test rows, of which the last has no label."""
    two = np.array([[1.0, 10], [2, 20], [3, 30], [1, 20], [2, 10], [NAN, NAN]])
    flags = np.array([[0.0, 1], [1, 0], [1, 1], [0, 0], [1, 0], [NAN, NAN]])
    source = {
        "grade": np.array(["a", "b", "b", "a", "b", ""], dtype=object),
        "late": flags[:, 0],
        "tags": flags,
        "price": two[:, 0],
        "sizes": two,
        "split": np.array([0, 0, 0, 1, 2, 2]),
    }
    kinds = {"grade": "category", "late": "binary", "tags": "labels"}
    targets = {
        name: {"kind": kinds.get(name, "number"), "column": f"s.{'price' if name == 'range' else name}"}
        for name in HEADS
    }
    dataset = data.load({"s": source}, {}, targets, {"column": "s.split", "train": 0, "val": 1, "test": 2})
    widths = {name: head.width(dataset.targets[name].units) for name, head in HEADS.items()}
    outputs = {name: np.tile(np.float32([0.25, 0.75][:width]), (2, 1)) for name, width in widths.items()}
    job = SimpleNamespace(
        dataset=dataset,
        heads=HEADS,
        trainer=SimpleNamespace(
            losses={
                name: HeadLoss(loss=head.loss, kind=dataset.targets[name].kind)
                for name, head in HEADS.items()
            }
        ),
    )
    raw = {name: np.zeros_like(values) for name, values in outputs.items()}
    folder = tmp_path_factory.mktemp("logged") / "predictions"
    artifacts._write_predictions(
        folder,
        job,
        SimpleNamespace(
            epochs={"test": SimpleNamespace(outputs=outputs, raw=raw)},
            thresholds={"late": [0.2]},
            intervals=None,
        ),
    )
    assert [path.name for path in folder.iterdir()] == ["test.parquet"]
    return pd.read_parquet(folder / "test.parquet")


def of_head(predictions, head):
    """The columns of a head, as lists and without the head's name."""
    return {
        name.removeprefix(f"{head}_"): [
            cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in predictions[name]
        ]
        for name in predictions
        if name.startswith(f"{head}_")
    }


def test_the_columns_of_predictions_have_their_names_and_order(predictions):
    assert list(predictions) == [
        "row",
        *(f"grade_{word}" for word in ("loss", "label", "predicted", "probability", "probabilities")),
        *(f"late_{word}" for word in ("loss", "label", "predicted", "probability")),
        *(f"tags_{word}" for word in ("loss", "label", "predicted", "probability")),
        *(f"{head}_{word}" for head in ("price", "sizes") for word in ("loss", "label", "predicted")),
        *(f"range_{word}" for word in ("loss", "label", "predicted", "q0.1", "q0.5")),
    ]
    assert predictions["row"].tolist() == [4, 5]


def test_labels_and_predictions_are_classes_flags_and_numbers_in_their_own_unit(predictions):
    grade = of_head(predictions, "grade")
    assert (grade["label"][0], grade["predicted"]) == ("b", ["b", "b"])
    assert grade["probability"] == [0.75, 0.75]
    assert grade["probabilities"] == [[0.25, 0.75]] * 2
    assert of_head(predictions, "late")["label"][0] == 1.0
    assert of_head(predictions, "late")["predicted"] == [1, 1]  # above its threshold of 0.2
    assert of_head(predictions, "late")["probability"] == [0.25, 0.25]
    assert of_head(predictions, "tags")["label"][0] == [1.0, 0.0]
    assert of_head(predictions, "tags")["predicted"] == [[0, 1]] * 2
    assert of_head(predictions, "tags")["probability"] == [[0.25, 0.75]] * 2
    assert of_head(predictions, "price")["label"][0] == pytest.approx(2.0)
    assert of_head(predictions, "price")["predicted"] == [0.25, 0.25]
    assert of_head(predictions, "sizes")["label"][0] == pytest.approx([2.0, 10.0])
    interval = of_head(predictions, "range")
    assert (interval["q0.1"], interval["q0.5"], interval["predicted"]) == ([0.25] * 2, [0.75] * 2, [0.75] * 2)


@pytest.mark.parametrize("head", HEADS)
def test_a_missing_label_is_empty_and_has_no_loss(predictions, head):
    columns = of_head(predictions, head)
    label = columns["label"][1]
    assert np.isnan(label).all()
    assert np.isnan(columns["loss"]).tolist() == [False, True]


@pytest.fixture
def log(cfg, untrained, monkeypatch):
    """A function that logs the results of the untrained job."""
    monkeypatch.setattr(artifacts.report, "write", lambda folder, record: folder.mkdir())
    monkeypatch.setattr(artifacts, "report_record", lambda *arguments: None)
    monkeypatch.setattr(artifacts, "replace", lambda record, **changes: record)
    monkeypatch.setattr(artifacts, "_write_card", lambda *arguments: None)
    monkeypatch.setattr(artifacts, "description", lambda *arguments: "what came out")
    results = SimpleNamespace(
        metrics={"val/loss": 1.0, "best/val_loss": 1.0, "test/loss": 2.0, "best/epoch": 3.0},
        epochs={},
        stand_ins={},
        thresholds={"late": [0.2]},
        intervals=None,
    )

    def logged(**changes):
        run, changed = Run(), composed.config(*composed.PENGUINS)
        changed.tracking.update(changes)
        fitted = FitResult({}, 1, {})
        origin = Origin([], {"data": "birds"}, [])
        artifacts.log_results(run, changed, untrained, fitted, results, origin=origin, clock=Clock())
        return run

    return logged


def test_results_are_logged_as_single_values_without_those_of_the_epochs(log, untrained):
    run = log(log_model=False)
    assert run.described == "what came out"
    results, time = run.metrics
    assert results == ({"best/val_loss": 1.0, "test/loss": 2.0, "best/epoch": 3.0}, 0)
    assert time[0].keys() == {"time/total_s"}
    rows = {f"{split} rows": len(part.rows) for split, part in untrained.dataset.splits.items()}
    source = {"uri": "pkg://pipeline.datasets/penguins.csv"}
    assert run.dataset == ("birds", digest(untrained), source, rows)
    assert run.models == []


def test_the_model_is_logged_with_its_inputs_two_example_rows_and_the_name_to_register(log, untrained):
    ((model, specs, example, register, forms, classes, thresholds),) = log(
        log_model=True, register="birds"
    ).models
    assert (register, forms) == ("birds", {})
    assert classes["all"] == classes["one"] == {"species": ["Adelie", "Chinstrap", "Gentoo"]}
    assert thresholds == {"late": [0.2]}
    assert specs.keys() == example.keys() == model.input.keys()
    raw = untrained.dataset.splits["val"].raw
    for name, values in example.items():
        np.testing.assert_array_equal(values, raw[name][:2])
