"""Aligned multi-task learning."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import among
from pipeline.errors import ConfigError

SCALES = ("min", "rmse")
TOLERANCE = 1.2e-7  # times heads and the largest eigenvalue, as the authors: float32 rounds at this


def aligned_matrix(gram: tf.Tensor, scale: str = "min") -> tf.Tensor:
    """B = σ V Λ^(-1/2) Vᵀ (heads, heads), float64, for G = V Λ Vᵀ: all singular values of B J are σ.

    σ is the least singular value of J ("min") or the root mean square of all ("rmse"), those at rounding's
    level left out.
    """
    values, vectors = tf.linalg.eigh(gram)
    kept = values > TOLERANCE * gram.shape[0] * values[-1]
    least = tf.reduce_min(tf.where(kept, values, values[-1]))
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(kept, values, 0.0)), tf.reduce_sum(tf.cast(kept, tf.float64))
    )
    sigma = tf.sqrt(tf.maximum({"min": least, "rmse": mean}[scale], 0.0))
    stretch = tf.where(kept, sigma / tf.sqrt(tf.where(kept, values, 1.0)), 0.0)
    return tf.matmul(vectors * stretch, vectors, transpose_b=True)


def aligned_weights(gram: tf.Tensor, labelled: tf.Tensor, scale: str = "min") -> tf.Tensor:
    """B p (heads,), p = 1 / number of labelled heads."""
    mask = tf.cast(labelled, tf.float64)
    mean = tf.math.divide_no_nan(mask, tf.reduce_sum(mask))
    weights = tf.linalg.matvec(aligned_matrix(among(gram, labelled), scale), mean)
    return tf.where(labelled, tf.cast(weights, tf.float32), 0.0)


@dataclass(kw_only=True, eq=False)
class Aligned(Balancer):
    """The heads' gradients made orthogonal and of one length, changed as little as possible, then averaged.

    Senushkin, Patakin, Kuznetsov & Konushin 2023, arXiv:2305.19000: Aligned-MTL-UB with the gradients of
    the shared representation (the default), Aligned-MTL with level "parameters". The update is as small as
    the smallest singular value when gradients nearly depend on each other.

    Args:
        scale: the common length: "min" the smallest singular value, as the paper; "rmse" their root mean
            square.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "representation"
    scale_private: bool = False
    scale: str = "min"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in SCALES:
            raise ConfigError("balancer.scale", "no such scale", found=self.scale, allowed=SCALES)

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return aligned_weights(gram, labelled, self.scale)
