"""The softmax over labelled heads."""

import numpy as np
import tensorflow as tf

from pipeline.balancers.softmax import labelled_softmax

LOGITS = tf.constant([1.0, 2.0, 3.0])


def test_heads_without_labels_get_zero_and_do_not_change_the_others():
    shares = labelled_softmax(LOGITS, tf.constant([True, False, True]))
    np.testing.assert_allclose(shares, [1 / (1 + np.exp(2)), 0, 1 / (1 + np.exp(-2))], rtol=1e-6)


def test_without_any_label_all_are_zero():
    np.testing.assert_array_equal(labelled_softmax(LOGITS, tf.zeros(3, tf.bool)), np.zeros(3))
