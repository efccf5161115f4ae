"""The loss weights alone."""

from dataclasses import dataclass

import tensorflow as tf

from pipeline.balancers.balancer import Balancer


@dataclass(kw_only=True, eq=False)
class Static(Balancer):
    """Every head as its loss weight says: w_i = 1.

    The baseline that others must beat; tuned, it seldom is beaten (Kurin et al. 2022, arXiv:2201.04122;
    Xin et al. 2022, arXiv:2209.11379).
    """

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return tf.cast(labelled, tf.float32)
