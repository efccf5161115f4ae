"""CAGrad: the best step for the worst-off head near the mean gradient."""

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
        (balancers.CAGrad(c=0.5), CONFLICT, [0.6, 0.4]),
        (balancers.CAGrad(c=0.5), AGREEMENT, [0.847214, 0.4]),
        (balancers.CAGrad(c=0.5), OPPOSED, [0.563299, 0.4]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.CAGrad(c=0.5, rescale=0), CONFLICT, [0.25, 0.5]),
        (balancers.CAGrad(c=0.5, rescale=0), AGREEMENT, [1.559017, 0.5]),
        (balancers.CAGrad(c=0.5, rescale=0), OPPOSED, [0.183503, 1.204124, 1.204124]),
        (balancers.CAGrad(c=0.5, rescale=2), CONFLICT, [0.166667, 0.333333]),
        (balancers.CAGrad(c=0.5, rescale=2), OPPOSED, [0.122336, 0.802749, 0.802749]),
    ],
)
def test_the_update_of_two_heads_equals_the_one_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(update_of(balancer, rows), expected, atol=4e-6)


@for_several_heads
def test_the_step_stays_within_the_radius_and_is_the_best_for_the_worst_head(heads):
    random = np.random.default_rng(0)
    for seed in range(10):
        rows = gradients(seed, heads, size=max(heads, 3))
        mean = rows.mean(0)
        direction = update_of(balancers.CAGrad(c=0.5, rescale=0), rows)
        radius = 0.5 * np.linalg.norm(mean)
        assert np.linalg.norm(direction - mean) == pytest.approx(radius, rel=1e-3)
        others = random.normal(size=(2000, rows.shape[1]))
        others *= radius / np.linalg.norm(others, axis=1, keepdims=True)
        best = (rows @ (mean + others).T).min(0).max()
        assert (rows @ direction).min() >= best - 1e-3 * abs(best)


def test_rounding_errors_of_opposed_gradients_hardly_change_the_step():
    random, spreads = np.random.default_rng(0), []
    for seed in (0, 1, 2, 3, 4):
        rows = gradients(seed, 3, size=8)
        rows[1] = -rows[0]
        rows[2] -= 0.9 * (rows[2] @ rows[0]) / (rows[0] @ rows[0]) * rows[0]
        errors = 1e-7 * random.normal(size=(8, 3, 3))
        grams = ((rows @ rows.T) * (1 + errors + errors.transpose(0, 2, 1))).astype("float32")
        balancer = balancers.CAGrad(c=0.5, rescale=0)
        steps = [
            balancer.weights(tf.ones(3), tf.ones(3, tf.bool), tf.constant(gram)).numpy() @ rows
            for gram in grams
        ]
        spreads.append(np.abs(steps - np.mean(steps, axis=0)).max() / np.linalg.norm(rows.mean(0)))
    assert np.mean(spreads) < 0.08


@for_several_heads
def test_with_radius_zero_it_is_the_mean(heads):
    np.testing.assert_allclose(
        weights_of(balancers.CAGrad(c=0.0), gradients(1, heads)), np.full(heads, 1 / heads), rtol=1e-5
    )
