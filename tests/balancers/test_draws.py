"""Random numbers from a seed and a step."""

import numpy as np
import tensorflow as tf

from pipeline.balancers.draws import uniform_draws


def test_the_numbers_are_uniform_and_the_same_with_and_without_xla():
    def draw(step):
        return uniform_draws([100, 100], 7, step)

    step = tf.constant(3, tf.int64)
    numbers = draw(step).numpy()
    np.testing.assert_array_equal(tf.function(draw, jit_compile=True)(step), numbers)
    assert numbers.min() > 0
    assert numbers.max() < 1
    np.testing.assert_allclose(np.histogram(numbers, 10, (0, 1))[0] / numbers.size, 0.1, atol=0.01)


def test_every_seed_and_step_has_its_own_numbers():
    draws = {
        (seed, step): uniform_draws([4], seed, tf.constant(step, tf.int64)) for seed, step in np.ndindex(3, 3)
    }
    assert len({tuple(draw.numpy()) for draw in draws.values()}) == 9
