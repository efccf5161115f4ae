"""DWA: weights from the losses of the last two epochs."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.dwa import dwa_weights
from tests.balancers.state import THREE_LABELLED, build


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(2.0, [1.026026, 0.840039, 1.133934]), (1.0, [1.037444, 0.695419, 1.267137])],
)
def test_the_weights_follow_from_the_last_two_epochs(temperature, expected):
    history = tf.constant([[1.0, 2.0, 4.0], [0.9, 1.0, 4.4]])
    np.testing.assert_allclose(dwa_weights(history, THREE_LABELLED, temperature), expected, atol=1e-6)
    balancer = build(balancers.DWA(temperature=temperature), 3)
    for means in history:
        np.testing.assert_allclose(balancer.weights(means, THREE_LABELLED), np.ones(3), rtol=1e-6)
        balancer.on_epoch_end(means)
    np.testing.assert_allclose(balancer.weights(means, THREE_LABELLED), expected, atol=1e-6)


def test_the_loss_of_a_head_without_labels_counts_as_unchanged():
    balancer = build(balancers.DWA(), 3)
    for means in ([1.0, 2.0, np.nan], [0.9, np.nan, np.nan]):
        balancer.on_epoch_end(tf.constant(means))
    expected = dwa_weights(tf.constant([[1.0, 1.0, 1.0], [0.9, 1.0, 1.0]]), THREE_LABELLED, 2.0)
    np.testing.assert_allclose(balancer.weights(tf.ones(3), THREE_LABELLED), expected, rtol=1e-6)
