"""Convolution and pooling over steps, some of which are missing."""

import keras
import numpy as np
import pytest

from pipeline import branches
from pipeline.branches.steps import pool_steps, real_steps
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
