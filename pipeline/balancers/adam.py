"""Adam for the state of a balancer."""

import keras
import numpy as np
import tensorflow as tf


class HeadwiseAdam:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980) on one number per head, each with its own step count.

    Unlike `keras.optimizers.Adam` it does not update the moments of heads without labels. Heads whose
    gradient is not finite are skipped as well, so that an overflow in mixed precision does not spoil the
    state.
    """

    def __init__(self, heads: int, learning_rate: float, epsilon: float = 1e-8) -> None:
        self.learning_rate, self.epsilon = learning_rate, epsilon
        self.beta_1, self.beta_2 = 0.9, 0.999
        self.variables = [
            keras.Variable(np.zeros(heads, "float32"), trainable=False, dtype="float32", name=name)
            for name in ("mean", "square", "steps")
        ]

    def step(self, gradient: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
        """Return the change (heads,) for a gradient (heads,); 0 where not labelled."""
        moving = labelled & tf.math.is_finite(gradient)
        gradient = tf.where(moving, gradient, 0.0)
        old_mean, old_square, old_steps = (variable.value for variable in self.variables)
        mean = self.beta_1 * old_mean + (1 - self.beta_1) * gradient
        square = self.beta_2 * old_square + (1 - self.beta_2) * gradient**2
        steps = old_steps + 1.0
        for variable, new, old in zip(
            self.variables, (mean, square, steps), (old_mean, old_square, old_steps), strict=True
        ):
            variable.assign(tf.where(moving, new, old))
        mean /= 1 - self.beta_1**steps
        square /= 1 - self.beta_2**steps
        return tf.where(moving, -self.learning_rate * mean / (tf.sqrt(square) + self.epsilon), 0.0)
