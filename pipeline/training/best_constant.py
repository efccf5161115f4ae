"""The best constant prediction: the baseline of a head's skill."""

from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras.losses import SparseCategoricalCrossentropy
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from pipeline.data.files.stored import spans
from pipeline.labels import labelled_cells
from pipeline.training.head_loss import HeadLoss

Array = NDArray[Any]
MANY_CLASSES = 1000
SMALLEST_SHARE = 1e-7  # of a class that no training row has; as Keras bounds probabilities


def best_constant(
    loss: HeadLoss,
    labels: Array,
    width: int,
    activation: str | None = None,
    graphs: dict[Any, Any] | None = None,
) -> Array:
    """Return the raw output (width,) that has the smallest mean loss if every row gets it.

    L-BFGS minimises the loss itself, so this works for every differentiable loss: the result is the class
    shares for cross-entropy, the mean for squared error, and close to the median for absolute error. The
    search takes classes x classes of memory, so the shares of many classes are not searched for.

    Args:
        labels: encoded labels of the training rows.
        activation: activation of the head's output; the search is over its input.
        graphs: those of the heads before. Heads with the same loss share one, because tracing a graph takes
            longer than a search; it is added here.
    """
    if width > MANY_CLASSES and isinstance(loss.loss, SparseCategoricalCrossentropy):
        return _log_shares(labels, width, activation)
    values, counts = _distinct(labels)
    graphs = {} if graphs is None else graphs
    key = *_same_loss(loss), activation, width, values.dtype, tuple(values.shape[1:])
    if key not in graphs:
        graphs[key] = _mean_loss(loss, activation, width, values)
    mean_loss = graphs[key]
    row_counts = tf.constant(counts, tf.float32)

    def loss_and_gradient(inputs: Array) -> tuple[float, Array]:
        value, gradient = mean_loss(values, row_counts, tf.constant(inputs, tf.float32))
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
    activate = keras.activations.get(activation)
    return np.asarray(activate(tf.constant(best.x[None], tf.float32))[0])


def _mean_loss(loss: HeadLoss, activation: str | None, width: int, labels: Any) -> Any:
    """Return a graph: distinct labels, their numbers of rows, a constant -> its mean loss, the gradient."""
    activate = keras.activations.get(activation)
    specs = [
        tf.TensorSpec((None, *labels.shape[1:]), labels.dtype),
        tf.TensorSpec((None,), tf.float32),
        tf.TensorSpec((width,), tf.float32),
    ]

    @partial(tf.function, autograph=False, input_signature=specs)  # autograph takes a second
    def mean_loss(values: Any, row_counts: Any, inputs: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = tf.tile(activate(inputs)[None], (tf.size(row_counts), 1))
            cells, labelled = loss.cell_losses(values, outputs)
            weights = tf.where(labelled, row_counts[:, None], 0.0)
            value = tf.reduce_sum(weights * tf.where(labelled, cells, 0.0)) / tf.reduce_sum(weights)
        return value, tape.gradient(value, inputs)

    return mean_loss


def _same_loss(loss: HeadLoss) -> tuple[Any, ...]:
    """Return what two losses that compute the same have in common."""
    keras_loss = loss.loss
    if type(keras_loss).__module__.partition(".")[0] in ("keras", "pipeline"):
        # Its attributes, because Keras leaves some arguments out of a loss's config, such as Huber's delta.
        attributes = sorted((key, repr(value)) for key, value in vars(keras_loss).items())
        return type(keras_loss), tuple(attributes), loss.kind
    return keras_loss, loss.kind  # what another class keeps elsewhere is not known


def constant_loss(loss: HeadLoss, labels: Array, constant: Array) -> float | None:
    """Return the mean loss of a constant raw output over the labelled rows; None if no row has a label."""
    if (
        len(constant) > MANY_CLASSES
        and labels.ndim == 1
        and isinstance(loss.loss, SparseCategoricalCrossentropy)
    ):
        rows = np.bincount(labels[labelled_cells(labels)], minlength=len(constant))
        return float(rows @ _class_losses(loss.loss, constant) / rows.sum()) if rows.any() else None
    values, counts = _distinct(labels)
    parts = [
        loss.cell_losses(
            values[span], tf.tile(tf.constant(constant[None], tf.float32), (len(counts[span]), 1))
        )
        for span in spans(len(counts), constant.nbytes)
    ]
    cells, labelled = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    weights = np.where(labelled, counts[:, None], 0)
    return float(np.sum(weights * np.where(labelled, cells, 0.0)) / weights.sum()) if weights.any() else None


def _log_shares(labels: Array, width: int, activation: str | None) -> Array:
    """Return the output that gives each class its share of the labelled rows."""
    if labels.ndim == 1:
        counts = np.bincount(labels[labelled_cells(labels)], minlength=width)
    else:
        counts = np.nansum(labels, axis=0)
    logits = np.log(np.maximum(counts / counts.sum(), SMALLEST_SHARE)).astype(np.float32)
    return np.asarray(keras.activations.get(activation)(tf.constant(logits[None]))[0])


def _class_losses(loss: SparseCategoricalCrossentropy, constant: Array) -> Array:
    """Return the loss of a constant output for a row of each class."""
    if loss.from_logits:
        return np.asarray(logsumexp(constant) - constant, float)
    shares = np.clip(constant / constant.sum(), SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return np.asarray(-np.log(shares), float)


def _distinct(labels: Array) -> tuple[Any, Array]:
    """Return the distinct labels and how often each occurs."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        # Much faster than along an axis.
        values, counts = np.unique(labels[:, 0], return_counts=True, equal_nan=False)
        return tf.constant(values[:, None]), counts
    values, counts = np.unique(labels, axis=0, return_counts=True, equal_nan=False)
    return tf.constant(values), counts
