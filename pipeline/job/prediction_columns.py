"""What a head answers, as columns of a table: class and probabilities, or numbers in their own unit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class Answers:
    """How one head's presented outputs are read.

    Args:
        kind: of its target: category, binary, labels or number.
        names: of the classes or columns, in the order of the outputs.
        quantiles: of a head that predicts some; else ().
    """

    kind: str
    names: Sequence[str]
    quantiles: Sequence[float] = ()

    def columns(self, head: str, outputs: np.ndarray) -> dict[str, pa.Array]:
        """Columns by name, `<head>_predicted` first, from outputs (rows, width)."""
        if self.kind == "category":
            best = outputs.argmax(axis=1)
            return {
                f"{head}_predicted": pa.array(self.names, pa.string()).take(pa.array(best)),
                f"{head}_probability": pa.array(outputs.max(axis=1)),
                f"{head}_probabilities": lists(outputs),
            }
        if self.kind in ("binary", "labels"):
            yes = (outputs > 0.5).astype(np.int8)
            return {f"{head}_predicted": one_or_lists(yes), f"{head}_probability": one_or_lists(outputs)}
        if not self.quantiles:
            return {f"{head}_predicted": one_or_lists(outputs)}
        each = len(self.quantiles)
        by_quantile = {q: outputs[:, place::each] for place, q in enumerate(self.quantiles)}
        return {f"{head}_predicted": one_or_lists(by_quantile[0.5])} | {
            f"{head}_q{q:g}": one_or_lists(values) for q, values in by_quantile.items()
        }


def one_or_lists(values: np.ndarray) -> pa.Array:
    """Columns of a table: a single one flat, several as a list in each row."""
    return pa.array(np.ascontiguousarray(values[:, 0])) if values.shape[1] == 1 else lists(values)


def lists(values: np.ndarray) -> pa.ListArray:
    """(rows, width) as one list per row."""
    rows, width = values.shape
    offsets = np.arange(0, rows * width + 1, width, dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(values).reshape(-1)))
