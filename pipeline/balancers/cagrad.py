"""Conflict-averse gradient descent."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import NO_GRADIENT, cosines
from pipeline.balancers.simplex import best_weights, solve_on_faces
from pipeline.errors import ConfigError


def cagrad_weights(gram: tf.Tensor, labelled: tf.Tensor, c: float, rescale: int) -> tf.Tensor:
    """Return the weights (heads,) of d = g_0 + c ‖g_0‖ g_w / ‖g_w‖.

    w minimises g_w·g_0 + c ‖g_0‖ ‖g_w‖ over w >= 0, Σ w = 1. The solution is exact: on each face of the
    simplex the minimum is proportional to μ x - y, where x and y solve G x = 1 and G y = G p and μ is the
    root of a quadratic; the best face wins. If the hull contains 0, ‖g_w‖ has no derivative there, so the
    shortest vector of each face is a candidate too.
    """
    matrix, norms, _ = cosines(gram, labelled)
    number = tf.maximum(tf.reduce_sum(tf.cast(labelled, tf.float64)), 1.0)
    mean = tf.where(labelled, 1.0 / number, tf.constant(0.0, tf.float64))
    towards = tf.linalg.matvec(matrix, mean * norms)  # g_0·g_i / ‖g_i‖
    radius = c * tf.sqrt(tf.maximum(tf.reduce_sum(towards * mean * norms), 0.0))

    def length(weights: tf.Tensor) -> tf.Tensor:
        scaled = weights * norms
        return tf.sqrt(tf.maximum(tf.reduce_sum(tf.matmul(scaled, matrix) * scaled, axis=-1), 0.0))

    def objective(weights: tf.Tensor) -> tf.Tensor:
        return tf.linalg.matvec(weights, norms * towards) + radius * length(weights)

    directions = face_minima(matrix, norms, towards, radius)
    best = best_weights(directions, objective, labelled)[None]
    # A g_w shorter than a thousandth of its summands consists of float32 rounding errors.
    reached = tf.maximum(length(best), 1e-3 * tf.reduce_sum(best * norms))
    pull = tf.where(reached > 10 * NO_GRADIENT, tf.math.divide_no_nan(radius, reached), 0.0)
    scale = (1.0, 1 + c**2, 1 + c)[rescale]
    return tf.where(labelled, tf.cast((mean + pull * best[0]) / scale, tf.float32), 0.0)


def face_minima(matrix: tf.Tensor, norms: tf.Tensor, towards: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Return the weights' directions (2 x faces, heads) at each face's stationary and shortest point."""
    ones = 1.0 / norms
    solved = solve_on_faces(matrix, tf.stack([ones, towards], axis=1))
    shortest, pulled = solved[:, :, 0], solved[:, :, 1]
    a = tf.linalg.matvec(shortest, ones)
    b = tf.linalg.matvec(pulled, ones)
    discriminant = b**2 - a * (tf.linalg.matvec(pulled, towards) - radius**2)
    # A face without a stationary point gives NaN, which `best_weights` leaves out.
    stationary = ((b + tf.sqrt(discriminant)) / a)[:, None] * shortest - pulled
    return tf.concat([stationary, shortest], axis=0) / norms


@dataclass(kw_only=True, eq=False)
class CAGrad(Balancer):
    """Takes the step close to the mean gradient that improves the worst-off head most.

    Liu, Liu, Jin, Stone & Liu 2021, arXiv:2110.14048: maximises min_i g_i·d over ‖d - g_0‖ <= c ‖g_0‖, solved
    through the dual problem. With c < 1 it converges to a minimum of the mean loss; here of Σ λ_i L_i,
    because the gradients include the loss weights. The paper uses the gradients of the parameters; level
    "representation" is a cheaper variant on the features.

    Args:
        c: radius, in [0, 1); 0 is the plain mean.
        rescale: divide d by 1 (0), 1 + c² (1) or 1 + c (2), as in the authors' code.
    """

    needs: ClassVar[Needs] = "gram"
    weighted: ClassVar[bool] = True
    level: str = "parameters"
    scale_private: bool = False
    c: float = 0.4
    rescale: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.c < 1:
            raise ConfigError("balancer.c", "the radius is out of range", found=self.c, allowed="0 <= c < 1")
        if self.rescale not in (0, 1, 2):
            raise ConfigError(
                "balancer.rescale", "there is no such rescaling", found=self.rescale, allowed=(0, 1, 2)
            )

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        if labelled.shape[0] == 1:
            return tf.cast(labelled, tf.float32)
        return cagrad_weights(gram, labelled, self.c, self.rescale)
