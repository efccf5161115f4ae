"""Interactions between inputs, where they were planted."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from pipeline.data.feed import Rows
from pipeline.heads import Regression
from pipeline.insight import contributions
from pipeline.insight.contribution import interactions
from pipeline.insight.sentences import interacting
from pipeline.model.layer_names import FUSION, branch_layer, head_layer
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import references

ROWS = 2000
MSE = keras.losses.MeanSquaredError()
HEADS = ("xor", "sum", "either")


def model_of(inputs):
    """Knows the truth: a XOR b as a product of signs, the sum of a and b, and a from a or from its copy."""
    entries = {name: keras.Input((1,), name=name) for name in inputs}
    features = {}
    for name, entry in entries.items():
        inside = keras.Input((1,))
        features[name] = keras.Model(inside, keras.layers.Identity()(inside), name=branch_layer(name))(entry)
    taken = {name: keras.Input((1,), name=name) for name in inputs}
    a, b, copy = (taken[name] for name in ("a", "b", "copy"))
    joined = keras.layers.Concatenate()([a * b, a + b, (a + copy) / 2])
    fused = keras.Model(taken, joined, name=FUSION)(features)
    outputs = {}
    for place, name in enumerate(HEADS):
        inside = keras.Input((3,))
        outputs[name] = keras.Model(inside, inside[:, place : place + 1], name=head_layer(name))
        outputs[name].reads = FUSION
    return keras.Model(entries, {name: part(fused) for name, part in outputs.items()})


@pytest.fixture(scope="module")
def measured():
    rng = np.random.default_rng(0)
    a, b = (rng.permutation(np.repeat([-1.0, 1.0], ROWS // 2)).astype("float32")[:, None] for _ in range(2))
    inputs = {"a": a, "b": b, "copy": a}
    labels = {"xor": a * b, "sum": a + b, "either": a}
    losses = {name: HeadLoss(loss=MSE, kind="number") for name in HEADS}
    heads = {name: Regression(loss=MSE, metrics=["mae"]) for name in HEADS}
    targets = {name: SimpleNamespace(kind="number", units=1) for name in HEADS}
    split = SimpleNamespace(labels=labels, numbers=labels)
    by_split = references(heads, targets, losses, {"train": split, "val": split})
    trainer = SimpleNamespace(model=model_of(inputs), losses=losses, presenter=lambda raw: raw)
    stand_ins = {name: np.zeros((1, 1), np.float32) for name in inputs}
    rows = Rows.of(inputs, labels)
    return contributions(trainer, rows, by_split["val"], repeats=5, number=None, stand_ins=stand_ins)


def test_planted_interactions_are_found_and_no_others(measured):
    found = {(one.head, one.first, one.second): one for one in interactions(measured)}
    # Without its input an independent sign costs 200 points: its squared error is twice its variance.
    assert found["xor", "a", "b"].points == pytest.approx(-200, abs=20)
    assert found["either", "a", "copy"].points == pytest.approx(100, abs=10)
    planted = {("xor", "a", "b"), ("either", "a", "copy")}
    others = [one for key, one in found.items() if key not in planted]
    assert len(others) == 7
    assert all(abs(one.points) < max(10, 2 * one.spread) for one in others)


def test_sentences_name_the_planted_pairs(measured):
    first, second = interacting(measured)
    assert first.startswith("a and b are needed together for xor: permuting both costs ")
    assert second.startswith("a and copy can stand in for each other for either: permuting both costs ")
