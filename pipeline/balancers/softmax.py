"""Softmax over the heads that have labels."""

import tensorflow as tf


def labelled_softmax(logits: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return the softmax (heads,) over the labelled heads and 0 for the others."""
    # Not -inf, which would give NaN for a batch without any label.
    shares = tf.nn.softmax(tf.where(labelled, logits, -1e9))
    return tf.where(labelled, shares, 0.0)
