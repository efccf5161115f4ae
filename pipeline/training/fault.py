"""What is known of a batch whose loss or gradient is not finite."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.data.feed import Rows
from pipeline.model import decode, encode
from pipeline.model.layer_names import branch_layer, head_layer, is_part


@dataclass(frozen=True)
class Fault:
    """A batch whose loss or gradient is not finite.

    Args:
        positions: its rows in the split.
        batch: prepared inputs and labels.
        losses: head -> training loss of the batch.
        gradients: part of the model -> norm of the gradient of its weights, by the unweighted losses.
        outputs: part of the model -> whether its output is finite.
        split: the split with the batch.
    """

    positions: NDArray[np.int_]
    batch: Rows
    losses: Mapping[str, float]
    gradients: Mapping[str, float]
    outputs: Mapping[str, bool]
    split: str = "train"

    @property
    def largest(self) -> str:
        """The part with the largest gradient, where NaN counts as infinity; of several such, the first."""
        return max(self.gradients, key=lambda part: _size(self.gradients[part]))

    def sentence(self) -> str:
        """Return what is not finite, and `details`."""
        losses = self.losses.items()
        heads = [f"the loss of head {head} is {loss}" for head, loss in losses if not math.isfinite(loss)]
        return ("; ".join(heads) or "a gradient is not finite, although every loss is") + self.details()

    def details(self) -> str:
        """Return further lines: the part with the largest gradient, and the first one with a bad output."""
        broken = [part for part, finite in self.outputs.items() if not finite]
        origin = f"\n  first output that is not finite: {broken[0]}" if broken else ""
        return f"\n  largest gradient: {self.largest} (norm {self.gradients[self.largest]:.3g}){origin}"


def find_fault(
    model: keras.Model,
    training_losses: Callable[[Any, Any], list[Any]],
    heads: list[str],
    batch: Rows,
    positions: NDArray[np.int_],
) -> Fault:
    """Run a batch again, without an update, to see what is not finite.

    Args:
        training_losses: (labels, outputs) -> one loss per head.
    """
    parts = [layer for layer in model.layers if is_part(layer.name) and layer.trainable_variables]
    variables = [layer.trainable_variables for layer in parts]
    with tf.GradientTape() as tape:
        features = encode(model, batch.inputs, training=True)
        representations, outputs = decode(model, features, heads, training=True)
        losses = training_losses(batch.labels, outputs)
    gradients = tape.gradient(losses, variables)
    values = {branch_layer(name): x for name, x in features.items()} | representations
    values |= {head_layer(name): x for name, x in outputs.items()}
    return Fault(
        positions,
        batch,
        {head: float(loss) for head, loss in zip(heads, losses, strict=True)},
        {
            layer.name: float(tf.linalg.global_norm([g for g in of_layer if g is not None]))
            for layer, of_layer in zip(parts, gradients, strict=True)
            if any(g is not None for g in of_layer)
        },
        {part: bool(np.isfinite(x.numpy()).all()) for part, x in values.items()},
    )


def all_finite(tensors: list[Any]) -> Any:
    """Return whether all of some tensors are finite; None stands for no tensor."""
    # Sums, because one operation for each tensor is cheaper than a mask of its size.
    sums = [tf.reduce_sum(getattr(x, "values", x)) for x in tensors if x is not None]
    return tf.reduce_all(tf.math.is_finite(tf.stack([tf.cast(x, tf.float32) for x in sums])))


def _size(norm: float) -> float:
    return math.inf if math.isnan(norm) else norm
