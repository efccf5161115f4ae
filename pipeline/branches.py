"""Branches: one encoder per input, from the prepared input to features of shape (rows, features).

A branch is called like a Keras layer and builds nothing but Keras layers, so that a saved model loads
with Keras alone. What the prepared inputs look like is written in `pipeline.data`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keras import KerasTensor, layers, ops


@dataclass(frozen=True, kw_only=True)
class Branch:
    """What every branch takes.

    Args:
        dropout: share of the features that are dropped in training, after each dense or recurrent layer and
            once at the end.
        dropout_input: share of the rows for which the whole input is treated as missing in training, so
            that the model learns to do without it.
        learning_rate: factor on every update of this branch's weights; 0 freezes them.
    """

    dropout: float = 0.0
    dropout_input: float = 0.0
    learning_rate: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Conv2D(Branch):
    """Convolutions over an image (rows, height, width, channels).

    Args:
        filters: one number per layer.
        pool_size: max-pooling after each layer; 1 for none.
        pooling: over all places at the end: "max", "average" or "flatten".
        units: dense layers after the pooling.
    """

    filters: Sequence[int]
    kernel_size: int = 3
    activation: str | None = "relu"
    padding: str = "same"
    pool_size: int = 2
    pooling: str = "max"
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        for i, filters in enumerate(self.filters, 1):
            x = layers.Conv2D(
                filters,
                self.kernel_size,
                padding=self.padding,
                activation=self.activation,
                name=f"{name}_conv_{i}",
            )(x)
            if self.pool_size > 1:
                x = layers.MaxPooling2D(self.pool_size, padding="same", name=f"{name}_halve_{i}")(x)
        pooling = {
            "max": layers.GlobalMaxPooling2D,
            "average": layers.GlobalAveragePooling2D,
            "flatten": layers.Flatten,
        }[self.pooling]
        x = pooling(name=f"{name}_pool")(x)
        return dense_stack(x, self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class Conv1D(Branch):
    """Convolutions over the steps of a series (rows, time, channels) whose missing steps are NaN.

    A missing step is zero to every convolution and takes no part in the pooling, so a row gives the same
    features alone and in a batch with a longer row. A row without any step gives zeros.

    Args:
        filters: one number per layer.
        pooling: over the real steps at the end: "max" or "average".
        units: dense layers after the pooling.
    """

    filters: Sequence[int]
    kernel_size: int = 3
    activation: str | None = "relu"
    padding: str = "same"
    pooling: str = "max"
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        real = real_steps(x)
        beyond = self.kernel_size - 1 if self.padding == "valid" else 0
        for i, filters in enumerate(self.filters, 1):
            x = ops.where(real, x, 0.0)
            if beyond:
                # Zeros at the end keep the length; a window that reaches them is no real step any more.
                x = ops.pad(x, [[0, 0], [0, beyond], [0, 0]])
                real = ops.pad(real, [[0, 0], [0, beyond], [0, 0]])[:, beyond:]
            x = layers.Conv1D(
                filters,
                self.kernel_size,
                padding=self.padding,
                activation=self.activation,
                name=f"{name}_conv_{i}",
            )(x)
        pooled = max_over_steps(x, real) if self.pooling == "max" else mean_over_steps(x, real)
        return dense_stack(pooled, self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class GRU(Branch):
    """Recurrent layers over a series (rows, time, channels): the state after the last real step."""

    units: Sequence[int]

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        real = real_steps(x)
        x = ops.where(real, x, 0.0)
        for i, units in enumerate(self.units, 1):
            last = i == len(self.units)
            x = layers.GRU(units, return_sequences=not last, name=f"{name}_gru_{i}")(x, mask=real[..., 0])
            x = dropped(x, self.dropout, f"{name}_dropout_{i}")
        return x


@dataclass(frozen=True, kw_only=True)
class Dense(Branch):
    """Dense layers over a vector (rows, columns)."""

    units: Sequence[int]
    activation: str | None = "relu"

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        return dense_stack(x, self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class Table(Branch):
    """An embedding per categorical column of a table, joined with its numeric columns, then dense layers.

    Args:
        embedding: size of each categorical column's embedding.
    """

    units: Sequence[int]
    embedding: int = 8
    activation: str | None = "relu"

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        columns = [
            layers.Embedding(size, self.embedding, name=f"{name}_embedding_{i + 1}")(
                ops.cast(x[:, i], "int32")
            )
            for i, size in enumerate(vocabularies)
        ]
        columns.append(x[:, len(vocabularies) :])
        joined = layers.Concatenate(name=f"{name}_columns")(columns) if len(columns) > 1 else columns[0]
        return dense_stack(joined, self.units, self.activation, self.dropout, name)


def real_steps(x: KerasTensor) -> KerasTensor:
    """Which steps of a series (rows, time, channels) are there, as booleans (rows, time, 1)."""
    return ops.logical_not(ops.isnan(x[..., :1]))


def max_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    """Largest value over the real steps, (rows, channels); 0 where a row has none."""
    # Below any activation, and still a number in half precision.
    lowest = -3e4
    highest = ops.max(ops.where(real, x, lowest), axis=1)
    return ops.where(ops.any(real, axis=1), highest, 0.0)


def mean_over_steps(x: KerasTensor, real: KerasTensor) -> KerasTensor:
    """Mean over the real steps, (rows, channels); 0 where a row has none."""
    total = ops.sum(ops.where(real, x, 0.0), axis=1)
    steps = ops.sum(ops.cast(real, x.dtype), axis=1)
    return total / ops.maximum(steps, 1.0)


def dense_stack(
    x: KerasTensor, units: Sequence[int], activation: str | None, dropout: float, name: str
) -> KerasTensor:
    """Dense layers of the given sizes, each followed by dropout; without any, dropout alone."""
    if not units:
        return dropped(x, dropout, f"{name}_dropout")
    for i, width in enumerate(units, 1):
        x = layers.Dense(width, activation=activation, name=f"{name}_dense_{i}")(x)
        x = dropped(x, dropout, f"{name}_dropout_{i}")
    return x


def dropped(x: KerasTensor, rate: float, name: str) -> KerasTensor:
    """Dropout, or nothing at rate 0."""
    return layers.Dropout(rate, name=name)(x) if rate else x
