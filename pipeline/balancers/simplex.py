"""Optimisation over weights >= 0 with sum 1, by solving on every face of the simplex at once."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def faces(heads: int) -> np.ndarray:
    """Return all non-empty sets of heads as 0 and 1, (2^heads - 1, heads), float64."""
    numbers = np.arange(1, 2**heads)
    return (numbers[:, None] >> np.arange(heads) & 1).astype("float64")


def solve_on_faces(matrix: tf.Tensor, rights: tf.Tensor) -> tf.Tensor:
    """Solve the linear system restricted to each face, as one batch.

    Args:
        matrix: (heads, heads) positive definite.
        rights: (heads, columns) right-hand sides.

    Returns:
        (faces, heads, columns); 0 for heads outside the face.
    """
    inside = faces(matrix.shape[0])
    both = inside[:, :, None] * inside[:, None, :]
    outside = np.eye(len(inside[0])) * (1.0 - inside)[:, None, :]
    return tf.linalg.solve(matrix * both + outside, rights * inside[:, :, None])


def best_weights(
    directions: tf.Tensor, objective: Callable[[tf.Tensor], tf.Tensor], allowed: tf.Tensor
) -> tf.Tensor:
    """Scale the candidates to sum 1 and return the valid one with the smallest objective.

    Args:
        directions: (candidates, heads); invalid if signs are mixed, the sum is 0 or a value is NaN.
        objective: weights (candidates, heads) -> (candidates,).
        allowed: (heads,) bool; a candidate with weight on another head is invalid.

    Returns:
        (heads,); an invalid candidate if all are invalid.
    """
    sums = tf.reduce_sum(directions, axis=1)
    # Signs are checked after the division, because with opposed gradients rounding can flip all of them.
    weights = tf.math.divide_no_nan(directions, sums[:, None])
    valid = tf.reduce_all((weights >= 0) & (allowed | (weights == 0)), axis=1) & (sums != 0)
    values = tf.where(valid, objective(weights), tf.constant(np.inf, tf.float64))
    return weights[tf.argmin(values)]
