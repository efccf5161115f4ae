"""The metrics of one pass: combined losses, those of each head, and what is left out."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline import heads
from pipeline.training.epoch import Epoch
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import Reference, measure, references

LABELS = np.array([0, 1, 1, 0])
NUMBERS = np.array([[1.0], [2.0], [3.0], [np.nan]])


def epoch(losses, outputs, order=None):
    order = np.arange(4) if order is None else np.asarray(order)
    return Epoch(losses, 0.25, {}, {}, outputs, outputs, order, 0.1)


def of_class(**changes):
    fields = {"words": ["accuracy", "ece"], "keras_metrics": [], "baseline_loss": 2.0} | changes
    return Reference("category", LABELS, **fields)


def of_score(**changes):
    fields = {"words": ["mae"], "keras_metrics": [], "baseline_loss": 4.0} | changes
    return Reference("number", NUMBERS, **fields)


CLASS_OUTPUTS = np.float32([[0.75, 0.25], [0.25, 0.75], [0.75, 0.25], [0.75, 0.25]])
SCORE_OUTPUTS = np.float32([[1.0], [2.5], [3.0], [9.0]])
BOTH = {"class": CLASS_OUTPUTS, "score": SCORE_OUTPUTS}


def test_combined_losses_are_weighted_and_unweighted_sums():
    scores = measure(
        "val",
        epoch({"class": 1.0, "score": 2.0}, BOTH),
        {"class": of_class(), "score": of_score()},
        {"class": 3.0, "score": 0.5},
    )
    assert scores.combined["loss"] == 3.0 * 1.0 + 0.5 * 2.0 + 0.25
    assert scores.combined["loss_unweighted"] == 3.0


def test_skill_is_that_over_the_baseline_and_its_mean_over_heads():
    scores = measure(
        "val",
        epoch({"class": 1.0, "score": 1.0}, BOTH),
        {"class": of_class(), "score": of_score()},
        {"class": 1.0, "score": 1.0},
    )
    assert scores.heads["class"]["skill"] == 0.5
    assert scores.heads["score"]["skill"] == 0.75
    assert scores.combined["skill"] == 0.625


def test_a_head_worse_than_its_baseline_counts_as_0_in_the_floored_skill():
    scores = measure(
        "val",
        epoch({"class": 1.0, "score": 12.0}, BOTH),
        {"class": of_class(), "score": of_score()},
        {"class": 1.0, "score": 1.0},
    )
    assert scores.heads["score"]["skill"] == -2.0
    assert scores.combined["skill"] == -0.75
    assert scores.combined["skill_floored"] == 0.25


def test_training_rows_have_neither_skill_nor_calibration():
    found = epoch({"class": 1.0}, {"class": CLASS_OUTPUTS})
    train, val = (measure(split, found, {"class": of_class()}, {"class": 1.0}) for split in ("train", "val"))
    assert set(val.heads["class"]) - set(train.heads["class"]) == {"skill", "ece"}
    assert "skill" not in train.combined


def test_labels_are_put_in_the_order_of_the_outputs():
    order = [2, 3, 0, 1]
    found = epoch({"class": 1.0}, {"class": CLASS_OUTPUTS[order]}, order)
    assert measure("val", found, {"class": of_class()}, {"class": 1.0}).heads["class"]["accuracy"] == 0.75


def test_a_head_without_labels_in_the_pass_is_absent():
    both = {"class": of_class(), "score": of_score()}
    scores = measure("val", epoch({"score": 1.0}, BOTH), both, {"class": 1.0, "score": 1.0})
    assert list(scores.heads) == ["score"]


def test_without_a_baseline_there_is_no_skill():
    found = epoch({"score": 1.0}, BOTH)
    scores = measure("val", found, {"score": of_score(baseline_loss=None)}, {"score": 1.0})
    assert "skill" not in scores.heads["score"]
    assert "skill" not in scores.combined


def test_metrics_of_keras_see_the_labelled_rows_alone_and_begin_anew():
    reference = of_score(words=[], keras_metrics=[keras.metrics.MeanAbsoluteError(name="distance")])
    for _ in range(2):
        scores = measure("val", epoch({"score": 1.0}, BOTH), {"score": reference}, {"score": 1.0})
        assert scores.heads["score"]["distance"] == pytest.approx(0.5 / 3)


def test_quantiles_are_measured_as_quantiles():
    outputs = np.float32([[0, 1, 2], [0, 1, 1.5], [2, 3, 4], [0, 0, 0]])
    reference = of_score(words=["coverage", "mae"], quantiles=(0.1, 0.5, 0.9))
    scores = measure("val", epoch({"score": 1.0}, {"score": outputs}), {"score": reference}, {"score": 1.0})
    assert scores.heads["score"]["coverage"] == pytest.approx(2 / 3)
    assert scores.heads["score"]["mae"] == pytest.approx(1 / 3)


@pytest.fixture
def found():
    """The references of a class and a number; the validation rows differ from the training rows."""
    made = {
        "class": heads.Multiclass(
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy", keras.metrics.SparseCategoricalAccuracy(name="same")],
        ),
        "score": heads.Regression(loss=keras.losses.MeanSquaredError()),
    }
    targets = {
        "class": SimpleNamespace(kind="category", units=2),
        "score": SimpleNamespace(kind="number", units=1),
    }
    losses = {
        name: HeadLoss(loss=head.loss, kind=targets[name].kind, complete=False) for name, head in made.items()
    }
    train = {"class": np.int32([0, 0, 0, 1]), "score": np.float32([[1], [3], [2], [2]])}
    val = {"class": np.int32([1, -1]), "score": np.float32([[4], [np.nan]])}
    splits = {
        name: SimpleNamespace(labels=labels, numbers={"score": labels["score"] * 10 + 100})
        for name, labels in (("train", train), ("val", val))
    }
    return references(made, targets, losses, splits)


def test_the_baseline_is_fitted_on_training_rows_and_scored_on_each_split(found):
    assert found["train"]["score"].baseline == pytest.approx([2.0], abs=1e-4)
    assert found["val"]["score"].baseline_loss == pytest.approx(4.0, rel=1e-3)
    assert found["val"]["class"].baseline_loss == pytest.approx(-np.log(0.25), rel=1e-3)
    np.testing.assert_array_equal(found["val"]["class"].baseline, found["train"]["class"].baseline)


def test_numbers_are_measured_in_their_own_unit_and_classes_by_their_codes(found):
    np.testing.assert_array_equal(found["val"]["score"].labels, [[140], [np.nan]])
    np.testing.assert_array_equal(found["val"]["class"].labels, [1, -1])


def test_metrics_by_name_and_those_of_keras_are_kept_apart(found):
    assert found["val"]["class"].words == ["accuracy"]
    assert [metric.name for metric in found["val"]["class"].keras_metrics] == ["same"]
