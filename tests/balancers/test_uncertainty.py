"""Uncertainty: learned log variances."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.uncertainty import uncertainty_gradient, uncertainty_weights
from tests.balancers.state import THREE_LABELLED, build, update_repeatedly


@pytest.mark.parametrize(
    ("halves", "best", "at_zero"),
    [
        (0.5, [-0.693147, 0.693147, 2.079442], [0.25, -0.5, -3.5]),
        (1.0, [0.0, 1.386294, 2.772589], [0.0, -1.5, -7.5]),
    ],
)
def test_gradient_and_weights_for_regression_and_classification(halves, best, at_zero):
    losses, halves = tf.constant([0.5, 2.0, 8.0]), tf.fill([3], halves)
    np.testing.assert_allclose(uncertainty_gradient(losses, tf.zeros(3), halves), at_zero, atol=1e-6)
    np.testing.assert_allclose(
        uncertainty_gradient(losses, tf.constant(best), halves), np.zeros(3), atol=1e-5
    )
    np.testing.assert_allclose(uncertainty_weights(tf.constant(best), halves), [1.0, 0.25, 0.0625], rtol=1e-5)


def test_only_number_targets_get_the_factor_one_half():
    balancer = balancers.Uncertainty()
    balancer.build(["a", "b", "c", "d"], {"a": "number", "b": "category", "c": "binary", "d": "labels"})
    np.testing.assert_allclose(balancer.weights(tf.ones(4), tf.ones(4, tf.bool)), [0.5, 1, 1, 1])


def test_it_converges_to_weighted_losses_of_one_half():
    balancer, losses = build(balancers.Uncertainty(), 3), tf.constant([0.5, 2.0, 8.0])
    update_repeatedly(balancer, 1000, losses, THREE_LABELLED)
    np.testing.assert_allclose(balancer.weights(losses, THREE_LABELLED) * losses, np.full(3, 0.5), rtol=0.02)


def test_the_weights_stay_bounded_when_a_loss_vanishes():
    balancer, losses = (
        build(balancers.Uncertainty(learning_rate=0.5, bound=3.0), 3),
        tf.constant([0.0, 1.0, 1e9]),
    )
    update_repeatedly(balancer, 50, losses, THREE_LABELLED)
    weights = balancer.weights(losses, THREE_LABELLED)
    np.testing.assert_allclose(weights[::2], [0.5 * np.exp(3), 0.5 * np.exp(-3)], rtol=1e-5)
