"""Steps that may be missing: of a series or a text. What is not there takes part in nothing."""

from collections.abc import Sequence

from keras import KerasTensor, layers, ops


def real_steps(x: KerasTensor) -> KerasTensor:
    """Which steps of a series (rows, time, channels) are there, as booleans (rows, time, 1)."""
    return ops.logical_not(ops.isnan(x[..., :1]))


def convolve_steps(
    x: KerasTensor,
    real: KerasTensor,
    filters: Sequence[int],
    *,
    kernel_size: int,
    padding: str,
    activation: str | None,
    name: str,
) -> tuple[KerasTensor, KerasTensor]:
    """Convolutions to which a missing step is zero: (rows, time, filters) and which of its steps are real."""
    beyond = kernel_size - 1 if padding == "valid" else 0
    for i, width in enumerate(filters, 1):
        x = ops.where(real, x, 0.0)
        if beyond:
            # Zeros at the end keep the length; a window that reaches them is no real step any more.
            x = ops.pad(x, [[0, 0], [0, beyond], [0, 0]])
            real = ops.pad(real, [[0, 0], [0, beyond], [0, 0]])[:, beyond:]
        layer = layers.Conv1D(
            width, kernel_size, padding=padding, activation=activation, name=f"{name}_conv_{i}"
        )
        x = layer(x)
    return x, real


def pool_steps(x: KerasTensor, real: KerasTensor, pooling: str) -> KerasTensor:
    """Largest value ("max") or mean ("average") over the real steps, (rows, channels); 0 without any."""
    return max_over_steps(x, real) if pooling == "max" else mean_over_steps(x, real)


def max_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    # Below any activation, and still a number in half precision.
    lowest = -3e4
    highest = ops.max(ops.where(real, x, lowest), axis=1)
    return ops.where(ops.any(real, axis=1), highest, 0.0)


def mean_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    total = ops.sum(ops.where(real, x, 0.0), axis=1)
    steps = ops.sum(ops.cast(real, x.dtype), axis=1)
    return total / ops.maximum(steps, 1.0)
