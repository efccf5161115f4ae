"""MGDA: the shortest vector in the convex hull of the gradients."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from tests.balancers.gradients import (
    AGREEMENT,
    CONFLICT,
    OPPOSED,
    for_several_heads,
    gradients,
    update_of,
    weights_of,
)


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.MGDA(), CONFLICT, [0.6, 0.4]),
        (balancers.MGDA(), AGREEMENT, [1.0, 0.0]),
        (balancers.MGDA(), OPPOSED, [0.6, 0.4]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@for_several_heads
@pytest.mark.parametrize("size", [2, 20])
def test_the_step_is_the_shortest_common_descent_direction(heads, size):
    for seed in range(10):
        rows = gradients(seed, heads, size)
        weights = weights_of(balancers.MGDA(), rows)
        direction = weights @ rows
        assert (weights >= 0).all()
        assert weights.sum() == pytest.approx(1, rel=1e-5)
        scale = np.linalg.norm(rows, axis=1).max() ** 2
        assert (rows @ direction).min() >= direction @ direction - 1e-5 * scale


def test_a_duplicated_head_does_not_change_the_step():
    rows = gradients(1, 3)
    twice = update_of(balancers.MGDA(), rows[[0, 0, 1, 2]])
    np.testing.assert_allclose(twice, update_of(balancers.MGDA(), rows), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("error", [-3e-7, 0.0, 3e-7])
def test_rounding_errors_do_not_change_the_weights_of_opposed_gradients(error):
    labelled = tf.ones(2, tf.bool)
    for size in np.linspace(0.3, 3.0, 10):
        product = -size * (1 + error)  # below -size it is impossible for real gradients
        gram = tf.constant([[1.0, product], [product, size**2]], tf.float32)
        weights = balancers.MGDA().weights(tf.ones(2), labelled, gram).numpy()
        np.testing.assert_allclose(weights, [size / (1 + size), 1 / (1 + size)], rtol=1e-4)


@pytest.mark.parametrize("normalize", ["none", "l2", "loss", "loss+"])
def test_normalize_divides_the_gradients_first(normalize):
    rows, losses = gradients(5, 3), np.array([0.5, 1.0, 4.0], "float32")
    norms = np.linalg.norm(rows, axis=1)
    scale = {"none": np.ones(3), "l2": norms, "loss": losses, "loss+": losses * norms}[normalize]
    found = weights_of(balancers.MGDA(normalize=normalize), rows, losses)
    np.testing.assert_allclose(
        found, weights_of(balancers.MGDA(), rows / scale[:, None]), rtol=1e-4, atol=1e-6
    )
