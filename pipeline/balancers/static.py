"""Only the loss weights."""

from dataclasses import dataclass

import tensorflow as tf

from pipeline.balancers.balancer import Balancer


@dataclass(kw_only=True, eq=False)
class Static(Balancer):
    """Trains with the loss weights alone: w_i = 1.

    The baseline for all other methods; with tuned loss weights it is rarely beaten (Kurin et al. 2022,
    arXiv:2201.04122; Xin et al. 2022, arXiv:2209.11379).
    """

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return tf.cast(labelled, tf.float32)
