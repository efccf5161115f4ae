"""Fusions: how they join the branches' features."""

import keras
import numpy as np
import pytest

from pipeline import fusion
from pipeline.errors import ConfigError

rng = np.random.default_rng(0)
WIDTHS = {"image": 3, "series": 5, "text": 4}
FEATURES = {name: rng.normal(size=(6, width)).astype("float32") for name, width in WIDTHS.items()}
FUSIONS = {
    "concatenate": fusion.Concatenate(),
    "add": fusion.Add(width=8),
    "gated": fusion.Gated(width=8),
    "attention": fusion.Attention(width=8),
    "film": fusion.FiLM(width=8),
}


def model_of(joint, names=tuple(WIDTHS)):
    keras.utils.set_random_seed(0)
    entries = {name: keras.Input((WIDTHS[name],), name=name) for name in names}
    return keras.Model(entries, joint(entries))


def features(names=tuple(WIDTHS)):
    return {name: FEATURES[name] for name in names}


@pytest.mark.parametrize("joint", FUSIONS.values(), ids=FUSIONS)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_every_fusion_joins_one_or_several_branches_row_by_row(joint, number):
    names = tuple(WIDTHS)[:number]
    model = model_of(joint, names)
    fused = model(features(names))
    assert len(fused.shape) == 2
    reversed_rows = model({name: x[::-1] for name, x in features(names).items()})
    np.testing.assert_allclose(reversed_rows[::-1], fused, rtol=1e-5, atol=1e-6)


def test_concatenate_keeps_all_features():
    np.testing.assert_array_equal(
        model_of(fusion.Concatenate())(features()), np.concatenate(list(FEATURES.values()), axis=1)
    )


def test_concatenate_may_pass_the_features_on_beside_the_dense_layers():
    fused = np.asarray(model_of(fusion.Concatenate(units=[7], skip=True))(features()))
    everything = np.concatenate(list(FEATURES.values()), axis=1)
    assert fused.shape == (6, 7 + everything.shape[1])
    np.testing.assert_array_equal(fused[:, 7:], everything)


def test_add_is_the_sum_of_the_projections():
    model = model_of(fusion.Add(width=8, activation=None))
    projected = [model.get_layer(f"fusion_project_{name}")(x) for name, x in FEATURES.items()]
    np.testing.assert_allclose(model(features()), np.sum(projected, axis=0), rtol=1e-5, atol=1e-6)


def test_gated_is_an_average_whose_weights_depend_on_the_row():
    model = model_of(fusion.Gated(width=8, activation=None))
    projected = np.stack(
        [model.get_layer(f"fusion_project_{name}")(x) for name, x in FEATURES.items()], axis=1
    )
    gate = np.asarray(model.get_layer("fusion_gate")(np.concatenate(list(FEATURES.values()), axis=1)))
    np.testing.assert_allclose(gate.sum(axis=1), 1, rtol=1e-6)
    assert len(np.unique(gate.round(4), axis=0)) == len(gate)
    np.testing.assert_allclose(
        model(features()), (projected * gate[..., None]).sum(axis=1), rtol=1e-5, atol=1e-6
    )


def test_attention_does_not_depend_on_the_order_of_the_branches():
    model = model_of(fusion.Attention(width=8))
    other = model_of(fusion.Attention(width=8), tuple(reversed(WIDTHS)))
    for layer in model.layers:
        if layer.weights:
            other.get_layer(layer.name).set_weights(layer.get_weights())
    np.testing.assert_allclose(model(features()), other(features()), rtol=1e-5, atol=1e-6)


def test_film_scales_and_shifts_all_but_the_conditioning_branch():
    model = model_of(fusion.FiLM(width=8, condition="text", activation=None))
    conditions = {layer.name for layer in model.layers if layer.name.startswith("fusion_scale")}
    assert conditions == {"fusion_scale_image", "fusion_scale_series"}
    image, text = (model.get_layer(f"fusion_project_{name}")(FEATURES[name]) for name in ("image", "text"))
    scale, shift = (model.get_layer(f"fusion_{word}_image")(FEATURES["text"]) for word in ("scale", "shift"))
    fused = np.asarray(model(features()))
    np.testing.assert_allclose(fused[:, :8], image * (1 + scale) + shift, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fused[:, 16:], text, rtol=1e-5, atol=1e-6)


def test_film_refuses_a_condition_that_is_not_a_branch():
    with pytest.raises(ConfigError, match=r"(?s)fusion.condition: there is no such branch.*nearest: text"):
        model_of(fusion.FiLM(width=8, condition="texts"))


def test_units_add_dense_layers_each_followed_by_dropout():
    names = [layer.name for layer in model_of(fusion.Concatenate(units=[4, 2], dropout=0.1)).layers]
    assert names[-4:] == ["fusion_dense_1", "fusion_dropout_1", "fusion_dense_2", "fusion_dropout_2"]
