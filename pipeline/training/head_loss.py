"""How a Keras loss is applied to one head, so that missing labels take no part.

A head has two losses. The one that is logged is the plain mean over its labelled cells, in every split. The
one that training descends has every cell times its class's factor and its row's weight: without either it is
the same.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from keras.losses import Loss
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class HeadLoss:
    """A Keras loss over one head's labelled cells.

    A cell is a row of a class head, or one column of a row of the others. A loss of columns gets the labels
    as (rows, columns, 1) and the output as (rows, columns, outputs per column), which is 1 but for quantiles.

    Args:
        loss: its weighting and reduction are not used: cells are averaged here.
        kind: of the target: category, number, binary or labels.
        complete: no label is missing in any row, so none has to be looked for.
        factors: of classes in the descended loss: (classes,), or (columns, 2) for no and yes of each column.
    """

    loss: Loss
    kind: str
    complete: bool = False
    factors: NDArray[np.float32] | None = None

    def cells(self, labels: Any, output: Any) -> tuple[Any, Any]:
        """Loss of every cell and whether it is labelled, both (rows, 1) or (rows, columns).

        Args:
            labels: codes (rows,), -1 where missing, or floats (rows, columns), NaN where missing.
            output: the head's raw output, (rows, width).
        """
        if labels.dtype.is_integer:
            there, labels = labels >= 0, tf.maximum(labels, 0)
            if "Sparse" not in type(self.loss).__name__:
                labels = tf.one_hot(labels, output.shape[-1])
        else:
            there = tf.logical_not(tf.math.is_nan(labels))
            labels = tf.where(there, labels, 0.0)
        if self.kind == "category":
            there = there if there.shape.rank == 1 else tf.reduce_all(there, axis=1)
            return self.loss.call(labels, output)[:, None], there[:, None]
        # An axis for the outputs of one column, because Keras losses average over the last axis.
        columns = labels.shape[-1]
        output = tf.reshape(output, (-1, columns, output.shape[-1] // columns))
        return self.loss.call(labels[..., None], output), there

    def __call__(self, labels: Any, output: Any) -> tuple[Any, Any]:
        """Mean loss over the labelled cells and their number, both float32 scalars.

        Without any label the mean is 0 and so is its gradient; the number tells that from a perfect loss.
        """
        cells, there = self.cells(labels, output)
        if self.complete:
            return tf.reduce_mean(cells), tf.cast(tf.size(cells), tf.float32)
        number = tf.reduce_sum(tf.cast(there, tf.float32))
        total = tf.reduce_sum(tf.where(there, cells, 0.0))
        return total / tf.maximum(number, 1.0), number

    def descended(self, labels: Any, output: Any, weights: Any = None) -> Any:
        """The loss that training descends: the weighted sum over the labelled cells, by their number.

        By their number and not by the sum of their weights, which would take back what a batch of rare rows
        weighs; a weight is a number of rows, as Keras has it.

        Args:
            labels, output: as for `cells`.
            weights: (rows,), or None for 1.
        """
        cells, there = self.cells(labels, output)
        if self.factors is not None:
            cells *= self._of_classes(labels)
        if weights is not None:
            cells *= weights[:, None]
        number = tf.reduce_sum(tf.cast(there, tf.float32))
        return tf.reduce_sum(tf.where(there, cells, 0.0)) / tf.maximum(number, 1.0)

    def _of_classes(self, labels: Any) -> Any:
        factors = tf.constant(self.factors, tf.float32)
        if labels.dtype.is_integer:
            return tf.gather(factors, tf.maximum(labels, 0))[:, None]
        # Zeros in place of NaN: a factor of a cell that is not there is never used.
        known = tf.where(tf.math.is_nan(labels), 0.0, labels)
        if self.kind == "category":
            return tf.linalg.matvec(known, factors)[:, None]
        return factors[:, 0] + known * (factors[:, 1] - factors[:, 0])

    def rows(self, labels: Any, output: Any) -> Any:
        """Mean loss of each row over its labelled cells, (rows,); NaN for a row without a label."""
        cells, there = self.cells(tf.convert_to_tensor(labels), tf.convert_to_tensor(output))
        number = tf.reduce_sum(tf.cast(there, tf.float32), axis=1)
        # 0/0 where nothing is labelled: NaN, as wanted.
        return (tf.reduce_sum(tf.where(there, cells, 0.0), axis=1) / number).numpy()
