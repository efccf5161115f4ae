"""The Adam of a balancer's state."""

import keras
import numpy as np
import tensorflow as tf

from pipeline.balancers.adam import HeadwiseAdam


def test_its_steps_are_those_of_keras():
    gradients = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    own, value = HeadwiseAdam(3, learning_rate=0.1), tf.zeros(3)
    of_keras, variable = keras.optimizers.Adam(0.1, epsilon=1e-8), keras.Variable(np.zeros(3, "float32"))
    for gradient in gradients:
        value += own.step(tf.constant(gradient), tf.ones(3, tf.bool))
        of_keras.apply([gradient], [variable])
    np.testing.assert_allclose(value, variable.numpy(), rtol=1e-4)


def test_heads_without_labels_or_with_an_overflow_keep_their_moments():
    adam = HeadwiseAdam(3, learning_rate=0.1)
    adam.step(tf.constant([1.0, 2.0, 3.0]), tf.ones(3, tf.bool))
    before = [variable.numpy() for variable in adam.variables]
    change = adam.step(tf.constant([1.0, 2.0, np.inf]), tf.constant([True, False, True]))
    assert change[0] != 0
    np.testing.assert_array_equal(change[1:], [0, 0])
    for old, variable in zip(before, adam.variables, strict=True):
        np.testing.assert_array_equal(old[1:], variable.numpy()[1:])
        assert old[0] != variable.numpy()[0]
