"""Parts and the models made of them: invariances, missing inputs, round trips."""

import dataclasses
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import branches, data, fusion, heads
from pipeline.model import build_model, build_presenter, export_model, forward

rng = np.random.default_rng(0)
ROWS = 60
LENGTHS = np.append(rng.integers(1, 20, ROWS - 1), 20)
SOURCE = {
    "image": rng.integers(0, 255, (ROWS, 12, 12, 1)).astype("uint8"),
    "series": rng.normal(size=(ROWS, 20, 3)).astype("float32"),
    "length": LENGTHS,
    "vector": np.where(rng.random((ROWS, 4)) < 0.1, np.nan, rng.normal(5, 3, (ROWS, 4))),
    "amount": rng.normal(100, 20, ROWS),
    "colour": np.array(["red", "green", "blue"])[np.arange(ROWS) % 3],
    "class": np.arange(ROWS) % 3,
    "score": rng.normal(50, 10, ROWS),
    "late": (np.arange(ROWS) // 2 % 2).astype(float),
    "split": np.repeat([0, 1, 2], ROWS // 3),
}
INPUTS = {
    "image": {"kind": "image", "column": "s.image"},
    "series": {"kind": "series", "column": "s.series", "length": "s.length"},
    "vector": {"kind": "vector", "column": "s.vector"},
    "table": {"kind": "table", "numeric": ["s.amount"], "categorical": ["s.colour"]},
}
TARGETS = {
    "class": {"kind": "category", "column": "s.class"},
    "score": {"kind": "number", "column": "s.score"},
    "late": {"kind": "binary", "column": "s.late"},
}
SPLIT = {"column": "s.split", "train": 0, "val": 1, "test": 2}
BRANCHES = {
    "image": branches.Conv2D(filters=[4, 4], pooling="flatten", units=[8]),
    "series": branches.Conv1D(filters=[4, 4]),
    "vector": branches.Dense(units=[6]),
    "table": branches.Table(units=[6], embedding=2),
}
HEADS = {
    "class": heads.Multiclass(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), units=[5]),
    "score": heads.Regression(loss=keras.losses.MeanSquaredError()),
    "late": heads.Binary(loss=keras.losses.BinaryCrossentropy(from_logits=True), dropout=0.1),
}
FUSIONS = [fusion.Concatenate(units=[7]), fusion.Add(width=7, units=[6], dropout=0.1), fusion.Gated(width=7)]


@pytest.fixture(scope="module")
def dataset():
    return data.load({"s": SOURCE}, INPUTS, TARGETS, SPLIT)


def make(dataset, fused, names=tuple(BRANCHES), missing=()):
    keras.utils.set_random_seed(1)
    model = build_model(
        dataset.inputs, dataset.targets, {n: BRANCHES[n] for n in names}, fused, HEADS, missing
    )
    return model, build_presenter(dataset.targets, HEADS)


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
    model.compile("sgd", loss={name: head.loss for name, head in HEADS.items()})
    before = [variable.numpy().copy() for variable in model.trainable_variables]
    model.fit(
        {name: split.prepared[name] for name in names},
        {name: split.labels[name] for name in HEADS},
        verbose=0,
        epochs=3,
    )
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.abs(old - variable.numpy()).max() > 0, variable.path


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


def test_the_exported_model_takes_raw_values_and_equals_the_trained_one(dataset, tmp_path):
    model, presenter = make(dataset, FUSIONS[1])
    whole = export_model(dataset.inputs, model, presenter, {})
    split = dataset.splits["test"]
    wanted = presenter(model(split.prepared))
    for head, values in whole({name: _tensor(values) for name, values in split.raw.items()}).items():
        np.testing.assert_allclose(values, wanted[head], rtol=1e-4, atol=1e-5)


def test_the_saved_model_loads_with_keras_alone(dataset, tmp_path):
    model, presenter = make(dataset, FUSIONS[2])
    whole = export_model(dataset.inputs, model, presenter, {})
    whole.save(tmp_path / "model.keras")
    raw = dataset.splits["test"].raw
    np.savez(tmp_path / "raw.npz", **{k: v.astype(str) if v.dtype == object else v for k, v in raw.items()})
    expected = whole({k: _tensor(v) for k, v in raw.items()})
    code = f"""
import sys, keras, numpy as np, tensorflow as tf
model = keras.saving.load_model({str(tmp_path / "model.keras")!r}, safe_mode=True)
raw = np.load({str(tmp_path / "raw.npz")!r})
out = model({{k: tf.constant(raw[k]) for k in raw}})
np.savez({str(tmp_path / "out.npz")!r}, **{{k: np.asarray(v) for k, v in out.items()}})
assert "pipeline" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    out = np.load(tmp_path / "out.npz")
    for head, values in expected.items():
        np.testing.assert_allclose(out[head], values, rtol=1e-5, atol=1e-6)


def _tensor(values):
    return tf.constant(values.astype(str) if values.dtype == object else values)


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


def test_parts_one_after_the_other_are_the_model(dataset):
    keras.utils.set_random_seed(1)
    auxiliary = {**HEADS, "class": dataclasses.replace(HEADS["class"], branch="image")}
    model = build_model(dataset.inputs, dataset.targets, BRANCHES, FUSIONS[0], auxiliary)
    split = dataset.splits["test"].prepared
    crossing, outputs = forward(model, split, HEADS, training=False)
    assert list(crossing) == ["fusion", "branch_image"]
    for name, output in model(split).items():
        np.testing.assert_allclose(outputs[name], output, rtol=1e-6)
