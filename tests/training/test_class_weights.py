"""Weights of classes and rows: in what training descends, never in what is logged."""

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from pipeline.data.feed import Rows, weight_key
from pipeline.errors import ConfigError
from pipeline.training.class_weights import class_factors
from pipeline.training.trainer import Trainer
from tests.small_trainer import CODES, INPUTS, LOSSES, make_trainer, plain_keras

rng = np.random.default_rng(0)
WHOLE = 96  # rows in whole batches, as Keras averages a short last one otherwise
FACTORS = np.array([1.0, 0.5, 3.0, 0.0, 2.0], "float32")
WEIGHTS = rng.uniform(0, 3, WHOLE).astype("float32")


def trained(**given) -> tuple[Trainer, keras.Model, float]:
    """One epoch of ours and of Keras, with the same weights of classes or rows; our logged loss."""
    trainer, plain = make_trainer(("class",), complete=False), plain_keras(("class",))
    plain.set_weights(trainer.model.get_weights())
    inputs, labels = {name: values[:WHOLE] for name, values in INPUTS.items()}, {"class": CODES[:WHOLE]}
    plain.compile("rmsprop", loss=LOSSES["class"])
    plain.fit(inputs, labels["class"], batch_size=32, shuffle=False, verbose=0, **given)
    if "class_weight" in given:
        trainer.losses["class"] = trainer.losses["class"].__class__(
            loss=LOSSES["class"], kind="category", factors=FACTORS
        )
    if "sample_weight" in given:
        labels[weight_key("class")] = WEIGHTS
    loss = trainer.train(Rows.of(inputs, labels), np.arange(WHOLE), np.ones(1, "float32")).losses["class"]
    return trainer, plain, loss


@pytest.mark.parametrize(
    "given",
    [
        {"class_weight": dict(enumerate(FACTORS))},
        pytest.param({"sample_weight": WEIGHTS}, marks=pytest.mark.slow),
    ],
    ids=["class", "row"],
)
def test_weights_descend_as_in_keras_and_the_logged_loss_is_without_them(given):
    trainer, plain, _ = trained(**given)
    for mine, theirs in zip(trainer.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)
    assert any(
        np.abs(a - b).max() > 1e-3
        for a, b in zip(trainer.model.get_weights(), trained()[1].get_weights(), strict=True)
    )
    before = make_trainer(("class",))
    inputs = {name: values[:WHOLE] for name, values in INPUTS.items()}
    unweighted = before.evaluate(Rows.of(inputs, {"class": CODES[:WHOLE]})).losses["class"]
    labels = {"class": CODES[:WHOLE], weight_key("class"): WEIGHTS}
    assert before.evaluate(Rows.of(inputs, labels)).losses["class"] == unweighted


def test_the_loss_of_a_weighted_step_is_logged_unweighted():
    trainer = make_trainer(("class",))
    inputs = {name: values[:32] for name, values in INPUTS.items()}
    rows = Rows.of(inputs, {"class": CODES[:32], weight_key("class"): WEIGHTS[:32]})
    before = trainer.evaluate(rows).losses["class"]
    assert trainer.train(rows, np.arange(32), np.ones(1, "float32")).losses["class"] == pytest.approx(before)


def test_balanced_is_that_of_scikit_learn_over_the_labelled_rows():
    codes = np.append(rng.integers(0, 3, 50) ** 2 // 2, [-1, -1]).astype("int32")
    there = codes[codes >= 0]
    wanted = compute_class_weight("balanced", classes=np.unique(there), y=there)
    found = class_factors("balanced", "category", ["a", "b", "c", "never"], codes, "key")
    np.testing.assert_allclose(found[np.unique(there)], wanted, rtol=1e-6)
    assert found[3] == 1
    shares = class_factors("balanced", "category", ["a", "b", "c"], np.eye(3)[there], "key")
    np.testing.assert_allclose(shares, found[:3], rtol=1e-6)


def test_balanced_weighs_yes_and_no_alike_in_every_column():
    labels = np.array([[1, 0], [0, 0], [0, np.nan], [0, 1]], "float32")
    found = class_factors("balanced", "labels", ["a", "b"], labels, "key")
    np.testing.assert_allclose(found, [[4 / 6, 2], [3 / 4, 3 / 2]])


def test_factors_go_by_name():
    np.testing.assert_array_equal(
        class_factors({"b": 3, 2: 0.5}, "category", ["a", "b", "2"], CODES, "key"), [1, 3, 0.5]
    )
    np.testing.assert_array_equal(
        class_factors({"late": 5}, "binary", ["late"], np.zeros((3, 1)), "key"), [[1, 5]]
    )
    with pytest.raises(ConfigError, match=r"(?s)heads.class.class_weight.*found:   bird.*nearest: birds"):
        class_factors({"bird": 2}, "category", ["birds", "cats"], CODES, "heads.class.class_weight")


@pytest.mark.parametrize("kind", ["category", "binary"])
def test_missing_labels_weigh_nothing(kind):
    from pipeline.training.head_loss import HeadLoss

    if kind == "category":
        loss, labels = LOSSES["class"], np.array([0, -1, 2], "int32")
        factors, output = FACTORS, rng.normal(size=(3, 5)).astype("float32")
    else:
        loss, labels = keras.losses.BinaryCrossentropy(from_logits=True), np.float32([[1], [np.nan], [0]])
        factors, output = np.float32([[1, 4]]), rng.normal(size=(3, 1)).astype("float32")
    head = HeadLoss(loss=loss, kind=kind, factors=factors)
    weights = np.float32([2, 7, 1])
    tensors = [keras.ops.convert_to_tensor(one) for one in (labels, output, weights)]
    cells = head.row_losses(labels, output)
    of_class = (1.0, 3.0) if kind == "category" else (4.0, 1.0)
    wanted = (cells[0] * of_class[0] * 2 + cells[2] * of_class[1]) / 2
    assert float(head.training_loss(*tensors)) == pytest.approx(wanted, rel=1e-5)


def test_factors_of_no_and_yes_may_go_by_0_and_1_as_in_keras():
    labels = np.array([[0.0], [1.0]])
    factors = class_factors({0: 1, 1: 18}, "binary", ["late"], labels, "heads.late.class_weight")
    assert factors.tolist() == [[1, 18]]
    assert class_factors({1: 3}, "labels", ["a", "b"], labels, "key").tolist() == [[1, 3], [1, 3]]
    assert class_factors({1: 3}, "category", ["0", "1"], np.array([0, 1]), "key").tolist() == [1, 3]


@pytest.mark.parametrize(
    "weights", [{"yes": 18, "no": 2}, {True: 18, False: 2}, {"1": 18, 0: 2}, {1.0: 18, 0.0: 2}]
)
def test_yes_and_no_may_be_spelled_in_every_way(weights):
    labels = np.array([[0.0], [1.0]], "float32")
    assert class_factors(weights, "binary", ["late"], labels, "key").tolist() == [[2, 18]]


def test_classes_of_booleans_and_numbers_of_classes_are_found():
    codes = np.array([0, 1])
    assert class_factors({True: 18}, "category", ["false", "true"], codes, "key").tolist() == [1, 18]
    assert class_factors({0: 1, 1: 18}, "category", ["ham", "spam"], codes, "key").tolist() == [1, 18]
    with pytest.raises(ConfigError, match="there is no such class"):
        class_factors({2: 18}, "category", ["ham", "spam"], codes, "key")
    with pytest.raises(ConfigError, match="there is no such class"):
        class_factors({2: 18}, "category", ["3", "7"], codes, "key")
