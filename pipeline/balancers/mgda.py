"""Multiple gradient descent."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import cosines
from pipeline.balancers.simplex import best_weights, solve_on_faces
from pipeline.errors import ConfigError

NORMALIZERS = ("none", "l2", "loss", "loss+")


def mgda_weights(gram: tf.Tensor, labelled: tf.Tensor) -> tf.Tensor:
    """Return the weights (heads,), >= 0 with sum 1, of the shortest vector in the gradients' convex hull.

    The solution is exact: it has a closed form on each of the simplex's 2^k - 1 faces, and the shortest
    feasible one wins. Solving all faces as one batch is cheaper than Frank-Wolfe iterations for k <= 8.
    """
    matrix, norms, _ = cosines(gram, labelled)

    def squared_length(weights: tf.Tensor) -> tf.Tensor:
        scaled = weights * norms
        return tf.reduce_sum(tf.matmul(scaled, matrix) * scaled, axis=1)

    scaled = solve_on_faces(matrix, (1.0 / norms)[:, None])[:, :, 0]
    best = best_weights(scaled / norms, squared_length, labelled)
    return tf.where(labelled, tf.cast(best, tf.float32), 0.0)


@dataclass(kw_only=True, eq=False)
class MGDA(Balancer):
    """Takes the shortest common descent direction: min ‖Σ w_i g_i‖² over w >= 0, Σ w = 1.

    Désidéri 2012; Sener & Koltun 2018, arXiv:1810.04650. Their MGDA-UB (level "representation", the default)
    uses the gradients of the shared representation, so one backward pass through the trunk is enough; level
    "parameters" uses those of the parameters. d·g_i >= ‖d‖² for every head, and d = 0 only where no step
    improves all heads. The step mostly follows the head with the smallest gradient. The heads' own variables
    get their plain gradients.

    Args:
        normalize: divide each gradient first by nothing ("none"), its norm ("l2"), its loss ("loss") or both
            ("loss+").
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "representation"
    scale_private: bool = False
    normalize: str = "none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.normalize not in NORMALIZERS:
            raise ConfigError(
                "balancer.normalize",
                "there is no such normalisation",
                found=self.normalize,
                allowed=NORMALIZERS,
            )

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        norms = tf.sqrt(tf.linalg.diag_part(gram))
        scales = {"none": tf.ones_like(losses), "l2": norms, "loss": losses, "loss+": losses * norms}
        scale = tf.where(labelled, scales[self.normalize], 1.0)
        return mgda_weights(tf.math.divide_no_nan(gram, scale[:, None] * scale[None, :]), labelled)
