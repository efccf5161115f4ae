"""The pinball loss."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import mean_pinball_loss

from pipeline.losses import Pinball
from pipeline.training.best_constant import best_constant
from pipeline.training.head_loss import HeadLoss

rng = np.random.default_rng(0)
QUANTILES = [0.1, 0.5, 0.9]
TRUTH = rng.exponential(size=(301, 2)).astype("float32")
OUTPUT = np.sort(rng.normal(1, 1, (301, 2, 3)), axis=-1).astype("float32")


def test_the_pinball_loss_equals_that_of_scikit_learn():
    expected = [
        mean_pinball_loss(TRUTH[:, c], OUTPUT[:, c, q], alpha=alpha)
        for c in range(2)
        for q, alpha in enumerate(QUANTILES)
    ]
    loss = HeadLoss(loss=Pinball(quantiles=QUANTILES), kind="number")
    assert float(loss(tf.constant(TRUTH), OUTPUT.reshape(301, 6))[0]) == pytest.approx(
        np.mean(expected), rel=1e-5
    )


def test_the_quantiles_of_the_labels_minimise_it():
    loss = HeadLoss(loss=Pinball(quantiles=QUANTILES), kind="number")
    labels = TRUTH.copy()
    labels[::5, 1] = np.nan
    expected = np.nanquantile(labels, QUANTILES, axis=0).T.reshape(-1)
    np.testing.assert_allclose(best_constant(loss, labels, 6), expected, atol=0.02)


def test_it_can_be_serialised():
    loss = Pinball(quantiles=QUANTILES, name="interval")
    again = keras.losses.deserialize(keras.losses.serialize(loss), custom_objects={"Pinball": Pinball})
    assert (again.quantiles, again.name) == (QUANTILES, "interval")
