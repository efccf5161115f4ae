"""Applies a Keras loss to one head and ignores missing labels.

Every head has two losses. The logged loss is the plain mean over its labelled cells, in every split. The
training loss, of which gradients are taken, multiplies every cell by its class's factor and its row's weight;
without these both losses are the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from keras.losses import CategoricalCrossentropy, Loss, SparseCategoricalCrossentropy
from numpy.typing import NDArray

from pipeline.data.files.stored import spans


@dataclass(frozen=True, kw_only=True)
class HeadLoss:
    """A Keras loss over one head's labelled cells.

    A cell is a row of a category head, or one column of a row of any other head. The losses of other heads
    get labels (rows, columns, 1) and outputs (rows, columns, outputs per column); only quantile heads have
    more than one output per column.

    Args:
        loss: its weighting and reduction are not used, because the cells are averaged here.
        kind: kind of the target: category, number, binary or labels.
        complete: True if no row lacks a label, so that masks can be skipped.
        factors: class factors in the training loss: (classes,), or (columns, 2) for no and yes of each
            column; None for none.
    """

    loss: Loss
    kind: str
    complete: bool = False
    factors: NDArray[np.float32] | None = None

    def cell_losses(self, labels: Any, output: Any) -> tuple[Any, Any]:
        """Return the loss of every cell and whether the cell is labelled, both (rows, 1) or (rows, columns).

        Args:
            labels: codes (rows,), -1 where missing, or floats (rows, columns), NaN where missing. Losses that
                take distributions get codes as such, and sparse cross-entropy takes distributions.
            output: the head's raw output, (rows, width).
        """
        if labels.dtype.is_integer:
            labelled, labels = labels >= 0, tf.maximum(labels, 0)
            if "Sparse" not in type(self.loss).__name__:
                labels = tf.one_hot(labels, output.shape[-1])
        else:
            labelled = tf.logical_not(tf.math.is_nan(labels))
            labels = tf.where(labelled, labels, 0.0)
        if self.kind == "category":
            labelled = labelled if labelled.shape.rank == 1 else tf.reduce_all(labelled, axis=1)
            loss = self.loss if labels.shape.rank == 1 else _for_distributions(self.loss)
            return loss.call(labels, output)[:, None], labelled[:, None]
        # Keras losses average over the last axis, so the outputs of one column get an axis of their own.
        columns = labels.shape[-1]
        output = tf.reshape(output, (-1, columns, output.shape[-1] // columns))
        return self.loss.call(labels[..., None], output), labelled

    def __call__(self, labels: Any, output: Any) -> tuple[Any, Any]:
        """Return the logged loss and the number of labelled cells, both float32 scalars.

        Without any label the loss and its gradient are 0.
        """
        cells, labelled = self.cell_losses(labels, output)
        if self.complete:
            return tf.reduce_mean(cells), tf.cast(tf.size(cells), tf.float32)
        count = tf.reduce_sum(tf.cast(labelled, tf.float32))
        total = tf.reduce_sum(tf.where(labelled, cells, 0.0))
        return total / tf.maximum(count, 1.0), count

    def training_loss(self, labels: Any, output: Any, weights: Any = None) -> Any:
        """Return the training loss: the weighted sum over the labelled cells, divided by their number.

        Keras, too, divides by the number of cells; dividing by the sum of the weights would cancel them in a
        batch of equal weights.

        Args:
            labels, output: as for `cell_losses`.
            weights: row weights (rows,); None for 1.
        """
        cells, labelled = self.cell_losses(labels, output)
        if self.factors is not None:
            cells *= self._factors_of(labels)
        if weights is not None:
            cells *= weights[:, None]
        count = tf.reduce_sum(tf.cast(labelled, tf.float32))
        return tf.reduce_sum(tf.where(labelled, cells, 0.0)) / tf.maximum(count, 1.0)

    def row_losses(self, labels: Any, output: Any) -> NDArray[np.float32]:
        """Return each row's mean loss over its labelled cells, (rows,); NaN for rows without a label."""
        # In blocks, because the losses of thousands of classes make several copies of the outputs.
        blocks = spans(len(output), max(1, output.nbytes // max(1, len(output))))
        parts = [self._row_losses(labels[rows], output[rows]) for rows in blocks]
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)

    def _row_losses(self, labels: Any, output: Any) -> NDArray[np.float32]:
        cells, labelled = self.cell_losses(tf.convert_to_tensor(labels), tf.convert_to_tensor(output))
        count = tf.reduce_sum(tf.cast(labelled, tf.float32), axis=1)
        # 0 / 0 is NaN, as documented.
        losses = tf.reduce_sum(tf.where(labelled, cells, 0.0), axis=1) / count
        return np.asarray(losses.numpy())

    def _factors_of(self, labels: Any) -> Any:
        factors = tf.constant(self.factors, tf.float32)
        if labels.dtype.is_integer:
            return tf.gather(factors, tf.maximum(labels, 0))[:, None]
        # The factor of a missing label is never used, but NaN would spread.
        labels = tf.where(tf.math.is_nan(labels), 0.0, labels)
        if self.kind == "category":
            return tf.linalg.matvec(labels, factors)[:, None]
        return factors[:, 0] + labels * (factors[:, 1] - factors[:, 0])


def _for_distributions(loss: Loss) -> Loss:
    """Return the loss for labels that are distributions; sparse cross-entropy takes codes only."""
    if not isinstance(loss, SparseCategoricalCrossentropy):
        return loss
    return CategoricalCrossentropy(from_logits=loss.from_logits)
