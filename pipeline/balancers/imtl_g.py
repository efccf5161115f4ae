"""Impartial multi-task learning, its balance of gradients."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import NO_GRADIENT, cosines


def imtl_g_weights(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Weights (heads,) of sum 1, some perhaps negative: w in proportion to G⁻¹ √diag(G).

    A head without a gradient gets 0. Where weights of either sign nearly cancel, their sum counts as a
    hundredth of the sum of their sizes, so that the step stays bounded, and it never points uphill.
    """
    matrix, norms, _ = cosines(gram, labelled)
    moving = labelled & (norms > NO_GRADIENT)
    scaled = tf.linalg.solve(matrix, tf.cast(moving, tf.float64)[:, None])[:, 0]
    weights = tf.where(moving, scaled / norms, 0.0)
    total = tf.maximum(tf.abs(tf.reduce_sum(weights)), 0.01 * tf.reduce_sum(tf.abs(weights)))
    return tf.cast(tf.math.divide_no_nan(weights, total), tf.float32)


@dataclass(kw_only=True, eq=False)
class IMTLG(Balancer):
    """A step with equal projections on all heads' gradients: d·g_i / ‖g_i‖ the same for all i.

    Liu et al. 2021, "Towards impartial multi-task learning", ICLR; no arXiv id. As there, the gradients
    are those of the shared representation, and the heads' own variables get their plain gradients. For two
    heads w_i is in proportion to 1 / ‖g_i‖.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "representation"
    scale_private: bool = False

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return imtl_g_weights(gram, labelled)
