"""Dense branches over vectors."""

import keras
import numpy as np

from pipeline import branches
from tests.branches.model_of import model_of

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def test_dense_takes_vectors_only():
    assert branches.Dense.kinds == ("vector",)


def test_each_layer_applies_its_weights_and_then_the_activation():
    model = model_of(branches.Dense(units=[6, 3]), (4,))
    first, second = (model.get_layer(f"input_dense_{number}") for number in (1, 2))
    expected = ROWS
    for layer in (first, second):
        kernel, bias = layer.get_weights()
        expected = np.maximum(expected @ kernel + bias, 0)
    np.testing.assert_allclose(model(ROWS), expected, rtol=1e-5, atol=1e-6)


def test_without_an_activation_the_layers_are_linear():
    model = model_of(branches.Dense(units=[6, 3], activation=None), (4,))
    np.testing.assert_allclose(model(-ROWS), -np.asarray(model(ROWS)), rtol=1e-5, atol=1e-6)


def test_without_layers_the_vector_is_unchanged():
    np.testing.assert_array_equal(model_of(branches.Dense(units=[]), (4,))(ROWS), ROWS)


def test_dropout_zeroes_features_in_training_only():
    keras.utils.set_random_seed(0)
    model = model_of(branches.Dense(units=[], dropout=0.5), (4,))
    ones = np.ones((500, 4), "float32")
    np.testing.assert_array_equal(model(ones), ones)
    trained = np.asarray(model(ones, training=True))
    assert set(np.unique(trained)) == {0.0, 2.0}
    assert abs((trained == 0).mean() - 0.5) < 0.05
