"""The result of one pass over a split, and the sums over its steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Array = NDArray[Any]


class NotFiniteError(ArithmeticError):
    """A head's loss became NaN or infinite, so the weights are useless from here on."""


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
        order: for each row of the outputs its row number in the split. A trained stream whose outputs are too
            many has only the first rows of its random order.
        seconds: duration.
    """

    losses: dict[str, float]
    regularisation: float
    weights: dict[str, float]
    shares: dict[str, float]
    raw: dict[str, Array]
    outputs: dict[str, Array]
    order: Array
    seconds: float

    @classmethod
    def of_sums(
        cls,
        sums: tuple[Any, Any],
        heads: Sequence[str],
        steps: int,
        *,
        raw: dict[str, Array],
        outputs: dict[str, Array],
        order: Array,
        seconds: float,
    ) -> "Epoch":
        """Compute the means from the sums of `step_sums`.

        Raises:
            NotFiniteError: the sum of a head's losses is NaN or infinite.
        """
        (totals, counts, weights, training), regularisation = sums[0].numpy(), float(sums[1].numpy())
        for head, total in zip(heads, totals, strict=True):
            if not np.isfinite(total):
                raise NotFiniteError(f"the loss of head {head} is {total}")
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
        )


def step_sums(
    losses: Sequence[Any], counts: Sequence[Any], weights: Any, regularisation: Any, training: Sequence[Any]
) -> tuple[Any, Any]:
    """Return what each step adds to the sums: a (4, heads) tensor and the regularisation, float64.

    The rows are: loss x labelled cells, labelled cells, weight, weight x training loss.

    Args:
        losses, counts: logged loss and number of labelled cells of each head.
        weights: (heads,) loss weight x balancer weight.
        training: training loss of each head.
    """
    means, cells = tf.stack(losses), tf.stack(counts)
    return (
        tf.cast(tf.stack([means * cells, cells, weights, weights * tf.stack(training)]), tf.float64),
        tf.cast(regularisation, tf.float64),
    )


def zero_sums(heads: int) -> tuple[Any, Any]:
    return tf.zeros((4, heads), tf.float64), tf.zeros((), tf.float64)
