"""Convolution and pooling over steps, some of which are missing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline import branches
from pipeline.branches.steps import pool_steps, real_steps, summary_of_steps
from tests.branches.model_of import model_of

rng = np.random.default_rng(0)


def test_a_valid_convolution_of_complete_series_is_the_one_of_keras():
    model = model_of(branches.Conv1D(filters=[4], kernel_size=3, padding="valid", activation=None), (None, 3))
    plain = keras.Sequential([keras.layers.Conv1D(4, 3), keras.layers.GlobalMaxPooling1D()])
    x = rng.normal(size=(5, 9, 3)).astype("float32")
    plain(x)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(x), plain(x), rtol=1e-6)


@pytest.mark.parametrize(("pooling", "expected"), [("max", [-1.0, 0.0]), ("average", [-2.0, 0.0])])
def test_pooling_ignores_missing_steps_and_is_zero_without_steps(pooling, expected):
    x = np.array([[[-1.0], [np.nan], [-3.0]], [[np.nan]] * 3], "float32")
    pooled = pool_steps(np.nan_to_num(x, nan=5.0), real_steps(x), pooling)
    np.testing.assert_allclose(np.asarray(pooled)[:, 0], expected)


def test_a_summary_is_of_the_real_steps_alone_and_zero_without_steps():
    nan = np.nan
    x = np.array([[[nan], [2.0], [nan], [5.0], [-1.0], [nan]], [[nan]] * 6], "float32")
    summary = np.asarray(summary_of_steps(x, real_steps(x)))
    mean, deviation, highest, lowest, first, last = summary[0]
    np.testing.assert_allclose([mean, highest, lowest, first, last], [2, 5, -1, 2, -1])
    np.testing.assert_allclose(deviation, np.std([2, 5, -1]), atol=2e-3)
    np.testing.assert_array_equal(summary[1], 0)


def test_missing_steps_leave_the_gradients_of_a_summary_finite():
    x = tf.constant([[[1.0], [4.0], [np.nan], [np.nan]], [[2.0], [3.0], [5.0], [1.0]]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(summary_of_steps(x, real_steps(x)) * tf.range(1.0, 7.0))
    gradient = tape.gradient(total, x).numpy()
    assert np.isfinite(gradient[~np.isnan(x)]).all()
    # Of two steps a < b: mean, deviation (b - a) / 2, maximum, minimum, first and last.
    np.testing.assert_allclose(gradient[0, :2, 0], [0.5 - 1 + 4 + 5, 0.5 + 1 + 3 + 6], rtol=1e-3)


def test_each_channel_of_a_series_has_its_own_summary():
    x = np.stack([np.arange(4.0), -10 * np.arange(4.0)], axis=-1)[None].astype("float32")
    summary = np.asarray(summary_of_steps(x, real_steps(x)))[0].reshape(6, 2)
    np.testing.assert_allclose(summary[0], [1.5, -15])
    np.testing.assert_allclose(summary[-1], [3, -30])
