"""Static: every labelled head has weight 1."""

import numpy as np
import tensorflow as tf

from pipeline import balancers
from tests.balancers.state import build


def test_every_labelled_head_has_weight_one():
    weights = build(balancers.Static(), 3).weights(tf.ones(3), tf.constant([True, False, True]))
    np.testing.assert_array_equal(weights, [1, 0, 1])
