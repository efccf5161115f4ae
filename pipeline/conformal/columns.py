"""Sets and intervals as columns of a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.conformal.methods import Region


def region_columns(head: str, names: Sequence[str], region: Region) -> dict[str, pa.Array]:
    """Return `<head>_set`, a list of class names in each row; or `<head>_low` and `<head>_high`.

    Args:
        names: of the classes.
    """
    if region.sets is not None:
        return {f"{head}_set": _lists(np.nonzero(region.sets)[1], region.sets.sum(axis=1), names)}
    return {f"{head}_low": _column(region.low), f"{head}_high": _column(region.high)}


def _lists(codes: NDArray[Any], sizes: NDArray[Any], names: Sequence[str]) -> pa.Array:
    offsets = np.append(0, np.cumsum(sizes)).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(names, pa.string()).take(pa.array(codes)))


def _column(values: NDArray[Any] | None) -> pa.Array:
    """Return a plain column, or with several columns one of lists."""
    assert values is not None
    rows, width = values.shape
    cells = pa.array(np.ascontiguousarray(values).reshape(-1))
    if width == 1:
        return cells
    return pa.ListArray.from_arrays(np.arange(0, rows * width + 1, width, dtype=np.int32), cells)
