"""Random numbers that depend only on a seed and a step."""

from collections.abc import Sequence

import tensorflow as tf


def uniform_draws(shape: Sequence[int], seed: int, step: tf.Tensor) -> tf.Tensor:
    """Return uniform float32 numbers in (0, 1), the same with and without XLA.

    They are computed from random bits, because TensorFlow and XLA convert the same Philox stream to floats
    differently.
    """
    key = tf.stack([tf.constant(seed, tf.int64), step])
    bits = tf.random.stateless_uniform(shape, key, None, None, dtype=tf.uint32, alg="philox")
    return (tf.cast(tf.bitwise.right_shift(bits, 9), tf.float32) + 0.5) / 2.0**23
