"""Which head updates which branch: gradients on a fixed sample of training rows, once per epoch.

The gradients are computed without dropout and with the moving statistics of normalisation (`training=False`),
so that only the weights differ between epochs. Regularisation belongs to no head and is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline import flow_names
from pipeline.data.feed import Rows, Stream
from pipeline.insight.numbers import Flow, flow_numbers, zero_gradients
from pipeline.labels import labelled_rows
from pipeline.model import decode, encode
from pipeline.training.trainer import Trainer

Array = NDArray[Any]


class Probe:
    """Computes the gradients of a trainer's model on the probe after each epoch.

    Args:
        rows: the training rows; the probe is a random sample of them that depends only on the seed.
        number: size of the probe; smaller if there are fewer rows.
        batches: number of equal batches into which the probe is divided.
        by_part: see `Insight`.
        warn: called after the first epoch with a sentence for every head and branch without a gradient.
    """

    def __init__(
        self,
        trainer: Trainer,
        rows: Rows | Stream,
        *,
        number: int,
        batches: int,
        by_part: bool,
        seed: int = 0,
        warn: Callable[[str], None] = tqdm.write,
    ) -> None:
        self.trainer, self.by_part = trainer, by_part
        self.warn: Callable[[str], None] | None = warn
        self.heads, self.branches = list(trainer.losses), list(trainer.model.input)
        self.inputs, self.labels = draw_probe(rows, self.heads, number, batches, seed)
        layer_of = {id(v): layer.name for layer in trainer.model.layers for v in layer.trainable_variables}
        self.parts = [layer_of[id(variable)] for variable in trainer.variables]
        self.graph = tf.function(self._all_batches, autograph=False)
        self.remember()

    def remember(self) -> None:
        """Store the current weights, with which `updates` compares those after the next epoch."""
        self.before = [variable.numpy() for variable in self.trainer.variables]

    def gradients(self) -> Flow:
        """Compute the gradients at the current weights."""
        rows, products = self.graph(self.inputs, self.labels)
        return Flow(self.heads, self.branches, self.parts, rows.numpy(), products.numpy())

    def __call__(self, weights: Mapping[str, float]) -> dict[str, float]:
        """Return the metrics of the last epoch.

        Args:
            weights: head -> loss weight x balancer weight, mean over the epoch.
        """
        flow = self.gradients()
        if self.warn:
            for sentence in zero_gradients(flow, weights):
                self.warn(f"warning: {sentence}")
            self.warn = None
        metrics = flow_numbers(flow, weights, by_part=self.by_part) | self.updates()
        self.remember()
        return metrics

    def updates(self) -> dict[str, float]:
        """Return each part's relative change since `remember`: norm of the change / norm of the old weights.

        It is 0 for a frozen part.
        """
        squares = {layer.name: np.zeros(2) for layer in self.trainer.model.layers if layer.weights}
        for part, old, variable in zip(self.parts, self.before, self.trainer.variables, strict=True):
            squares[part] += np.sum((variable.numpy() - old) ** 2), np.sum(old**2)
        return {
            flow_names.update(part): float(np.sqrt(change / size)) if size else 0.0
            for part, (change, size) in squares.items()
        }

    def _all_batches(self, inputs: Any, labels: Any) -> Any:
        signature = tf.TensorSpec(None, tf.float32), tf.TensorSpec(None, tf.float32)
        return tf.map_fn(
            lambda batch: self._batch(*batch),
            (inputs, labels),
            fn_output_signature=signature,
            parallel_iterations=1,
        )

    def _batch(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
        trainer = self.trainer
        with tf.GradientTape(persistent=True) as tape:
            features = encode(trainer.model, inputs, training=False)
            # A frozen branch has no trainable variable, but its output has a gradient.
            tape.watch(list(features.values()))
            _, outputs = decode(trainer.model, features, self.heads, training=False)
            losses = trainer.training_losses(labels, outputs)
        sources = [*features.values(), *trainer.variables]
        scale = tf.cast(trainer.optimizer.scale_loss(1.0), tf.float32)
        by_head = [
            _zeros_for_none(tape.gradient(loss, sources, output_gradients=scale), sources) for loss in losses
        ]
        by_source = [tf.stack(gradients) / scale for gradients in zip(*by_head, strict=True)]
        row_norms = [
            tf.reduce_sum(tf.norm(tf.reshape(g, (len(self.heads), tf.shape(g)[1], -1)), axis=2), axis=1)
            for g in by_source[: len(features)]
        ]
        flat = [tf.reshape(g, (len(self.heads), -1)) for g in by_source[len(features) :]]
        products = [tf.matmul(g, g, transpose_b=True) for g in flat]
        return tf.stack(row_norms, axis=1), tf.stack(products)


def draw_probe(
    rows: Rows | Stream, heads: Sequence[str], number: int, batches: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Draw a random sample of rows in which every head has labels.

    The heads choose in turn, each a row that has a label for it.

    Returns:
        Inputs and labels by name, (batches, rows per batch, …) each.
    """
    labelled = [labelled_rows(np.asarray(rows.labels[name])) for name in heads]
    order = np.random.default_rng(seed).permutation(len(rows))
    candidates = [iter(order[mask[order]]) for mask in labelled if mask.any()]
    sample: dict[int, None] = {}
    while len(sample) < number:
        choices = [next((row for row in queue if int(row) not in sample), None) for queue in candidates]
        if all(row is None for row in choices):
            break
        sample |= {int(row): None for row in choices if row is not None}
    positions = np.array(list(sample))[:number]
    batches = max(1, min(batches, len(positions)))
    size = len(positions) // batches
    probe = rows.take(positions[: size * batches])
    inputs, labels = (
        {name: tf.reshape(values, (batches, size, *values.shape[1:])) for name, values in group.items()}
        for group in (probe.inputs, probe.labels)
    )
    return inputs, labels


def _zeros_for_none(gradients: Any, sources: Any) -> list[Any]:
    return [
        tf.cast(tf.zeros_like(source) if gradient is None else gradient, tf.float32)
        for gradient, source in zip(gradients, sources, strict=True)
    ]
