"""Dynamic weight averaging."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pipeline.balancers.balancer import Balancer
from pipeline.balancers.softmax import labelled_softmax


def dwa_weights(history: tf.Tensor, labelled: tf.Tensor, temperature: float) -> tf.Tensor:
    """Return k softmax(r / T), where r is the last epoch's loss over that of the epoch before.

    Args:
        history: (2, heads) mean losses of the last two epochs, the older one first; NaN for missing epochs.
        labelled: (heads,) bool; k is the number of labelled heads.
        temperature: T.
    """
    rates = history[1] / history[0]
    rates = tf.where(tf.math.is_finite(rates), rates, 1.0)
    return labelled_softmax(rates / temperature, labelled) * tf.reduce_sum(tf.cast(labelled, tf.float32))


@dataclass(kw_only=True, eq=False)
class DWA(Balancer):
    """Gives more weight to heads whose loss falls slowly: w = k softmax(r / T), r_i = L_i(e-1) / L_i(e-2).

    Liu, Johns & Davison 2019, arXiv:1803.10704. L_i(e) is the mean training loss of epoch e, without loss
    weights. All weights are 1 in the first two epochs. The weights differ little: with T = 2 a head that
    halves its loss gets 0.88 while one whose loss stays the same gets 1.12.
    """

    temperature: float = 2.0

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._history = keras.Variable(
            np.full((2, len(heads)), np.nan, "float32"), trainable=False, dtype="float32", name="history"
        )

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._history]

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return dwa_weights(self._history.value, labelled, self.temperature)

    def on_epoch_end(self, mean_losses: tf.Tensor) -> None:
        last = self._history.value[1]
        mean_losses = tf.cast(mean_losses, tf.float32)
        self._history.assign(tf.stack([last, tf.where(tf.math.is_finite(mean_losses), mean_losses, last)]))
