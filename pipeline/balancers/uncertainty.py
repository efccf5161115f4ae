"""Learned homoscedastic uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pipeline.balancers.adam import HeadwiseAdam
from pipeline.balancers.balancer import Balancer


def uncertainty_weights(log_variances: tf.Tensor, halves: tf.Tensor) -> tf.Tensor:
    """Return ½ e^{-s} for regression (halves ½) and e^{-s} for classification (halves 1)."""
    return halves * tf.exp(-log_variances)


def uncertainty_gradient(losses: tf.Tensor, log_variances: tf.Tensor, halves: tf.Tensor) -> tf.Tensor:
    """Return the derivative of Σ w_i(s) L_i + s_i/2 with respect to s."""
    return 0.5 - uncertainty_weights(log_variances, halves) * losses


@dataclass(kw_only=True, eq=False)
class Uncertainty(Balancer):
    """Learns each head's noise s_i = log σ_i² together with the network.

    Minimises ½ e^{-s} L + ½ s for number targets and e^{-s} L + ½ s for all others (Kendall, Gal & Cipolla
    2018, arXiv:1705.07115); so w_i = ½ e^{-s_i} or e^{-s_i}. At the optimum w_i L_i = ½. The s_i are learned
    from the losses without loss weights, by their own Adam without weight decay or clipping.

    Args:
        learning_rate: learning rate of s.
        start: initial s of every head.
        bound: s is clipped to ± bound, because w grows without limit when a loss goes to 0.
    """

    learning_rate: float = 0.025
    start: float = 0.0
    bound: float = 10.0

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._halves = tf.constant([0.5 if kinds[head] == "number" else 1.0 for head in heads])
        self._log_variances = keras.Variable(
            np.full(len(heads), self.start, "float32"), trainable=False, dtype="float32", name="log_variances"
        )
        self._adam = HeadwiseAdam(len(heads), self.learning_rate)

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._log_variances, *self._adam.variables]

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return tf.where(labelled, uncertainty_weights(self._log_variances.value, self._halves), 0.0)

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        log_variances = self._log_variances.value
        step = self._adam.step(uncertainty_gradient(losses, log_variances, self._halves), labelled)
        self._log_variances.assign(tf.clip_by_value(log_variances + step, -self.bound, self.bound))
