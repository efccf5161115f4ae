"""PCGrad: projections on the original gradients in random order."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.pcgrad import pcgrad_weights
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
        (balancers.PCGrad(), CONFLICT, [2.0, 1.5]),
        (balancers.PCGrad(), AGREEMENT, [1.0, 1.0]),
        (balancers.PCGrad(), OPPOSED, [2.222222, 1.578947]),
        (balancers.PCGrad(reduction="mean"), CONFLICT, [1.0, 0.75]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.PCGrad(reduction="mean"), OPPOSED, [0.292398, 1.900585, 1.900585]),
    ],
)
def test_the_update_of_two_heads_equals_the_one_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(update_of(balancer, rows), expected, atol=4e-6)


def test_balancing_the_mean_gradient_differs_from_averaging_balanced_gradients():
    halves = [np.array(CONFLICT), np.array(AGREEMENT)]
    np.testing.assert_allclose(update_of(balancers.PCGrad(), sum(halves) / 2), [1.0, 1.0], atol=1e-6)
    mean = sum(update_of(balancers.PCGrad(), half) for half in halves) / 2
    np.testing.assert_allclose(mean, [1.25, 1.25], atol=1e-6)


@for_several_heads
def test_permuting_the_heads_and_their_orders_permutes_the_weights(heads):
    rows, random = gradients(heads, heads), np.random.default_rng(0)
    moved, meetings = (
        random.permutation(heads),
        random.permuted(np.tile(np.arange(heads), (heads, 1)), axis=1),
    )
    back = np.argsort(moved)

    def weights(rows, meetings):
        return pcgrad_weights(
            tf.constant(rows @ rows.T), tf.ones(heads, tf.bool), tf.constant(meetings)
        ).numpy()

    found = weights(rows[moved], back[meetings[moved]])
    np.testing.assert_allclose(found, weights(rows, meetings)[moved], rtol=1e-4, atol=1e-6)


@for_several_heads
def test_without_conflicts_it_is_the_plain_sum(heads):
    rows = np.abs(gradients(heads, heads))
    np.testing.assert_array_equal(weights_of(balancers.PCGrad(), rows), np.ones(heads))


@for_several_heads
def test_each_gradient_is_projected_on_the_original_ones_in_its_order(heads):
    rows = gradients(heads, heads, size=3)
    random = np.random.default_rng(heads)
    order = np.stack([random.permutation(heads) for _ in range(heads)])
    projected = []
    for i, others in enumerate(order):
        own = rows[i].astype("float64")
        for j in others[others != i]:
            own = own - min(own @ rows[j], 0.0) / (rows[j] @ rows[j]) * rows[j]
        projected.append(own)
    weights = pcgrad_weights(tf.constant(rows @ rows.T), tf.ones(heads, tf.bool), tf.constant(order))
    np.testing.assert_allclose(weights.numpy() @ rows, np.sum(projected, axis=0), rtol=1e-4, atol=1e-4)


def test_a_head_is_never_projected_on_itself():
    """Three projections turn the first gradient by over 90 degrees, so it conflicts with its original."""
    angles = np.deg2rad([0, 135, 180, 190])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("float32")
    gram, labelled = tf.constant(rows @ rows.T), tf.ones(4, tf.bool)
    first, last = np.tile([0, 1, 2, 3], (4, 1)), np.tile([1, 2, 3, 0], (4, 1))
    first[1:], last[1:] = [1, 2, 3, 0], [1, 2, 3, 0]
    np.testing.assert_allclose(
        pcgrad_weights(gram, labelled, tf.constant(last)), pcgrad_weights(gram, labelled, tf.constant(first))
    )


def test_each_head_and_step_has_its_own_uniform_random_order():
    balancer = balancers.PCGrad()
    weights_of(balancer, gradients(0, 4))
    losses, labelled = tf.ones(4), tf.ones(4, tf.bool)
    orders = []
    for _ in range(200):
        orders.append(balancer.order(4).numpy())
        balancer.update(losses, labelled)
    assert (np.sort(orders, axis=2) == np.arange(4)).all()
    first = np.bincount(np.array(orders)[:, 1, 0], minlength=4) / 200
    np.testing.assert_allclose(first, np.full(4, 0.25), atol=0.12)
    assert (np.array(orders)[:, 0] != np.array(orders)[:, 1]).any()


def test_loss_weights_multiply_the_projected_gradients():
    assert balancers.PCGrad().weighted
    rows, loss_weights = np.array(CONFLICT, "float32"), np.array([[3.0], [1.0]], "float32")
    projected = np.array([[0.5, 0.5], [0.0, 1.0]])
    np.testing.assert_allclose(update_of(balancers.PCGrad(), loss_weights * rows), [1.5, 2.5], atol=1e-6)
    np.testing.assert_allclose((loss_weights * projected).sum(0), [1.5, 2.5])
