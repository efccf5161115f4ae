"""Aligned-MTL: gradients that are orthogonal and equally long."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.aligned import aligned_matrix
from tests.balancers.gradients import AGREEMENT, CONFLICT, OPPOSED, for_several_heads, gradients, weights_of


@pytest.mark.parametrize(
    ("balancer", "rows", "expected"),
    [
        (balancers.Aligned(), CONFLICT, [0.552786, 0.41459]),
        (balancers.Aligned(), AGREEMENT, [0.276393, 0.138197]),
        (balancers.Aligned(), OPPOSED, [0.559072, 0.408261]),
    ],
)
def test_the_weights_of_two_heads_equal_those_computed_by_hand(balancer, rows, expected):
    np.testing.assert_allclose(weights_of(balancer, rows), expected, atol=2e-6)


@for_several_heads
def test_the_aligned_gradients_are_orthogonal_and_equally_long(heads):
    rows = gradients(heads, heads).astype("float64")
    singular = np.linalg.svd(rows, compute_uv=False)
    for scale, expected in {"min": singular[-1], "rmse": np.sqrt((singular**2).mean())}.items():
        aligned = aligned_matrix(tf.constant(rows @ rows.T), scale).numpy() @ rows
        found = np.linalg.svd(aligned, compute_uv=False)
        np.testing.assert_allclose(found, np.full(heads, expected), rtol=1e-3)


def test_directions_that_are_rounding_errors_are_ignored():
    rows = gradients(1, 3, size=2)
    singular = np.linalg.svd(rows, compute_uv=False)
    aligned = aligned_matrix(tf.constant(rows @ rows.T, tf.float64)).numpy() @ rows
    np.testing.assert_allclose(np.linalg.svd(aligned, compute_uv=False), singular[[-1, -1]], rtol=1e-3)


def test_orthogonal_gradients_of_equal_length_are_only_averaged():
    np.testing.assert_allclose(weights_of(balancers.Aligned(), 3 * np.eye(4)), np.full(4, 0.25), rtol=1e-5)
