"""The gradient balance of impartial multi-task learning."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import NO_GRADIENT, cosines


def imtl_g_weights(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return weights (heads,) proportional to G⁻¹ √diag(G), with sum 1; some may be negative.

    A head without a gradient gets 0. If positive and negative weights nearly cancel, they are divided by 1 %
    of the sum of their absolute values instead, which bounds the step. The sign is chosen so that the step
    never increases a loss.
    """
    matrix, norms, _ = cosines(gram, labelled)
    moving = labelled & (norms > NO_GRADIENT)
    scaled = tf.linalg.solve(matrix, tf.cast(moving, tf.float64)[:, None])[:, 0]
    weights = tf.where(moving, scaled / norms, 0.0)
    total = tf.maximum(tf.abs(tf.reduce_sum(weights)), 0.01 * tf.reduce_sum(tf.abs(weights)))
    return tf.cast(tf.math.divide_no_nan(weights, total), tf.float32)


@dataclass(kw_only=True, eq=False)
class IMTLG(Balancer):
    """Takes the step with equal projections on all heads' gradients: d·g_i / ‖g_i‖ is the same for all i.

    Liu et al. 2021, "Towards impartial multi-task learning", ICLR; no arXiv id. As in the paper, gradients
    are those of the shared representation, and the heads' own variables get their plain gradients. With two
    heads w_i is proportional to 1 / ‖g_i‖.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "representation"
    scale_private: bool = False

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return imtl_g_weights(gram, labelled)
