"""RLW: random weights in every step."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from tests.balancers.state import THREE_LABELLED, build


def test_the_weights_are_positive_with_mean_one_and_differ_in_every_step():
    balancer = build(balancers.RLW(), 3)

    @tf.function
    def draw(steps):
        found = tf.TensorArray(tf.float32, steps, element_shape=(3,))
        for number in tf.range(steps):
            found = found.write(number, balancer.weights(tf.ones(3), THREE_LABELLED))
            balancer.update(tf.ones(3), THREE_LABELLED)
        return found.stack()

    draws = draw(20_000).numpy()
    assert (draws > 0).all()
    np.testing.assert_allclose(draws.sum(1), np.full(len(draws), 3), rtol=1e-5)
    np.testing.assert_allclose(draws.mean(0), np.ones(3), atol=0.02)
    assert draws.std() == pytest.approx(_softmax_deviation(), rel=0.02)
    assert len(np.unique(draws[:, 0])) > 19_000


def _softmax_deviation():
    normal = np.exp(np.random.default_rng(0).normal(size=(200_000, 3)))
    return (3 * normal / normal.sum(1, keepdims=True)).std()


def test_the_weights_depend_on_the_seed():
    first, same, other = (
        build(balancers.RLW(seed=seed), 3).weights(tf.ones(3), THREE_LABELLED) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first.numpy() != other.numpy()).all()
