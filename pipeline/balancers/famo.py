"""Fast adaptive multitask optimization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from pipeline.balancers.adam import HeadwiseAdam
from pipeline.balancers.balancer import Balancer, per_head
from pipeline.balancers.softmax import labelled_softmax


def famo_weights(losses: tf.Tensor, logits: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return c z_i / L_i with z = softmax(logits) and c such that they sum to 1; losses must be > 0."""
    weights = labelled_softmax(logits, labelled) / losses
    return tf.math.divide_no_nan(weights, tf.reduce_sum(weights))


def famo_gradient(
    losses: tf.Tensor, losses_after: tf.Tensor, logits: tf.Tensor, labelled: tf.Tensor
) -> tf.Tensor:
    """Return the Jacobian of the softmax at the logits times δ = log L(before) - log L(after)."""
    shares = labelled_softmax(logits, labelled)
    change = tf.where(labelled, tf.math.log(losses) - tf.math.log(losses_after), 0.0)
    return shares * (change - tf.reduce_sum(shares * change))


@dataclass(kw_only=True, eq=False)
class FAMO(Balancer):
    """Learns weights with which all heads improve at the same relative rate.

    Liu, Feng, Stone & Liu 2023, arXiv:2306.03792: with D_i = L_i - minimum_i + 1e-8 and z = softmax(ξ) the
    step minimises Σ c z_i log D_i, c = 1 / Σ z_i / D_i, so w_i = c z_i / D_i, and these sum to 1. Then ξ
    takes an Adam step on J_softmaxᵀ δ + γ ξ, δ_i = log D_i(before) - log D_i(after), which costs one more
    forward pass on the same batch. Losses are without loss weights, which would cancel in δ.

    Args:
        learning_rate: learning rate of ξ.
        decay: γ, to which results are sensitive; 0: no decay, larger values pull towards equal z.
        minimum_losses: head -> a lower bound of its loss, 0 by default; below it D_i is 1e-8.
    """

    needs_losses_after: ClassVar[bool] = True
    learning_rate: float = 0.025
    decay: float = 0.001
    minimum_losses: Mapping[str, float] = field(default_factory=dict)

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._minimum = tf.constant(per_head("balancer.minimum_losses", self.minimum_losses, heads, 0.0))
        self._logits = keras.Variable(
            np.zeros(len(heads), "float32"), trainable=False, dtype="float32", name="logits"
        )
        self._adam = HeadwiseAdam(len(heads), self.learning_rate)

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._logits, *self._adam.variables]

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return famo_weights(self._above(losses, labelled), self._logits.value, labelled)

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        logits = self._logits.value
        before, after = self._above(losses, labelled), self._above(losses_after, labelled)
        gradient = famo_gradient(before, after, logits, labelled) + self.decay * logits
        self._logits.assign_add(self._adam.step(gradient, labelled))

    def _above(self, losses: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
        above = tf.maximum(losses - self._minimum, 0.0) + 1e-8
        return tf.where(labelled, above, 1.0)
