"""Which head moves which branch: gradients on a fixed probe of training rows, once an epoch.

Gradients are taken without dropout and with the moving statistics of normalisation (`training=False`), so
that two epochs differ by their weights alone. Regularisation is no head's and is left out.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from pipeline import flow_names
from pipeline.data.feed import Rows, Stream
from pipeline.insight.numbers import Flow, flow_numbers, silent
from pipeline.labels import labelled_rows
from pipeline.model import decode, encode
from pipeline.training.trainer import Trainer

Array = NDArray[Any]


class Probe:
    """Looks at a trainer's model after each epoch.

    Args:
        rows: the training rows; the probe is drawn from them once, from the seed, the same for every run.
        number: rows of the probe; fewer where there are fewer.
        batches: equal parts of it.
        by_part: see `Insight`.
        say: told once, after the first epoch, of every head and branch that gets no gradient.
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
        say: Callable[[str], None] = tqdm.write,
    ) -> None:
        self.trainer, self.by_part, self.say = trainer, by_part, say
        self.warned = False
        self.heads, self.branches = list(trainer.losses), list(trainer.model.input)
        self.inputs, self.labels = drawn(rows, self.heads, number, batches, seed)
        owner = {id(v): layer.name for layer in trainer.model.layers for v in layer.trainable_variables}
        self.parts = [owner[id(variable)] for variable in trainer.variables]
        self.graph = tf.function(self._all_batches, autograph=False)
        self.remember()

    def remember(self) -> None:
        """Take the weights as they are for those from which the next epoch's change is counted."""
        self.before = [variable.numpy() for variable in self.trainer.variables]

    def look(self) -> Flow:
        """Take the gradients at the weights as they are."""
        rows, products = self.graph(self.inputs, self.labels)
        return Flow(self.heads, self.branches, self.parts, rows.numpy(), products.numpy())

    def __call__(self, weights: Mapping[str, float]) -> dict[str, float]:
        """The numbers of an epoch that has just ended.

        Args:
            weights: head -> the weight in force, loss weight x balancer, mean over the epoch.
        """
        flow = self.look()
        if not self.warned:
            for sentence in silent(flow, weights):
                self.say(f"warning: {sentence}")
        self.warned = True
        found = flow_numbers(flow, weights, by_part=self.by_part) | self.updates()
        self.remember()
        return found

    def updates(self) -> dict[str, float]:
        """Per part: norm of the change since `remember` / norm of the weights then; 0 for a frozen part."""
        squares = {layer.name: np.zeros(2) for layer in self.trainer.model.layers if layer.weights}
        for part, old, variable in zip(self.parts, self.before, self.trainer.variables, strict=True):
            squares[part] += np.sum((variable.numpy() - old) ** 2), np.sum(old**2)
        return {
            flow_names.update(part): float(np.sqrt(change / size)) if size else 0.0
            for part, (change, size) in squares.items()
        }

    def _all_batches(self, inputs: Any, labels: Any) -> Any:
        kinds = tf.TensorSpec(None, tf.float32), tf.TensorSpec(None, tf.float32)
        return tf.map_fn(
            lambda batch: self._batch(*batch),
            (inputs, labels),
            fn_output_signature=kinds,
            parallel_iterations=1,
        )

    def _batch(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
        trainer = self.trainer
        with tf.GradientTape(persistent=True) as tape:
            features = encode(trainer.model, inputs, training=False)
            # A frozen branch leads to no variable, but its output has a gradient.
            tape.watch(list(features.values()))
            _, outputs = decode(trainer.model, features, self.heads, training=False)
            losses = trainer.descended_losses(labels, outputs)
        sources = [*features.values(), *trainer.variables]
        scale = tf.cast(trainer.optimizer.scale_loss(1.0), tf.float32)
        by_head = [_known(tape.gradient(loss, sources, output_gradients=scale), sources) for loss in losses]
        by_source = [tf.stack(gradients) / scale for gradients in zip(*by_head, strict=True)]
        seen = [
            tf.reduce_sum(tf.norm(tf.reshape(g, (len(self.heads), tf.shape(g)[1], -1)), axis=2), axis=1)
            for g in by_source[: len(features)]
        ]
        flat = [tf.reshape(g, (len(self.heads), -1)) for g in by_source[len(features) :]]
        products = [tf.matmul(g, g, transpose_b=True) for g in flat]
        return tf.stack(seen, axis=1), tf.stack(products)


def drawn(
    rows: Rows | Stream, heads: Sequence[str], number: int, batches: int, seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and labels of some rows, (batches, rows, …) each; heads pick labelled ones in turn."""
    labelled = [labelled_rows(np.asarray(rows.labels[name])) for name in heads]
    order = np.random.default_rng(seed).permutation(len(rows))
    queues = [iter(order[there[order]]) for there in labelled if there.any()]
    taken: dict[int, None] = {}
    while len(taken) < number:
        picked = [next((row for row in queue if int(row) not in taken), None) for queue in queues]
        if all(row is None for row in picked):
            break
        taken |= {int(row): None for row in picked if row is not None}
    at = np.array(list(taken))[:number]
    each = len(at) // (batches := max(1, min(batches, len(at))))
    picked_rows = rows.take(at[: each * batches])
    inputs, labels = (
        {name: tf.reshape(values, (batches, each, *values.shape[1:])) for name, values in group.items()}
        for group in (picked_rows.inputs, picked_rows.labels)
    )
    return inputs, labels


def _known(gradients: Any, sources: Any) -> list[Any]:
    return [
        tf.cast(tf.zeros_like(source) if one is None else one, tf.float32)
        for one, source in zip(gradients, sources, strict=True)
    ]
