"""Calibration: the calibration error, and temperature scaling."""

import keras
import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.heads import Binary, Multiclass, Ordinal
from pipeline.job.calibration import divide, temperature
from pipeline.metrics import calibration_error, class_metrics, label_metrics, reliability

rng = np.random.default_rng(0)
CROSSENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
YES_NO = keras.losses.BinaryCrossentropy(from_logits=True)


def softmax(logits):
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def draw_labels(logits):
    """Draw labels from the probabilities of the logits."""
    return np.array([rng.choice(logits.shape[1], p=row) for row in softmax(logits)], dtype=np.int32)


def test_the_calibration_error_is_zero_for_true_probabilities_and_not_for_overconfident_ones():
    probabilities = np.repeat([0.25, 0.75], 400)
    true = np.concatenate([np.arange(400) < 100, np.arange(400) < 300])
    assert calibration_error(true, probabilities) == pytest.approx(0)
    assert calibration_error(true, np.repeat([0.05, 0.95], 400)) == pytest.approx(0.2)
    assert calibration_error(np.array([True]), np.array([1.0])) == 0


def test_each_row_is_in_one_bin():
    counts, hits, probabilities = reliability(
        np.array([True, False, True]), np.array([0.0, 0.55, 1.0]), bins=10
    )
    assert counts.tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    assert hits.sum() == 2
    assert probabilities.sum() == pytest.approx(1.55)


def test_every_class_head_has_the_metric_and_ignores_missing_labels():
    probabilities = np.array([[0.8, 0.2], [0.3, 0.7], [0.5, 0.5]])
    found = class_metrics(np.array([0, 1, -1]), probabilities, ["ece"])
    assert found["ece"] == pytest.approx(np.mean([0.2, 0.3]))
    found = label_metrics(np.array([[1.0], [0.0], [np.nan]]), np.array([[0.8], [0.3], [0.5]]), ["ece"])
    assert found["ece"] == pytest.approx(np.mean([0.2, 0.3]))


@pytest.mark.parametrize("by", [0.5, 1.0, 3.0])
def test_the_temperature_is_the_factor_by_which_logits_are_too_large(by):
    logits = rng.normal(0, 1.5, (4000, 4))
    labels = draw_labels(logits)
    assert temperature(by * logits, labels, "category") == pytest.approx(by, rel=0.1)
    assert temperature(by * logits, np.eye(4)[labels], "category") == pytest.approx(by, rel=0.1)
    yes = (rng.random((4000, 2)) < 1 / (1 + np.exp(-logits[:, :2]))).astype(float)
    for kind in ("binary", "labels"):
        assert temperature(by * logits[:, :2], yes, kind) == pytest.approx(by, rel=0.15)


def test_the_temperature_has_the_smallest_loss_and_ignores_rows_without_a_label():
    logits = 3 * rng.normal(0, 1, (500, 3))
    labels = draw_labels(logits / 3)
    found = temperature(logits, labels, "category")

    def loss(by):
        return -np.log(softmax(logits / by)[np.arange(500), labels]).mean()

    assert all(loss(found) <= loss(found * factor) + 1e-9 for factor in (0.5, 0.9, 1.1, 2))
    more = np.concatenate([logits, 100 * rng.normal(size=(50, 3))])
    assert temperature(more, np.append(labels, np.full(50, -1)), "category") == pytest.approx(found, rel=1e-4)


@pytest.mark.parametrize("rows", [10, 50])
def test_few_rows_that_are_all_right_leave_the_temperature_near_1(rows):
    codes = np.arange(rows) % 3
    logits = 6.0 * np.eye(3)[codes]
    assert 0.4 < temperature(logits, codes, "category") < 1
    yes = (codes == 0).astype(float)[:, None]
    for kind in ("binary", "labels"):
        assert 0.4 < temperature(6.0 * (2 * yes - 1), yes, kind) < 1


@pytest.mark.parametrize("by", [0.5, 1.0, 2.0])
def test_a_temperature_of_few_rows_seldom_costs_more_than_none(by):
    logits = rng.normal(0, 4, (20_000, 3))
    labels = draw_labels(logits)

    def loss(temperature_: float) -> float:
        return -np.log(softmax(by * logits / temperature_)[np.arange(len(labels)), labels] + 1e-300).mean()

    costs = []
    for first in range(0, 20 * 50, 50):
        rows = slice(first, first + 20)
        costs.append(loss(temperature(by * logits[rows], labels[rows], "category")) - loss(by))
    assert np.mean(costs) < 0.05
    assert max(costs) < 0.3


def test_dividing_the_logits_keeps_the_order_of_the_classes():
    entry = keras.Input((5,))
    head = Multiclass(loss=CROSSENTROPY, units=[4], calibrate="temperature")
    model = keras.Model(entry, keras.Model(entry, head(entry, "class_output", 3), name="head_class")(entry))
    rows = rng.normal(size=(50, 5)).astype("float32")
    before = model.predict(rows, verbose=0)
    divide(model, "class", 2.5)
    after = model.predict(rows, verbose=0)
    np.testing.assert_allclose(after, before / 2.5, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(after.argsort(axis=1), before.argsort(axis=1))


def test_heads_without_logits_reject_a_temperature():
    with pytest.raises(ConfigError, match="needs logits, but the output has the activation softmax"):
        Multiclass(loss=CROSSENTROPY, activation="softmax", calibrate="temperature")
    with pytest.raises(ConfigError, match="needs logits, but the output has the activation sigmoid"):
        Binary(loss=YES_NO, activation="sigmoid", calibrate="temperature")
    with pytest.raises(ConfigError, match="an ordinal head cannot be calibrated"):
        Ordinal(loss=CROSSENTROPY, calibrate="temperature")


def test_a_calibrated_run_logs_its_temperature_and_metrics_of_calibrated_probabilities(recorded):
    metrics = (
        MlflowClient(f"sqlite:///{recorded.folder}/mlruns/mlflow.db").get_run(recorded.planted).data.metrics
    )
    assert metrics["calibration/place_temperature"] > 0
    assert metrics["best/val_place_loss"] <= metrics["calibration/place_loss_before"] + 1e-6
    assert "calibration/place_ece_before" in metrics
    assert "calibration/both_temperature" not in metrics
    mlflow.set_tracking_uri(f"sqlite:///{recorded.folder}/mlruns/mlflow.db")
    path = mlflow.artifacts.download_artifacts(f"runs:/{recorded.planted}/predictions/val.parquet")
    rows = pd.read_parquet(path)
    probabilities = np.stack(rows.place_probabilities)
    assert metrics["best/val_place_loss"] == pytest.approx(rows.place_loss.mean(), rel=1e-5)
    labels = (rows.place_label == "down").astype(int)
    found = class_metrics(labels.to_numpy(), probabilities, ["ece", "accuracy"])
    assert metrics["best/val_place_ece"] == pytest.approx(found["ece"], abs=1e-5)
    assert metrics["best/val_place_accuracy"] == pytest.approx(found["accuracy"])
    assert not [name for name in metrics if name.startswith("train/") and name.endswith("_ece")]
