"""The result of one pass over a split, and the sums over its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.training.fault import Fault

Array = NDArray[Any]


class NotFiniteError(ArithmeticError):
    """A loss or a gradient became NaN or infinite, so the training cannot go on.

    Args:
        message: says which.
        fault: where it came from; None if that is not known.
    """

    def __init__(self, message: str, fault: Fault | None = None) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True)
class Epoch:
    """The result of one pass over a split.

    Args:
        losses: head -> mean loss over its labelled cells; without the heads that have no labels.
        regularisation: mean over the batches.
        weights: head -> mean of loss weight x balancer weight; 0 after an evaluation.
        shares: head -> its share of the weighted training loss; 0 after an evaluation.
        raw: head -> raw outputs (rows, width), the inputs of its loss.
        outputs: head -> the same in readable form: probabilities, or numbers in original units.
        order: for each row of the outputs its row number in the split. A trained epoch whose outputs are too
            many has only the first rows of its random order.
        seconds: duration.
        skipped: number of steps without an update, because a loss or gradient was not finite.
        fault: the first of these; None if there is none.
    """

    losses: dict[str, float]
    regularisation: float
    weights: dict[str, float]
    shares: dict[str, float]
    raw: dict[str, Array]
    outputs: dict[str, Array]
    order: Array
    seconds: float
    skipped: int = 0
    fault: Fault | None = None

    @classmethod
    def of_sums(
        cls,
        sums: tuple[Any, Any, Any],
        heads: Sequence[str],
        steps: int,
        *,
        raw: dict[str, Array],
        outputs: dict[str, Array],
        order: Array,
        seconds: float,
        fault: Fault | None = None,
    ) -> "Epoch":
        """Compute the means from the sums of `step_sums`.

        Args:
            steps: number of steps, skipped ones included.

        Raises:
            NotFiniteError: the sum of a head's losses is NaN or infinite.
        """
        (totals, counts, weights, training), regularisation = sums[0].numpy(), float(sums[1].numpy())
        for head, total in zip(heads, totals, strict=True):
            if not np.isfinite(total):
                raise NotFiniteError(f"the loss of head {head} is {total}")
        skipped = int(sums[2][0].numpy())
        steps = max(1, steps - skipped)
        shares = training / max(training.sum(), np.finfo(float).tiny)
        return cls(
            losses={head: total / n for head, total, n in zip(heads, totals, counts, strict=True) if n},
            regularisation=regularisation / steps,
            weights=dict(zip(heads, weights / steps, strict=True)),
            shares=dict(zip(heads, shares, strict=True)),
            raw=raw,
            outputs=outputs,
            order=order,
            seconds=seconds,
            skipped=skipped,
            fault=fault,
        )


class KeptOutputs:
    """The outputs of the first rows of a pass, filled in piece by piece: in lists they would be there twice.

    Args:
        rows: how many rows are kept.

    Attributes:
        raw, readable: head -> (rows, width), see `Epoch`.
    """

    def __init__(self, rows: int) -> None:
        self.rows, self.done = rows, 0
        self.raw: dict[str, Array] = {}
        self.readable: dict[str, Array] = {}

    def add(self, raw: Mapping[str, Any], readable: Mapping[str, Any]) -> None:
        """Add the outputs of the next rows, head -> tensor (rows, width)."""
        if self.done == self.rows:
            return
        first, done = self.done, min(self.done + len(next(iter(raw.values()))), self.rows)
        for arrays, piece in ((self.raw, raw), (self.readable, readable)):
            for head, tensor in piece.items():
                values = tensor.numpy()
                if head not in arrays:
                    arrays[head] = np.empty((self.rows, *values.shape[1:]), values.dtype)
                arrays[head][first:done] = values[: done - first]
        self.done = done


def step_sums(
    losses: Sequence[Any],
    counts: Sequence[Any],
    weights: Any,
    regularisation: Any,
    training: Sequence[Any],
) -> tuple[Any, Any, Any]:
    """Return what each step adds to the sums: a (4, heads) tensor, the regularisation, and 0 for no fault.

    The rows are: loss x labelled cells, labelled cells, weight, weight x training loss; all are float64.

    Args:
        losses, counts: logged loss and number of labelled cells of each head.
        weights: (heads,) loss weight x balancer weight.
        training: training loss of each head.
    """
    means, cells = tf.stack(losses), tf.stack(counts)
    return (
        tf.cast(tf.stack([means * cells, cells, weights, weights * tf.stack(training)]), tf.float64),
        tf.cast(regularisation, tf.float64),
        tf.zeros((2,), tf.int32),
    )


def skipped_sums(heads: int, number: Any, is_first: Any) -> tuple[Any, Any, Any]:
    """Return what a step without an update adds to the sums: one fault, and its number if it is the first."""
    table, regularisation, _ = zero_sums(heads)
    return table, regularisation, tf.stack([1, tf.where(is_first, number, 0)])


def zero_sums(heads: int) -> tuple[Any, Any, Any]:
    return tf.zeros((4, heads), tf.float64), tf.zeros((), tf.float64), tf.zeros((2,), tf.int32)
