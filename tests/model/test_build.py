"""Models made of parts: what the fusions join, what the presenter shows, missing inputs."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import branches, data, fusion, heads
from pipeline.data.kinds.number import Number
from pipeline.losses import Pinball
from pipeline.model import build_model, build_presenter
from tests.model.parts import BRANCHES, FUSIONS, HEADS, INPUTS, ROWS, SOURCE, SPLIT, TARGETS, make, rng


@pytest.mark.parametrize("fused", FUSIONS, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("names", [("image",), tuple(BRANCHES)])
def test_every_fusion_joins_one_branch_or_many_and_every_weight_learns(dataset, fused, names):
    model, _ = make(dataset, fused, names)
    split = dataset.splits["train"]
    outputs = model({name: split.prepared[name] for name in names})
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        "class": (20, 3),
        "score": (20, 1),
        "late": (20, 1),
    }
    with tf.GradientTape() as tape:
        outputs = model({name: split.prepared[name] for name in names}, training=True)
        loss = sum(head.loss(split.labels[name], outputs[name]) for name, head in HEADS.items())
    weights = model.trainable_variables
    for variable, gradient in zip(weights, tape.gradient(loss, weights), strict=True):
        assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path


def test_gates_of_a_row_add_up_to_one(dataset):
    model, _ = make(dataset, fusion.Gated(width=7, activation=None))
    inner = model.get_layer("fusion")
    gate = keras.Model(inner.inputs, inner.get_layer("fusion_gate").output)
    features = {n: rng.normal(size=(5, *x.shape[1:])).astype("float32") for n, x in inner.input.items()}
    np.testing.assert_allclose(np.sum(gate(features), axis=1), 1, rtol=1e-6)


def test_presented_outputs_are_probabilities_and_own_units(dataset):
    model, presenter = make(dataset, FUSIONS[0])
    raw = model(dataset.splits["test"].prepared)
    shown = presenter(raw)
    np.testing.assert_allclose(np.sum(shown["class"], axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(shown["late"], 1 / (1 + np.exp(-raw["late"])), rtol=1e-5)
    target = dataset.targets["score"]
    np.testing.assert_allclose(shown["score"], raw["score"] * target.scale + target.mean, rtol=1e-5)


def test_a_head_with_its_own_activation_is_shown_as_it_is(dataset):
    loss = keras.losses.SparseCategoricalCrossentropy()
    made = {"class": heads.Multiclass(loss=loss, activation="softmax")}
    model = build_model(dataset.inputs, dataset.targets, {"image": BRANCHES["image"]}, FUSIONS[0], made)
    raw = model({"image": dataset.splits["test"].prepared["image"]})
    np.testing.assert_array_equal(build_presenter(dataset.targets, made)(raw)["class"], raw["class"])


@pytest.mark.parametrize("name", ["image", "series"])
def test_a_missing_input_gives_the_stand_in_that_was_learned(name):
    gaps = SOURCE | {
        name: np.where(np.arange(ROWS).reshape(-1, *[1] * (SOURCE[name].ndim - 1)) % 5, SOURCE[name], np.nan)
    }
    dataset = data.load({"s": gaps}, INPUTS, TARGETS, SPLIT)
    model, _ = make(dataset, FUSIONS[0], missing=[name])
    layer = model.get_layer(f"branch_{name}")
    stand_in = layer.get_layer(f"{name}_stand_in")
    stand_in.set_weights([np.arange(stand_in.kernel.shape[1], dtype="float32")[None]])
    values = dataset.splits["test"].prepared[name]
    features, alone = np.asarray(layer(values)), np.asarray(layer(values[1:2]))
    np.testing.assert_array_equal(features[0], np.arange(features.shape[1]))
    np.testing.assert_allclose(features[1], alone[0], rtol=1e-5, atol=1e-6)
    assert np.abs(features[1] - features[0]).max() > 0.1


def test_dropping_whole_inputs_happens_in_training_only_and_row_by_row(dataset):
    part = branches.Dense(units=[6], activation=None, dropout_input=0.5)
    keras.utils.set_random_seed(0)
    model = build_model(dataset.inputs, dataset.targets, {"vector": part}, FUSIONS[0], HEADS)
    layer = model.get_layer("branch_vector")
    x = np.repeat(dataset.splits["train"].prepared["vector"][:1], 400, axis=0)
    assert len(np.unique(layer(x, training=False), axis=0)) == 1
    rows = np.asarray(layer(x, training=True))
    dropped = (rows == 0).all(axis=1)
    assert 150 < dropped.sum() < 250
    assert len(np.unique(rows[~dropped], axis=0)) == 1


def test_a_head_that_reads_a_branch_sees_nothing_else(dataset):
    keras.utils.set_random_seed(1)
    auxiliary = {**HEADS, "class": dataclasses.replace(HEADS["class"], branch="image")}
    model = build_model(dataset.inputs, dataset.targets, BRANCHES, FUSIONS[0], auxiliary)
    split = dict(dataset.splits["test"].prepared)
    before = model(split)
    after = model({**split, "vector": split["vector"] + 1})
    np.testing.assert_array_equal(before["class"], after["class"])
    assert np.abs(before["score"] - after["score"]).max() > 0
    after = model({**split, "image": 255 - split["image"]})
    assert np.abs(before["class"] - after["class"]).max() > 0


def test_quantiles_of_a_logarithm_rise_and_stay_within_what_the_scale_allows():
    target = Number(column=["s.a", "s.b"])
    log = {"scale": "log", "offset": 1.0, "nearest": 0.0, "highest": 1e4}
    facts = {"names": ["a", "b"], "mean": [2.0, 50.0], "scale": [1.5, 10.0], "transforms": [log, None]}
    target.restore("y", facts)
    levels = [0.1, 0.5, 0.9]
    head = heads.Quantiles(loss=Pinball(quantiles=levels), quantiles=levels)
    raw = np.float32([[-9, 0, 99, -1, 0, 2]])
    found = np.asarray(build_presenter({"y": target}, {"y": head})({"y": raw})["y"])
    np.testing.assert_allclose(found, [[0, np.exp(2) - 1, 1e4, 40, 50, 70]], rtol=1e-6)
    assert found.dtype == np.float64
