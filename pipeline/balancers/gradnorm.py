"""Gradient normalization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from pipeline.balancers.adam import HeadwiseAdam
from pipeline.balancers.balancer import Balancer, Needs, per_head


def gradnorm_gradient(
    weights: tf.Tensor, norms: tf.Tensor, ratios: tf.Tensor, labelled: tf.Tensor, alpha: float
) -> tf.Tensor:
    """Return the derivative of Σ |w_i n_i - target_i| with respect to w; all arguments are (heads,).

    The targets are constants: target_i = mean_j(w_j n_j) r_i^α, r_i = ratio_i / mean_j(ratio_j), with means
    over the labelled heads. So the derivative is sign(w_i n_i - target_i) n_i, without second derivatives of
    the losses.
    """
    number = tf.maximum(tf.reduce_sum(tf.cast(labelled, tf.float32)), 1.0)
    norms = tf.where(labelled, norms, 0.0)
    ratios = tf.where(labelled, ratios, 0.0)
    rates = tf.math.divide_no_nan(ratios * number, tf.reduce_sum(ratios))
    targets = tf.reduce_sum(weights * norms) / number * rates**alpha
    return tf.sign(weights * norms - targets) * norms


def keep_sum(old: tf.Tensor, new: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Scale the labelled entries of `new` to their sum in `old`; take the others from `old`."""
    mask = tf.cast(labelled, tf.float32)
    scale = tf.math.divide_no_nan(tf.reduce_sum(old * mask), tf.reduce_sum(new * mask))
    return tf.where(labelled, new * scale, old)


@dataclass(kw_only=True, eq=False)
class GradNorm(Balancer):
    """Learns weights that make the heads' gradients equally large, and larger for heads that learn slowly.

    Chen, Badrinarayanan, Lee & Rabinovich 2018, arXiv:1711.02257: minimises Σ |w_i n_i - mean(w n) r_i^α|
    over w by its own Adam, where n_i is the norm of ∇L_i on the last shared layer and r_i is L_i / L_i(0)
    over its mean; then scales to Σ w = k. Losses and norms are without loss weights, which the method would
    undo.

    Args:
        alpha: how strongly slow heads are favoured; 0 only equalises the norms.
        learning_rate: learning rate of w.
        minimum: lower bound of w.
        initial_losses: head -> L_i(0), such as log(classes) for a class head; by default the head's loss in
            the first step with labels for it, which is noisy.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "last_shared"
    alpha: float = 1.5
    learning_rate: float = 0.025
    minimum: float = 1e-3
    initial_losses: Mapping[str, float] = field(default_factory=dict)

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        initial = per_head("balancer.initial_losses", self.initial_losses, heads, float("nan"))
        self._weights = keras.Variable(
            np.ones(len(heads), "float32"), trainable=False, dtype="float32", name="weights"
        )
        self._initial = keras.Variable(
            np.array(initial, "float32"), trainable=False, dtype="float32", name="initial_losses"
        )
        self._adam = HeadwiseAdam(len(heads), self.learning_rate)

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._weights, self._initial, *self._adam.variables]

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return tf.where(labelled, self._weights.value, 0.0)

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        initial, weights = self._initial.value, self._weights.value
        initial = tf.where(labelled & tf.math.is_nan(initial), losses, initial)
        self._initial.assign(initial)
        ratios = tf.math.divide_no_nan(losses, initial)
        gradient = gradnorm_gradient(
            weights, tf.sqrt(tf.linalg.diag_part(gram)), ratios, labelled, self.alpha
        )
        stepped = tf.maximum(weights + self._adam.step(gradient, labelled), self.minimum)
        self._weights.assign(keep_sum(weights, stepped, labelled))
