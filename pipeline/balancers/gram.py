"""Products of the heads' gradients: what takes part, and cosines with norms."""

import tensorflow as tf

RIDGE = 1e-10  # beside a cosine of 1: equal gradients can still be solved for, and nothing else moves
LEAST = 1e-6  # eigenvalue of cosines: below it lies the rounding of gradients in float32
# Relative to the largest norm. A gradient below it counts as none.
NO_GRADIENT = 1e-9


def among(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """The (heads, heads) products in float64, 0 for heads without labels and where a gradient overflowed."""
    both = labelled[:, None] & labelled[None, :]
    return tf.cast(tf.where(both & tf.math.is_finite(gram), gram, 0.0), tf.float64)


def cosines(gram: tf.Tensor, labelled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Split the products into cosines (heads, heads) and norms (heads,), float64, largest norm 1.

    Returns:
        The cosines with 1 + RIDGE on the diagonal and 0 beside it for heads without a gradient; the norms,
        at least NO_GRADIENT, 1 for heads without labels; the largest norm, a scalar.
    """
    products = among(gram, labelled)
    norms = tf.sqrt(tf.linalg.diag_part(products))
    largest = tf.reduce_max(norms)
    norms = tf.where(labelled, tf.math.divide_no_nan(norms, largest), 1.0)
    norms = tf.maximum(norms, tf.constant(NO_GRADIENT, tf.float64))
    beside = tf.math.divide_no_nan(products, largest**2 * norms[:, None] * norms[None, :])
    matrix = tf.linalg.set_diag(beside, tf.fill(norms.shape, tf.constant(1 + RIDGE, tf.float64)))
    return matrix, norms, largest


def positive(matrix: tf.Tensor) -> tf.Tensor:
    """Lift the eigenvalues to at least LEAST: those of equal or opposed gradients may round below 0."""
    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.maximum(values, LEAST), vectors, transpose_b=True)
