"""Softmax over the heads that have labels."""

import tensorflow as tf


def labelled_softmax(logits: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Softmax (heads,) over the labelled heads alone; 0 elsewhere, all 0 when none is labelled."""
    # A large finite number, not -inf: a batch without any label would give NaN.
    shares = tf.nn.softmax(tf.where(labelled, logits, -1e9))
    return tf.where(labelled, shares, 0.0)
