"""Nash: the solution of G w = 1 / w."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.nash import bargain
from tests.balancers.gradients import AGREEMENT, CONFLICT, OPPOSED, for_several_heads, gradients, weights_of


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.Nash(), CONFLICT, [1.847759, 1.306563]),
        (balancers.Nash(), AGREEMENT, [0.765367, 0.541196]),
        (balancers.Nash(), OPPOSED, [0.591461, 0.407071]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@for_several_heads
def test_the_weights_solve_the_bargaining_equation(heads):
    for seed in range(5):
        rows = gradients(seed, heads)
        weights = weights_of(balancers.Nash(), rows)
        direction = weights @ rows
        np.testing.assert_allclose(rows @ direction * weights, np.ones(heads), rtol=1e-3)
        assert direction @ direction == pytest.approx(heads, rel=1e-3)


def test_it_converges_when_gradients_nearly_cancel():
    for seed in range(20):
        rows = gradients(seed, 8, size=12)
        rows[1] = -rows[0] + 0.1 * rows[1]
        weights = weights_of(balancers.Nash(), rows).astype("float64")
        np.testing.assert_allclose(rows @ (weights @ rows) * weights, np.ones(8), rtol=0.05)


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_it_converges_on_linearly_dependent_gradients(rank):
    solve = tf.function(bargain)
    for seed in range(200):
        units = gradients(seed, 8, rank).astype("float64")
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        matrix = units @ units.T + 1e-6 * np.eye(8)
        found = solve(tf.constant(matrix)).numpy()
        assert (found > 0).all()
        np.testing.assert_allclose(matrix @ found * found, np.ones(8), rtol=1e-5)
