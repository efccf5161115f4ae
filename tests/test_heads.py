"""Heads: the properties of their outputs, whatever the weights."""

import keras
import numpy as np
import pytest

from pipeline import heads
from pipeline.errors import ConfigError
from pipeline.losses import Pinball

rng = np.random.default_rng(0)
CROSS_ENTROPY = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
QUANTILES = [0.1, 0.5, 0.8, 0.9]
FEATURES = rng.normal(size=(50, 6)).astype("float32")


def model_of(head, width, spread=3.0):
    """A model of one head, with weights far from their initial values."""
    entry = keras.Input((6,))
    raw = head(entry, name="head", width=width)
    model = keras.Model(entry, [raw, head.present(raw, "head")])
    model.set_weights([rng.normal(0, spread, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_the_probabilities_of_ordered_classes_sum_to_one(classes):
    model = model_of(heads.Ordinal(loss=CROSS_ENTROPY, units=[4]), classes)
    logarithms, probabilities = model(FEATURES)
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.exp(logarithms), probabilities, atol=1e-5)


def test_a_higher_score_never_makes_a_lower_class_more_likely():
    model = model_of(heads.Ordinal(loss=CROSS_ENTROPY), 5, spread=1.0)
    score = FEATURES @ model.get_layer("head_score").get_weights()[0]
    order = np.argsort(score[:, 0])
    at_most = np.cumsum(model(FEATURES)[1], axis=1)[order]
    assert (np.diff(at_most, axis=0) <= 1e-6).all()


def test_ordered_classes_stay_finite_with_extreme_scores_and_equal_thresholds():
    model = model_of(heads.Ordinal(loss=CROSS_ENTROPY), 4)
    model.get_layer("head_thresholds").set_weights([np.array([[0.0, -60.0, 1.0]])])
    assert np.isfinite(model(100 * FEATURES)[0]).all()


def test_untrained_thresholds_are_centred_at_zero():
    entry = keras.Input((6,))
    model = keras.Model(entry, heads.Ordinal(loss=CROSS_ENTROPY)(entry, name="head", width=6))
    model.set_weights([np.zeros(weight.shape) for weight in model.get_weights()])
    probabilities = np.exp(model(FEATURES[:1]))[0]
    np.testing.assert_allclose(probabilities, probabilities[::-1], rtol=1e-5)


def test_quantiles_never_cross_and_the_median_is_the_point_prediction():
    head = heads.Quantiles(loss=Pinball(quantiles=QUANTILES), quantiles=QUANTILES)
    assert head.width(2) == 8
    outputs = np.asarray(model_of(head, 8)(FEATURES)[0])
    assert (np.diff(outputs.reshape(50, 2, 4), axis=-1) >= 0).all()
    np.testing.assert_array_equal(head.point(outputs), outputs[:, [1, 5]])
    assert head.names(["a", "b"])[4:6] == ["b q0.1", "b q0.5"]


def test_a_quantile_head_refuses_a_loss_with_other_quantiles():
    with pytest.raises(ConfigError, match="same quantiles"):
        heads.Quantiles(loss=Pinball(quantiles=[0.2, 0.5]), quantiles=[0.1, 0.5])
    with pytest.raises(ConfigError, match="same quantiles"):
        heads.Quantiles(loss=keras.losses.MeanSquaredError(), quantiles=[0.5])
