"""Problems over weights >= 0 of sum 1, solved on every face of the simplex at once."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def faces(heads: int) -> np.ndarray:
    """All non-empty sets of heads, (2^heads - 1, heads) of 0 and 1, in float64."""
    numbers = np.arange(1, 2**heads)
    return (numbers[:, None] >> np.arange(heads) & 1).astype("float64")


def solve_on_faces(matrix: tf.Tensor, rights: tf.Tensor) -> tf.Tensor:
    """Solve the system restricted to each face, in one batch.

    Args:
        matrix: (heads, heads) positive definite.
        rights: (heads, columns) right-hand sides.

    Returns:
        (faces, heads, columns), 0 outside a face.
    """
    inside = faces(matrix.shape[0])
    both = inside[:, :, None] * inside[:, None, :]
    outside = np.eye(len(inside[0])) * (1.0 - inside)[:, None, :]
    return tf.linalg.solve(matrix * both + outside, rights * inside[:, :, None])


def best_weights(
    directions: tf.Tensor, objective: Callable[[tf.Tensor], tf.Tensor], allowed: tf.Tensor
) -> tf.Tensor:
    """Scale candidates to sum 1 and return the one with the least objective.

    Args:
        directions: (candidates, heads); those of mixed signs, of sum 0 or NaN are left out.
        objective: weights (candidates, heads) -> (candidates,).
        allowed: (heads,) bool; candidates that use another head are left out.

    Returns:
        (heads,); of a candidate that is left out if all are.
    """
    sums = tf.reduce_sum(directions, axis=1)
    # Signs are judged after the division: with opposed gradients rounding can turn all of them round.
    weights = tf.math.divide_no_nan(directions, sums[:, None])
    fits = tf.reduce_all((weights >= 0) & (allowed | (weights == 0)), axis=1) & (sums != 0)
    values = tf.where(fits, objective(weights), tf.constant(np.inf, tf.float64))
    return weights[tf.argmin(values)]
