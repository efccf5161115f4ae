"""GradNorm: gradients of equal size, larger for slow heads."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.gradnorm import gradnorm_gradient, keep_sum
from tests.balancers.state import THREE_LABELLED, build, update_repeatedly


def test_a_step_equals_the_one_computed_by_hand():
    weights, norms, both = tf.ones(2), tf.constant([1.0, 4.0]), tf.ones(2, tf.bool)
    gradient = gradnorm_gradient(weights, norms, tf.constant([0.5, 0.9]), both, alpha=1.5)
    np.testing.assert_allclose(gradient, [-1.0, 4.0], atol=1e-6)
    stepped = weights - 0.025 * gradient
    np.testing.assert_allclose(stepped, [1.025, 0.9], atol=1e-6)
    np.testing.assert_allclose(keep_sum(weights, stepped, both), [1.064935, 0.935065], atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_the_norms_reach_their_targets(alpha):
    balancer = build(
        balancers.GradNorm(alpha=alpha, learning_rate=0.001, initial_losses={"head0": 3.0, "head1": 2.0})
    )
    losses, both, gram = tf.constant([1.0, 2.0]), tf.ones(2, tf.bool), tf.linalg.diag([1.0, 16.0])
    update_repeatedly(balancer, 4000, losses, both, gram)
    first, second = balancer.weights(losses, both, gram).numpy() * [1.0, 4.0]
    # The first loss fell to 1/3, the second did not: they are at 0.5 and 1.5 times the mean ratio.
    assert first == pytest.approx((first + second) / 2 * 0.5**alpha, rel=0.02)


def test_the_initial_loss_is_the_first_one_with_labels_unless_configured():
    balancer = build(balancers.GradNorm(initial_losses={"head1": 5.0}), 3)
    gram = tf.eye(3)
    balancer.update(tf.constant([2.0, 3.0, 9.0]), tf.constant([True, True, False]), gram)
    balancer.update(tf.constant([1.0, 1.0, 7.0]), THREE_LABELLED, gram)
    initial = next(variable for variable in balancer.variables if variable.name == "initial_losses")
    np.testing.assert_array_equal(initial.numpy(), [2.0, 5.0, 7.0])


def test_the_weights_never_fall_below_the_minimum():
    balancer, both = build(balancers.GradNorm(learning_rate=0.3, minimum=0.01)), tf.ones(2, tf.bool)
    for _ in range(40):
        balancer.update(tf.ones(2), both, tf.linalg.diag([1e-6, 1.0]))
        weights = balancer.weights(tf.ones(2), both).numpy()
        assert weights.min() > 0.007  # the minimum, scaled with the sum
        assert weights.sum() == pytest.approx(2, rel=1e-5)
