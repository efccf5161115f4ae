"""The inner products of the heads' gradients, and the cosines and norms computed from them."""

import tensorflow as tf

RIDGE = 1e-10  # added to the cosines' diagonal of 1, so that equal gradients do not make it singular
LEAST = 1e-6  # smaller eigenvalues of the cosines are float32 rounding errors
NO_GRADIENT = 1e-9  # relative to the largest norm: a gradient below it counts as zero


def labelled_products(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return the products (heads, heads) as float64; 0 for heads without labels or with an overflow."""
    both = labelled[:, None] & labelled[None, :]
    return tf.cast(tf.where(both & tf.math.is_finite(gram), gram, 0.0), tf.float64)


def cosines(gram: tf.Tensor, labelled: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Split the products into cosines (heads, heads) and relative norms (heads,), float64.

    Returns:
        The cosines, with 1 + RIDGE on the diagonal and 0 elsewhere for heads without a gradient; the norms
        over the largest one, at least NO_GRADIENT, and 1 for heads without labels; the largest norm, a
        scalar.
    """
    products = labelled_products(gram, labelled)
    norms = tf.sqrt(tf.linalg.diag_part(products))
    largest = tf.reduce_max(norms)
    norms = tf.where(labelled, tf.math.divide_no_nan(norms, largest), 1.0)
    norms = tf.maximum(norms, tf.constant(NO_GRADIENT, tf.float64))
    pairs = tf.math.divide_no_nan(products, largest**2 * norms[:, None] * norms[None, :])
    matrix = tf.linalg.set_diag(pairs, tf.fill(norms.shape, tf.constant(1 + RIDGE, tf.float64)))
    return matrix, norms, largest


def positive_definite(matrix: tf.Tensor) -> tf.Tensor:
    """Raise the eigenvalues to at least LEAST: for equal or opposed gradients they may round below 0."""
    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.maximum(values, LEAST), vectors, transpose_b=True)
