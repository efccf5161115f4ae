"""Random loss weighting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from pipeline.balancers.balancer import Balancer
from pipeline.balancers.draws import uniform_draws
from pipeline.balancers.softmax import labelled_softmax


@dataclass(kw_only=True, eq=False)
class RLW(Balancer):
    """Draws random weights in every step: w = k softmax(z), z ~ N(0, 1).

    Lin, Ye, Zhang & Tsang 2021, arXiv:2111.10603. In the paper the weights sum to 1; here they sum to the
    number of heads k, so that each is 1 on average and learning rates are comparable with `static`.
    """

    seed: int = 0

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        self._step = keras.Variable(0, trainable=False, dtype="int64", name="step")

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._step]

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        normal = tf.math.ndtri(uniform_draws(labelled.shape, self.seed, self._step.value))
        return labelled_softmax(normal, labelled) * tf.reduce_sum(tf.cast(labelled, tf.float32))

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        self._step.assign_add(1)
