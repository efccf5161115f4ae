"""One model of several: the mean of their readable outputs, with the parts that every logged model has."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline.data.kinds import TARGETS, build
from pipeline.errors import ConfigError
from pipeline.folding import folded_inputs
from pipeline.heads import Binary, Multiclass, Multilabel, Ordinal, Quantiles, Regression
from pipeline.losses import Pinball
from pipeline.model.build import build_presenter
from pipeline.model.ensemble import join, members_of

CROSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
YES = keras.losses.BinaryCrossentropy(from_logits=True)
QUANTILES = [0.1, 0.5, 0.9]
NUMBER = {"kind": "number", "names": ["a", "b"], "mean": [5.0, -2.0], "scale": [3.0, 0.5]}
LOG = {"scale": "log", "offset": 1.0, "nearest": 0.0, "highest": 1e6}
QUANTILE = {"scale": "quantile", "knots": [0.0, 1.0, 50.0], "scores": [-2.0, 0.5, 2.0]}
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "category": (Multiclass(loss=CROSS), {"kind": "category", "names": ["x", "y", "z"]}),
    "softmax": (Multiclass(loss=CROSS, activation="softmax"), {"kind": "category", "names": ["x", "y", "z"]}),
    "ordinal": (Ordinal(loss=CROSS), {"kind": "category", "names": ["x", "y", "z"]}),
    "binary": (Binary(loss=YES), {"kind": "binary", "names": ["yes"]}),
    "labels": (Multilabel(loss=YES), {"kind": "labels", "names": ["p", "q"]}),
    "sigmoid": (Binary(loss=YES, activation="sigmoid"), {"kind": "binary", "names": ["yes"]}),
    "number": (Regression(loss=keras.losses.MeanSquaredError()), NUMBER),
    "log": (Regression(loss=keras.losses.MeanSquaredError()), {**NUMBER, "transforms": [LOG, None]}),
    "ranked": (Regression(loss=keras.losses.MeanSquaredError()), {**NUMBER, "transforms": [None, QUANTILE]}),
    "quantiles": (Quantiles(loss=Pinball(quantiles=QUANTILES), quantiles=QUANTILES), NUMBER),
}
X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")


def target_of(facts: dict[str, Any]) -> Any:
    column = ["s.a", "s.b"] if facts["kind"] == "number" else "s.a"
    target = build({"kind": facts["kind"], "column": column}, TARGETS, "data.targets.t")
    target.restore("t", facts)
    return target


def member(head: Any, facts: dict[str, Any], seed: int) -> keras.Model:
    """A logged model of one head, with random weights and a scale of its own."""
    keras.utils.set_random_seed(seed)
    facts = {**facts, "mean": [4.0 + seed, -2.0]} if facts["kind"] == "number" else facts
    target = target_of(facts)
    x = keras.Input((3,), name="x")
    inside = keras.Input((3,))
    branch = keras.Model(inside, keras.layers.Dense(4, activation="relu")(inside), name="branch_x")
    raw = head(branch(x), "t_output", head.width(target.units))
    return keras.Model({"x": x}, build_presenter({"t": target}, {"t": head})({"t": raw}), name="logged_model")


def joined(name: str, temperature: float = 1.0, number: int = 3) -> tuple[list[np.ndarray], Any]:
    head, facts = CASES[name]
    members = [member(head, facts, seed) for seed in range(number)]
    outputs = [np.asarray(one({"x": X})["t"]) for one in members]
    names = [{"t": facts["names"]}] * number
    return outputs, join(members, {"t": head}, {"t": target_of(facts)}, names, {"t": temperature})


@pytest.mark.parametrize("name", CASES)
def test_the_outputs_are_the_means_of_those_of_the_members(name, tmp_path):
    outputs, found = joined(name)
    found.model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    expected = np.mean(outputs, axis=0)
    values = np.asarray(loaded({"x": X})["t"])
    assert values.dtype == outputs[0].dtype
    np.testing.assert_allclose(values, expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_raw_outputs_of_the_members_are_what_the_presenter_makes_their_outputs_of(name):
    outputs, found = joined(name)
    raw = found.singles({"x": X})
    presenter = found.model.get_layer("presenter")
    for place, expected in enumerate(outputs):
        np.testing.assert_allclose(presenter({"t": raw[f"{place} t"]})["t"], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["category", "softmax", "ordinal", "binary", "labels", "sigmoid"])
def test_a_temperature_sharpens_the_mean_and_keeps_the_order_of_the_classes(name):
    outputs, found = joined(name, temperature=0.5)
    mean = np.mean(outputs, axis=0)
    others = 0 if mean.shape[1] == 3 else (1 - mean) ** 2
    whole = (mean**2).sum(axis=1, keepdims=True) if mean.shape[1] == 3 else mean**2 + others
    np.testing.assert_allclose(found.model({"x": X})["t"], mean**2 / whole, rtol=1e-4, atol=1e-6)


def test_a_class_that_a_member_does_not_know_has_the_probability_0_there():
    head = CASES["category"][0]
    one = member(head, {"kind": "category", "names": ["x", "z"]}, 0)
    other = member(head, {"kind": "category", "names": ["x", "y", "z"]}, 1)
    few, all_three = (np.asarray(each({"x": X})["t"]) for each in (one, other))
    names = [{"t": ["x", "z"]}, {"t": ["x", "y", "z"]}]
    target = target_of({"kind": "category", "names": ["x", "z", "y"]})
    found = np.asarray(join([one, other], {"t": head}, {"t": target}, names, {}).model({"x": X})["t"])
    expected = (
        np.column_stack([(few[:, 0] + all_three[:, 0]), few[:, 1] + all_three[:, 2], all_three[:, 1]]) / 2
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_members_are_parts_of_the_model():
    found = joined("category", number=2)[1].model
    assert [one.name for one in members_of(found)] == ["member_0", "member_1"]
    assert members_of(members_of(found)[0])[0].name == "member_0"


def test_texts_are_folded_if_they_are_in_the_members():
    def reads_text() -> keras.Model:
        x = keras.Input((), dtype="string", name="title")
        words = keras.layers.StringLookup(vocabulary=["a"], output_mode="one_hot", name="x_folded_words")(x)
        return keras.Model({"title": x}, {"t": keras.layers.Softmax()(words)}, name="logged_model")

    alone = reads_text()
    assert folded_inputs(alone) == {"title"}
    head = CASES["category"][0]
    target = target_of({"kind": "category", "names": ["u", "v"]})
    found = join([alone, reads_text()], {"t": head}, {"t": target}, [{"t": ["u", "v"]}] * 2, {})
    assert folded_inputs(found.model) == {"title"}


def test_models_with_other_inputs_are_refused():
    head, facts = CASES["category"]
    x = keras.Input((4,), name="x")
    other = keras.Model({"x": x}, {"t": keras.layers.Dense(3, activation="softmax")(x)})
    names = [{"t": facts["names"]}] * 2
    with pytest.raises(ConfigError, match="must take the same inputs"):
        join([member(head, facts, 0), other], {"t": head}, {"t": target_of(facts)}, names, {})
