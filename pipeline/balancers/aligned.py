"""Aligned multi-task learning."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from pipeline.balancers.balancer import Balancer, Needs
from pipeline.balancers.gram import labelled_products
from pipeline.errors import ConfigError

SCALES = ("min", "rmse")
TOLERANCE = 1.2e-7  # relative to heads x the largest eigenvalue, as in the authors' code: float32 rounding


def aligned_matrix(gram: tf.Tensor, scale: str = "min") -> tf.Tensor:
    """Return B = σ V Λ^(-1/2) Vᵀ (heads, heads), float64, for G = V Λ Vᵀ: all singular values of B J are σ.

    σ is the smallest singular value of J ("min") or the root mean square of all ("rmse"), without those that
    are only rounding errors.
    """
    values, vectors = tf.linalg.eigh(gram)
    significant = values > TOLERANCE * gram.shape[0] * values[-1]
    least = tf.reduce_min(tf.where(significant, values, values[-1]))
    mean = tf.math.divide_no_nan(
        tf.reduce_sum(tf.where(significant, values, 0.0)), tf.reduce_sum(tf.cast(significant, tf.float64))
    )
    sigma = tf.sqrt(tf.maximum({"min": least, "rmse": mean}[scale], 0.0))
    stretch = tf.where(significant, sigma / tf.sqrt(tf.where(significant, values, 1.0)), 0.0)
    return tf.matmul(vectors * stretch, vectors, transpose_b=True)


def aligned_weights(gram: tf.Tensor, labelled: tf.Tensor, scale: str = "min") -> tf.Tensor:
    """Return the weights B p (heads,) with p = 1 / number of labelled heads."""
    mask = tf.cast(labelled, tf.float64)
    mean = tf.math.divide_no_nan(mask, tf.reduce_sum(mask))
    weights = tf.linalg.matvec(aligned_matrix(labelled_products(gram, labelled), scale), mean)
    return tf.where(labelled, tf.cast(weights, tf.float32), 0.0)


@dataclass(kw_only=True, eq=False)
class Aligned(Balancer):
    """Makes the heads' gradients orthogonal and equally long with the smallest change, then averages them.

    Senushkin, Patakin, Kuznetsov & Konushin 2023, arXiv:2305.19000: Aligned-MTL-UB with level
    "representation" (the default), Aligned-MTL with level "parameters". The step becomes very small when the
    gradients are nearly linearly dependent.

    Args:
        scale: the common length: "min", the smallest singular value, as in the paper; "rmse", the root mean
            square of all.
    """

    needs: ClassVar[Needs] = "gram"
    level: str = "representation"
    scale_private: bool = False
    scale: str = "min"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale not in SCALES:
            raise ConfigError("balancer.scale", "there is no such scale", found=self.scale, allowed=SCALES)

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        return aligned_weights(gram, labelled, self.scale)
