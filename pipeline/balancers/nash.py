"""Nash bargaining between the heads."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import NO_GRADIENT, cosines, positive_definite

MAXIMUM_STEPS = 30  # usually at most 10 are needed, and more than 15 only if gradients nearly cancel


def nash_weights(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return the weights (heads,) > 0 with G w = 1 / w; 1 for a head without a gradient."""
    matrix, norms, largest = cosines(gram, labelled)
    moving = labelled & (norms > NO_GRADIENT)
    scaled = bargain(positive_definite(matrix)) / (norms * largest)
    return tf.where(labelled, tf.where(moving, tf.cast(scaled, tf.float32), 1.0), 0.0)


def bargain(matrix: tf.Tensor) -> tf.Tensor:
    """Solve C u = 1 / u for u > 0, (heads,): the minimum of ½ uᵀ C u - Σ log u, which is self-concordant.

    Newton steps of length 1 / (1 + decrement) keep u > 0 from any start. Before each step u is scaled to
    uᵀ C u = k, as at the solution; without this, opposed gradients need three times as many steps.
    """
    heads = matrix.shape[0]

    def stretch(u: tf.Tensor) -> tf.Tensor:
        return u * tf.sqrt(heads / tf.reduce_sum(u * tf.linalg.matvec(matrix, u)))

    def step(u: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        u = stretch(u)
        gradient = tf.linalg.matvec(matrix, u) - 1.0 / u
        hessian = tf.linalg.set_diag(matrix, tf.linalg.diag_part(matrix) + 1.0 / u**2)
        change = tf.linalg.solve(hessian, gradient[:, None])[:, 0]
        decrement = tf.sqrt(tf.reduce_sum(gradient * change))
        return u - change * tf.where(
            decrement < 0.25, tf.ones_like(decrement), 1.0 / (1.0 + decrement)
        ), decrement

    start = tf.ones(heads, tf.float64), tf.constant(1.0, tf.float64)
    solution, _ = tf.while_loop(
        lambda _, decrement: decrement > 1e-5, step, start, maximum_iterations=MAXIMUM_STEPS
    )
    return solution


@dataclass(kw_only=True, eq=False)
class Nash(Balancer):
    """Takes the Nash bargaining solution: max Σ log(d·g_i) over ‖d‖ <= ε, so d = Σ w_i g_i with G w = 1 / w.

    Navon et al. 2022, arXiv:2202.01017. ‖d‖² = k whatever the size of the gradients, so the gradients must
    not contain a loss scale. Newton's method solves the problem to convergence in every step; the authors
    approximate it by a sequence of convex programs. Their clipping of ‖d‖ to 1 is left to the optimizer.
    Opposed gradients (cosine near -1) make weights large, at most about 1000 / ‖g_i‖. As in the authors' code
    the heads' own variables are weighted too. The paper uses the gradients of the parameters; level
    "representation" is a cheaper variant on the features.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "parameters"
    scale_private: bool = True

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        if labelled.shape[0] == 1:
            return tf.cast(labelled, tf.float32)
        return nash_weights(gram, labelled)
