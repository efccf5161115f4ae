"""The best constant prediction: the baseline of a head's skill."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.training.head_loss import HeadLoss

Array = NDArray[Any]


def best_constant(loss: HeadLoss, labels: Array, width: int, activation: str | None = None) -> Array:
    """Return the raw output (width,) that has the smallest mean loss if every row gets it.

    L-BFGS minimises the loss itself, so this works for every differentiable loss: the result is the class
    shares for cross-entropy, the mean for squared error, and close to the median for absolute error.

    Args:
        labels: encoded labels of the training rows.
        activation: activation of the head's output; the search is over its input.
    """
    values, counts = _distinct(labels)
    row_counts = tf.constant(counts, tf.float32)
    activate = keras.activations.get(activation)

    @tf.function
    def mean_loss(inputs: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            cells, labelled = loss.cell_losses(values, tf.tile(activate(inputs)[None], (len(counts), 1)))
            weights = tf.where(labelled, row_counts[:, None], 0.0)
            value = tf.reduce_sum(weights * tf.where(labelled, cells, 0.0)) / tf.reduce_sum(weights)
        return value, tape.gradient(value, inputs)

    def loss_and_gradient(inputs: Array) -> tuple[float, Array]:
        value, gradient = mean_loss(tf.constant(inputs, tf.float32))
        return float(value), np.asarray(gradient, float)

    starts = [np.zeros(width)]
    if loss.kind == "number":
        # L-BFGS stops early at the kinks of absolute and pinball losses, whose optima are quantiles.
        quantiles = getattr(loss.loss, "quantiles", [0.5])
        starts.append(np.nanquantile(labels, quantiles, axis=0).T.reshape(-1))
    results = [
        minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        for start in starts
    ]
    best = min(results, key=lambda result: float(result.fun))
    return np.asarray(activate(tf.constant(best.x[None], tf.float32))[0])


def constant_loss(loss: HeadLoss, labels: Array, constant: Array) -> float | None:
    """Return the mean loss of a constant raw output over the labelled rows; None if no row has a label."""
    values, counts = _distinct(labels)
    outputs = tf.tile(tf.constant(constant[None], tf.float32), (len(counts), 1))
    cells, labelled = loss.cell_losses(values, outputs)
    weights = np.where(labelled, counts[:, None], 0)
    return float(np.sum(weights * np.where(labelled, cells, 0.0)) / weights.sum()) if weights.any() else None


def _distinct(labels: Array) -> tuple[Any, Array]:
    """Return the distinct labels and how often each occurs."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        # Much faster than along an axis.
        values, counts = np.unique(labels[:, 0], return_counts=True, equal_nan=False)
        return tf.constant(values[:, None]), counts
    values, counts = np.unique(labels, axis=0, return_counts=True, equal_nan=False)
    return tf.constant(values), counts
