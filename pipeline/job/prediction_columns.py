"""A head's predictions as columns of a table: classes and probabilities, or numbers in original units."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class PredictionColumns:
    """Converts one head's outputs in readable form to columns.

    Args:
        kind: kind of the target: category, binary, labels or number.
        names: names of the classes or columns, in the order of the outputs.
        quantiles: those of a quantile head; else ().
        thresholds: the probability above which each column of a yes or no head is yes; () for 0.5.
    """

    kind: str
    names: Sequence[str]
    quantiles: Sequence[float] = ()
    thresholds: Sequence[float] = ()

    def columns(self, head: str, outputs: Array) -> dict[str, pa.Array]:
        """Return columns by name, `<head>_predicted` first.

        Args:
            outputs: (rows, width).
        """
        return {name: as_arrow(values) for name, values in self.values(head, outputs).items()}

    def values(self, head: str, outputs: Array) -> dict[str, Array]:
        """Return the same columns as arrays, (rows,) or (rows, width)."""
        if self.kind == "category":
            return class_columns(head, self.names, outputs)
        predicted, probability = f"{head}_predicted", f"{head}_probability"
        if self.kind in ("binary", "labels"):
            limits = np.asarray(self.thresholds or [0.5] * outputs.shape[1], float)
            yes = (outputs > limits).astype(np.int8)
            return {predicted: squeezed(yes), probability: squeezed(outputs)}
        if not self.quantiles:
            return {predicted: squeezed(outputs)}
        by_quantile = quantile_columns(head, self.quantiles, outputs)
        return {predicted: by_quantile[f"{head}_q0.5"], **by_quantile}


def class_columns(head: str, names: Sequence[str], outputs: Array) -> dict[str, Array]:
    """Return the most probable class, its probability, and all probabilities (rows, classes)."""
    return {
        f"{head}_predicted": np.asarray(names, object)[outputs.argmax(axis=1)],
        f"{head}_probability": outputs.max(axis=1),
        f"{head}_probabilities": outputs,
    }


def quantile_columns(head: str, quantiles: Sequence[float], outputs: Array) -> dict[str, Array]:
    """Return one column per quantile; empty without quantiles."""
    return {
        f"{head}_q{quantile:g}": squeezed(outputs[:, i :: len(quantiles)])
        for i, quantile in enumerate(quantiles)
    }


def squeezed(values: Array) -> Array:
    """Return (rows,) if there is only one column, else the values unchanged."""
    return values[:, 0] if values.shape[1] == 1 else values


def as_arrow(values: Array) -> pa.Array:
    """Convert (rows,) to a plain column, and (rows, width) to a column of lists."""
    if values.ndim == 1:
        kind = pa.string() if values.dtype == object else None
        return pa.array(np.ascontiguousarray(values), kind)
    rows, width = values.shape
    wide = rows * width > np.iinfo(np.int32).max
    offsets = np.arange(0, rows * width + 1, width, dtype=np.int64 if wide else np.int32)
    return (pa.LargeListArray if wide else pa.ListArray).from_arrays(
        offsets, pa.array(np.ascontiguousarray(values).reshape(-1))
    )
