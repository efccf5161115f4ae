"""An exponential average of the weights over the steps of training.

The average of the last steps generalises better than the last step's weights (Polyak and Juditsky 1992,
doi:10.1137/0330046; Izmailov et al. 2018, arXiv:1803.05407), and validation losses fluctuate less.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

WARM_UP = (
    10  # steps; the average forgets the initial weights quickly, as in tf.train.ExponentialMovingAverage
)


class WeightAverage:
    """Averages some weights, and exchanges them with those of the model.

    While the model trains it has the weights of the optimizer; after `show` it has the averaged ones.

    Args:
        weights: the trainable variables of a model.
        decay: share of the old average in the new one after each step, below 1.
    """

    def __init__(self, weights: Sequence[keras.Variable], decay: float) -> None:
        self.weights, self.decay = list(weights), decay
        # One flat tensor, because an operation for each small variable would take longer than the step.
        size = sum(int(np.prod(weight.shape)) for weight in weights)
        self.average = tf.Variable(self._flat() if size else tf.zeros(0), trainable=False)
        self.current = tf.Variable(self.average, trainable=False)
        self.steps = tf.Variable(0.0, trainable=False)
        self.shown = tf.Variable(False, trainable=False)

    @property
    def variables(self) -> list[Any]:
        return [self.average, self.current, self.steps, self.shown]

    def update(self) -> None:
        """Add the model's weights after a step; called in the graph of a step."""
        decay = tf.minimum(self.decay, (1.0 + self.steps) / (WARM_UP + self.steps))
        self.average.assign_add((1.0 - decay) * (self._flat() - self.average))
        self.steps.assign_add(1.0)

    def show(self) -> None:
        """Put the averaged weights into the model."""
        if not self.shown:
            self.current.assign(self._flat())
            self._assign(self.average)
            self.shown.assign(True)

    def hide(self) -> None:
        """Put the optimizer's weights back into the model."""
        if self.shown:
            self._assign(self.current)
            self.shown.assign(False)

    def _flat(self) -> Any:
        return tf.concat([tf.reshape(tf.cast(weight.value, tf.float32), [-1]) for weight in self.weights], 0)

    def _assign(self, flat: Any) -> None:
        parts = tf.split(flat, [int(np.prod(weight.shape)) for weight in self.weights])
        for weight, part in zip(self.weights, parts, strict=True):
            weight.assign(tf.reshape(part, weight.shape))
