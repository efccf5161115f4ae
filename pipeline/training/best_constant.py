"""The best constant prediction: what a head reaches that looks at no input. Skill is measured against it."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize

from pipeline.training.head_loss import HeadLoss

Array = NDArray[Any]


def best_constant(loss: HeadLoss, labels: Array, width: int, activation: str | None = None) -> Array:
    """The raw output (width,) that, given for every row, has the smallest mean loss over the labelled rows.

    Found by L-BFGS on the loss itself, so it holds for any differentiable loss: class shares for
    cross-entropy, the mean for squared error, close to the median for absolute error.

    Args:
        labels: encoded labels of the training rows; identical ones are counted, not repeated.
        activation: of the head's output; the constant is searched below it.
    """
    values, counts = _counted(labels)
    weight = tf.constant(counts, tf.float32)
    squash = keras.activations.get(activation)

    @tf.function
    def mean_loss(below: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(below)
            cells, there = loss.cells(values, tf.tile(squash(below)[None], (len(counts), 1)))
            shares = tf.where(there, weight[:, None], 0.0)
            value = tf.reduce_sum(shares * tf.where(there, cells, 0.0)) / tf.reduce_sum(shares)
        return value, tape.gradient(value, below)

    def loss_and_gradient(below: Array) -> tuple[float, Array]:
        value, gradient = mean_loss(tf.constant(below, tf.float32))
        return float(value), np.asarray(gradient, float)

    starts = [np.zeros(width)]
    if loss.kind == "number":
        # Losses with kinks stop L-BFGS early: the median, or the quantiles asked for, is their answer.
        shares = getattr(loss.loss, "quantiles", [0.5])
        starts.append(np.nanquantile(labels, shares, axis=0).T.reshape(-1))
    found = [
        minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
        for start in starts
    ]
    best = min(found, key=lambda one: float(one.fun))
    return np.asarray(squash(tf.constant(best.x[None], tf.float32)))[0]


def constant_loss(loss: HeadLoss, labels: Array, constant: Array) -> float | None:
    """Mean loss of a constant raw output over the labelled rows; None without any."""
    values, counts = _counted(labels)
    cells, there = loss.cells(values, tf.tile(tf.constant(constant[None], tf.float32), (len(counts), 1)))
    shares = np.where(there, counts[:, None], 0)
    return float(np.sum(shares * np.where(there, cells, 0.0)) / shares.sum()) if shares.any() else None


def _counted(labels: Array) -> tuple[Any, Array]:
    values, counts = np.unique(labels, axis=0, return_counts=True, equal_nan=False)
    return tf.constant(values), counts
