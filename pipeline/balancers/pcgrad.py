"""Projecting conflicting gradients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import keras
import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.draws import uniform_draws
from pipeline.errors import ConfigError

REDUCTIONS = ("sum", "mean")


def pcgrad_weights(gram: tf.Tensor, labelled: tf.Tensor, order: tf.Tensor) -> tf.Tensor:
    """Return the weights (heads,) of the sum of all heads' projected gradients.

    Row i of `parts` holds head i's projected gradient as a combination of the original gradients, and row i
    of `products` its inner products with them. Each step of the loop projects all rows, each on the next head
    in its own order.

    Args:
        gram: (heads, heads).
        labelled: (heads,) bool.
        order: (heads, heads) int; row i is the order in which head i is projected on the others. The head
            itself is skipped.
    """
    heads = gram.shape[0]
    both = labelled[:, None] & labelled[None, :]
    products = gram = tf.where(both & tf.math.is_finite(gram), gram, 0.0)
    squares = tf.linalg.diag_part(gram)
    parts = tf.eye(heads)
    apart = 1.0 - tf.eye(heads)
    for step in range(heads):
        other = order[:, step]
        chosen = tf.one_hot(other, heads)
        overlap = tf.minimum(tf.reduce_sum(products * chosen * apart, axis=1), 0.0)
        excess = tf.math.divide_no_nan(overlap, tf.gather(squares, other))[:, None]
        parts -= excess * chosen
        products -= excess * tf.gather(gram, other)
    return tf.where(labelled, tf.reduce_sum(parts, axis=0), 0.0)


@dataclass(kw_only=True, eq=False)
class PCGrad(Balancer):
    """Removes from each head's gradient the part that conflicts with other heads, then sums all gradients.

    Yu et al. 2020, arXiv:2001.06782: for each i, for j != i in random order, if g_i^PC·g_j < 0 then g_i^PC
    -= its projection on the original g_j; d = Σ g_i^PC. Without conflicts it is the plain sum. Loss weights
    multiply the gradients before the projection, which is the same as multiplying the projected ones. The
    heads' own variables get plain gradients. The paper uses the gradients of all shared parameters as one
    vector; level "representation" is a cheaper variant on the features.

    Args:
        reduction: "sum", or "mean" over the labelled heads as in some of the authors' code.
        seed: seed of the random orders.
    """

    needs: ClassVar[Needs] = "gram"
    weighted: ClassVar[bool] = True
    level: str = "parameters"
    scale_private: bool = False
    reduction: str = "sum"
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction not in REDUCTIONS:
            raise ConfigError(
                "balancer.reduction", "there is no such reduction", found=self.reduction, allowed=REDUCTIONS
            )

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._step = keras.Variable(0, trainable=False, dtype="int64", name="step")

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._step]

    def order(self, heads: int) -> tf.Tensor:
        """Return random orders (heads, heads) for this step, one per row."""
        return tf.argsort(uniform_draws([heads, heads], self.seed, self._step.value), axis=1)

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        weights = pcgrad_weights(gram, labelled, self.order(labelled.shape[0]))
        if self.reduction == "mean":
            weights = tf.math.divide_no_nan(weights, tf.reduce_sum(tf.cast(labelled, tf.float32)))
        return weights

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        self._step.assign_add(1)
