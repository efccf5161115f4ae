import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import mean_pinball_loss

from pipeline.losses import Pinball
from pipeline.metrics import of_quantiles
from pipeline.training.best_constant import best_constant
from pipeline.training.head_loss import HeadLoss

rng = np.random.default_rng(0)
QUANTILES = [0.1, 0.5, 0.9]
TRUTH = rng.exponential(size=(301, 2)).astype("float32")
OUTPUT = np.sort(rng.normal(1, 1, (301, 2, 3)), axis=-1).astype("float32")


def test_it_is_that_of_scikit_learn():
    wanted = [
        mean_pinball_loss(TRUTH[:, c], OUTPUT[:, c, q], alpha=alpha)
        for c in range(2)
        for q, alpha in enumerate(QUANTILES)
    ]
    loss = HeadLoss(loss=Pinball(quantiles=QUANTILES), kind="number")
    assert float(loss(tf.constant(TRUTH), OUTPUT.reshape(301, 6))[0]) == pytest.approx(
        np.mean(wanted), rel=1e-5
    )
    found = of_quantiles(TRUTH, OUTPUT.reshape(301, 6), ["pinball", "coverage", "mae"], QUANTILES)
    assert found["pinball"] == pytest.approx(np.mean(wanted), rel=1e-5)
    assert found["mae"] == pytest.approx(np.abs(TRUTH - OUTPUT[..., 1]).mean(), rel=1e-5)
    inside = (OUTPUT[..., 0] <= TRUTH) & (OUTPUT[..., 2] >= TRUTH)
    assert found["coverage"] == pytest.approx(inside.mean())


def test_the_best_constant_is_the_quantiles_of_the_labels():
    loss = HeadLoss(loss=Pinball(quantiles=QUANTILES), kind="number")
    labels = TRUTH.copy()
    labels[::5, 1] = np.nan
    wanted = np.nanquantile(labels, QUANTILES, axis=0).T.reshape(-1)
    np.testing.assert_allclose(best_constant(loss, labels, 6), wanted, atol=0.02)


def test_missing_labels_take_no_part_in_the_metrics():
    labels = TRUTH.copy()
    labels[::3] = np.nan
    there = ~np.isnan(labels[:, 0])
    words = ["coverage", "pinball", "rmse"]
    found = of_quantiles(labels, OUTPUT.reshape(301, 6), words, QUANTILES)
    wanted = of_quantiles(labels[there], OUTPUT[there].reshape(-1, 6), words, QUANTILES)
    assert found == pytest.approx(wanted)
    assert of_quantiles(np.full((4, 1), np.nan), np.zeros((4, 3)), words, QUANTILES) == {}


def test_it_survives_its_own_config():
    loss = Pinball(quantiles=QUANTILES, name="interval")
    again = keras.losses.deserialize(keras.losses.serialize(loss), custom_objects={"Pinball": Pinball})
    assert (again.quantiles, again.name) == (QUANTILES, "interval")
