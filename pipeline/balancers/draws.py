"""Random numbers that depend on a seed and a step alone."""

from collections.abc import Sequence

import tensorflow as tf


def uniform_draws(shape: Sequence[int], seed: int, step: tf.Tensor) -> tf.Tensor:
    """Numbers in (0, 1), float32, of this shape; the same compiled or not.

    Made from bits, as TensorFlow and XLA turn the same Philox stream into floats in different ways.
    """
    both = tf.stack([tf.constant(seed, tf.int64), step])
    bits = tf.random.stateless_uniform(shape, both, None, None, dtype=tf.uint32, alg="philox")
    return (tf.cast(tf.bitwise.right_shift(bits, 9), tf.float32) + 0.5) / 2.0**23
