"""The model part by part: branches, fusion, heads."""

import dataclasses

import keras
import numpy as np

from pipeline.model import build_model, decode, encode, forward
from tests.model.parts import BRANCHES, FUSIONS, HEADS


def test_parts_one_after_the_other_are_the_model(dataset):
    keras.utils.set_random_seed(1)
    auxiliary = {**HEADS, "class": dataclasses.replace(HEADS["class"], branch="image")}
    model = build_model(dataset.inputs, dataset.targets, BRANCHES, FUSIONS[0], auxiliary)
    split = dataset.splits["test"].prepared
    crossing, outputs = forward(model, split, HEADS, training=False)
    assert list(crossing) == ["fusion", "branch_image"]
    for name, output in model(split).items():
        np.testing.assert_allclose(outputs[name], output, rtol=1e-6)


def test_only_the_heads_asked_for_are_run(dataset):
    model = build_model(dataset.inputs, dataset.targets, BRANCHES, FUSIONS[0], HEADS)
    features = encode(model, dataset.splits["test"].prepared, training=False)
    assert {name: len(x) for name, x in features.items()} == dict.fromkeys(BRANCHES, 20)
    _, outputs = decode(model, features, ["late"], training=False)
    assert list(outputs) == ["late"]


def test_dropout_is_on_in_training_only(dataset):
    parts = {"vector": dataclasses.replace(BRANCHES["vector"], dropout=0.5)}
    model = build_model(dataset.inputs, dataset.targets, parts, FUSIONS[0], {"score": HEADS["score"]})
    split = dataset.splits["test"].prepared
    first, second = (forward(model, split, ["score"], training=False)[1]["score"] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    first, second = (forward(model, split, ["score"], training=True)[1]["score"] for _ in range(2))
    assert np.abs(first - second).max() > 0
