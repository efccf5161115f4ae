"""Operations over the steps of a series or text that ignore missing steps."""

from collections.abc import Sequence

from keras import KerasTensor, layers, ops

SMALL = 1e-3  # a deviation that does not matter


def real_steps(x: KerasTensor) -> KerasTensor:
    """Return which steps of a series (rows, time, channels) are not missing: booleans (rows, time, 1)."""
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
    """Convolve with missing steps as zeros; return (rows, time, filters) and which of its steps are real."""
    padded = kernel_size - 1 if padding == "valid" else 0
    for i, width in enumerate(filters, 1):
        x = ops.where(real, x, 0.0)
        if padded:
            # Zeros at the end keep the length; windows that reach into them do not count as real steps.
            x = ops.pad(x, [[0, 0], [0, padded], [0, 0]])
            real = ops.pad(real, [[0, 0], [0, padded], [0, 0]])[:, padded:]
        layer = layers.Conv1D(
            width, kernel_size, padding=padding, activation=activation, name=f"{name}_conv_{i}"
        )
        x = layer(x)
    return x, real


def pool_steps(x: KerasTensor, real: KerasTensor, pooling: str) -> KerasTensor:
    """Pool the real steps by "max" or "average" to (rows, channels); 0 for a row without real steps."""
    return max_over_steps(x, real) if pooling == "max" else mean_over_steps(x, real)


def max_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    # Lower than any activation, but finite in half precision.
    lowest = -3e4
    highest = ops.max(ops.where(real, x, lowest), axis=1)
    return ops.where(ops.any(real, axis=1), highest, 0.0)


def mean_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    total = ops.sum(ops.where(real, x, 0.0), axis=1)
    steps = ops.sum(ops.cast(real, x.dtype), axis=1)
    return total / ops.maximum(steps, 1.0)


def summary_of_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    """Return mean, standard deviation, extremes and both ends of the real steps, (rows, 6 x channels).

    All are 0 for a row without real steps.
    """
    # The gradient of what is made of NaN is NaN, also where it is left out afterwards.
    x = ops.where(real, x, 0.0)
    mean = mean_over_steps(x, real)
    variance = mean_over_steps(ops.square(x - ops.expand_dims(mean, 1)), real)
    # The gradient of a square root is infinite at 0.
    deviation = ops.sqrt(variance + SMALL**2) - SMALL
    highest, lowest = max_over_steps(x, real), -max_over_steps(-x, real)
    place = ops.cumsum(ops.cast(real, "int32"), axis=1)
    ends = [ops.logical_and(real, ops.equal(place, end)) for end in (1, place[:, -1:])]
    first, last = (ops.sum(ops.where(end, x, 0.0), axis=1) for end in ends)
    return ops.concatenate([mean, deviation, highest, lowest, first, last], axis=-1)
