"""Properties of all methods that use the inner products of the heads' gradients."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.gram import LEAST, cosines, positive_definite
from tests.balancers.gradients import for_several_heads, gradients, weights_of

METHODS = {
    "PCGrad": balancers.PCGrad(),
    "MGDA": balancers.MGDA(),
    "CAGrad": balancers.CAGrad(c=0.5),
    "IMTLG": balancers.IMTLG(),
    "Nash": balancers.Nash(),
    "Aligned": balancers.Aligned(),
}


def for_methods(*left_out):
    chosen = {name: balancer for name, balancer in METHODS.items() if name not in left_out}
    return pytest.mark.parametrize("balancer", chosen.values(), ids=chosen)


@for_methods("PCGrad")
@for_several_heads
def test_permuting_the_heads_permutes_the_weights(balancer, heads):
    rows = gradients(heads, heads)
    order = np.random.default_rng(0).permutation(heads)
    np.testing.assert_allclose(
        weights_of(balancer, rows)[order], weights_of(balancer, rows[order]), rtol=1e-4, atol=1e-6
    )


@for_methods()
@for_several_heads
def test_the_weights_do_not_depend_on_the_scale_of_the_losses(balancer, heads):
    rows = gradients(heads, heads)
    power = -1 if isinstance(balancer, balancers.Nash) else 0  # the length of Nash steps is fixed
    expected = weights_of(balancer, rows) * 1000.0**power
    np.testing.assert_allclose(weights_of(balancer, 1000 * rows), expected, rtol=1e-4, atol=1e-6)


@for_methods()
@for_several_heads
def test_a_head_without_gradient_leaves_the_weights_finite_and_bounded(balancer, heads):
    rows = gradients(heads, heads)
    rows[0] = 0
    weights = weights_of(balancer, rows)
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() < 100
    assert np.isfinite(weights_of(balancer, np.zeros_like(rows))).all()


@for_methods()
@pytest.mark.parametrize("cosine", [1.0, -1.0])
def test_equal_and_opposed_gradients_keep_the_step_bounded(balancer, cosine):
    for seed in range(20):
        rows = gradients(seed, 4)
        rows[1] = cosine * rows[0]
        weights = weights_of(balancer, rows)
        assert np.isfinite(weights).all()
        assert np.abs(weights[:, None] * rows).max() < 2000 * np.linalg.norm(rows, axis=1).max()


@for_methods()
def test_an_overflow_of_a_gradient_gives_finite_weights(balancer):
    """The optimizer skips such a step; weights that are not finite, or an error, would end the run."""
    for wrong in (np.inf, np.nan):
        gram = np.eye(3, dtype="float32")
        gram[1] = gram[:, 1] = wrong
        assert np.isfinite(balancer.weights(tf.ones(3), tf.ones(3, tf.bool), tf.constant(gram))).all()


@for_methods("PCGrad", "MGDA")
def test_heads_with_equal_gradients_get_equal_weights(balancer):
    weights = weights_of(balancer, gradients(1, 3)[[0, 0, 1]])
    np.testing.assert_allclose(weights[0], weights[1], rtol=1e-3)


def test_cosines_and_norms_give_back_the_products():
    rows = gradients(0, 3)
    matrix, norms, largest = cosines(tf.constant(rows @ rows.T), tf.ones(3, tf.bool))
    assert norms.numpy().max() == 1
    scale = largest * norms
    np.testing.assert_allclose(matrix * scale[:, None] * scale[None, :], rows @ rows.T, rtol=1e-6)


def test_eigenvalues_that_round_below_zero_are_raised_and_others_kept():
    values = np.linalg.eigvalsh(
        positive_definite(tf.constant([[1.0, 1.0 + 1e-9], [1.0 + 1e-9, 1.0]], tf.float64))
    )
    np.testing.assert_allclose(values, [LEAST, 2.0], rtol=1e-6)
