"""Conflict-averse gradient descent."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import NO_GRADIENT, cosines
from pipeline.balancers.simplex import best_weights, solve_on_faces
from pipeline.errors import ConfigError


def cagrad_weights(gram: tf.Tensor, labelled: tf.Tensor, c: float, rescale: int) -> tf.Tensor:
    """Weights (heads,) of d = g_0 + c ‖g_0‖ g_w / ‖g_w‖, w the minimum of g_w·g_0 + c ‖g_0‖ ‖g_w‖.

    w >= 0, Σ w = 1; exact. On a face the minimum has w in proportion to μ x - y, with x and y the
    solutions of G x = 1 and G y = G p there and μ the root of a quadratic; the least of all faces is
    taken. Where the hull holds 0 the length has no derivative, hence the shortest vector of each face is a
    candidate as well.
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
    found = best_weights(directions, objective, labelled)[None]
    # Shorter than a thousandth of its parts, g_w is the rounding of gradients in float32.
    reached = tf.maximum(length(found), 1e-3 * tf.reduce_sum(found * norms))
    pull = tf.where(reached > 10 * NO_GRADIENT, tf.math.divide_no_nan(radius, reached), 0.0)
    scale = (1.0, 1 + c**2, 1 + c)[rescale]
    return tf.where(labelled, tf.cast((mean + pull * found[0]) / scale, tf.float32), 0.0)


def face_minima(matrix: tf.Tensor, norms: tf.Tensor, towards: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Directions (2 x faces, heads) of the weights at each face's stationary and shortest point."""
    ones = 1.0 / norms
    solved = solve_on_faces(matrix, tf.stack([ones, towards], axis=1))
    shortest, pulled = solved[:, :, 0], solved[:, :, 1]
    a = tf.linalg.matvec(shortest, ones)
    b = tf.linalg.matvec(pulled, ones)
    discriminant = b**2 - a * (tf.linalg.matvec(pulled, towards) - radius**2)
    # NaN on a face without a stationary point, which drops it from the candidates.
    stationary = ((b + tf.sqrt(discriminant)) / a)[:, None] * shortest - pulled
    return tf.concat([stationary, shortest], axis=0) / norms


@dataclass(kw_only=True, eq=False)
class CAGrad(Balancer):
    """Of the steps near the mean gradient, the one that helps the worst-served head most.

    Liu, Liu, Jin, Stone & Liu 2021, arXiv:2110.14048: max over ‖d - g_0‖ <= c ‖g_0‖ of min_i g_i·d, solved
    through its dual. With c < 1 it converges to a minimum of the mean loss, here of Σ λ_i L_i: the
    gradients carry the loss weights. The paper's gradients are the parameters'; level "representation" is
    a cheaper variant "on features".

    Args:
        c: radius, in [0, 1); 0 is the plain mean.
        rescale: divide d by nothing (0), by 1 + c² (1), by 1 + c (2), as the authors' code.
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
            raise ConfigError("balancer.c", "out of range", found=self.c, allowed="0 <= c < 1")
        if self.rescale not in (0, 1, 2):
            raise ConfigError("balancer.rescale", "no such way", found=self.rescale, allowed=(0, 1, 2))

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        if labelled.shape[0] == 1:
            return tf.cast(labelled, tf.float32)
        return cagrad_weights(gram, labelled, self.c, self.rescale)
