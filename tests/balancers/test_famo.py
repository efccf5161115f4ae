"""FAMO: weights from the losses before and after each step."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.famo import famo_gradient, famo_weights
from tests.balancers.state import build, update_repeatedly


def test_a_step_equals_the_one_computed_by_hand():
    before, after, both = tf.constant([1.0, 4.0]), tf.constant([0.9, 3.0]), tf.ones(2, tf.bool)
    np.testing.assert_allclose(famo_weights(before, tf.zeros(2), both), [0.8, 0.2], atol=1e-6)
    gradient = famo_gradient(before, after, tf.zeros(2), both)
    np.testing.assert_allclose(gradient, [-0.04558, 0.04558], atol=1e-5)
    balancer = build(balancers.FAMO(decay=0.0))
    np.testing.assert_allclose(balancer.weights(before, both), [0.8, 0.2], atol=1e-6)
    balancer.update(before, both, None, after)
    logits = balancer.variables[0].numpy()
    np.testing.assert_allclose(logits, [0.025, -0.025], rtol=1e-3)  # Adam's first step is its learning rate


def test_the_head_that_improves_less_gets_more_weight():
    balancer, losses = build(balancers.FAMO()), tf.constant([1.0, 1.0])
    update_repeatedly(balancer, 20, losses, tf.ones(2, tf.bool), None, tf.constant([0.99, 0.5]))
    weights = balancer.weights(losses, tf.ones(2, tf.bool)).numpy()
    assert weights[0] > weights[1]
    assert weights.sum() == pytest.approx(1, rel=1e-5)


def test_decay_pulls_the_logits_towards_zero():
    kept, forgetful = build(balancers.FAMO(decay=0.0)), build(balancers.FAMO(decay=10.0))
    for balancer in (kept, forgetful):
        update_repeatedly(balancer, 50, tf.ones(2), tf.ones(2, tf.bool), None, tf.constant([0.9, 0.5]))
    assert np.abs(forgetful.variables[0].numpy()).max() < 0.2 * np.abs(kept.variables[0].numpy()).max()


def test_losses_are_measured_from_their_minimum_and_may_fall_below_it():
    balancer = build(balancers.FAMO(minimum_losses={"head1": -2.0}))
    both = tf.ones(2, tf.bool)
    np.testing.assert_allclose(balancer.weights(tf.constant([1.0, -1.0]), both), [0.5, 0.5], rtol=1e-6)
    balancer.update(tf.constant([1.0, -3.0]), both, None, tf.constant([0.9, -4.0]))
    assert np.isfinite(balancer.weights(tf.constant([1.0, -3.0]), both)).all()
