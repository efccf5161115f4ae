"""Gaps inside series: missing cells before the last real step."""

import keras
import numpy as np
from keras import KerasTensor, ops

BEYOND = 2**30  # larger than the number of any step


def gaps(values: np.ndarray) -> np.ndarray:
    """Which cells are missing before the last step with a value, of (rows, steps, channels)."""
    missing: np.ndarray = np.isnan(values)
    if not missing.any():
        return missing
    present = ~missing.all(axis=-1, keepdims=True)
    real = np.flip(np.maximum.accumulate(np.flip(present, axis=1), axis=1), axis=1)
    return np.asarray(missing & real)


def real_steps(x: KerasTensor) -> KerasTensor:
    """Which steps are not after the last step with a value, (rows, steps, 1) booleans."""
    present = ops.cast(ops.any(ops.logical_not(ops.isnan(x)), axis=-1, keepdims=True), "int32")
    return ops.flip(ops.cumsum(ops.flip(present, axis=1), axis=1), axis=1) > 0


def interpolate(x: KerasTensor, fill: np.ndarray) -> KerasTensor:
    """Replaces missing cells by a line between the steps before and after, at the ends by the nearest one.

    Args:
        x: (rows, steps, channels), NaN = missing.
        fill: (channels,) what a channel without any value becomes.
    """
    present = ops.logical_not(ops.isnan(x))
    values = ops.where(present, x, 0.0)
    counts = ops.cumsum(ops.cast(present, "int32"), axis=1)
    steps = ops.cumsum(ops.ones_like(counts), axis=1) - 1
    # The numbers of the steps with a value come first, in order.
    order = ops.argsort(ops.where(present, steps, steps + BEYOND), axis=1)
    total = counts[:, -1:, :]
    before = ops.take_along_axis(order, ops.maximum(counts - 1, 0), axis=1)
    after = ops.take_along_axis(order, ops.maximum(ops.minimum(counts, total - 1), 0), axis=1)
    first, last = (ops.take_along_axis(values, place, axis=1) for place in (before, after))
    dtype = keras.backend.standardize_dtype(x.dtype)
    share = ops.cast(steps - before, dtype) / ops.cast(ops.maximum(after - before, 1), dtype)
    line = first + (last - first) * share
    return ops.where(present, x, ops.where(total > 0, line, fill.astype(dtype)))


def flags(x: KerasTensor, channels: list[int]) -> KerasTensor:
    """1.0 where a cell of one of the channels is missing, (rows, steps, channels)."""
    return keras.ops.cast(ops.take(ops.isnan(x), channels, axis=-1), "float32")
