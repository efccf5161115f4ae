"""Series (rows, time, channels) whose missing steps are NaN, at the end or anywhere else.

Padding a series to the length of a longer one does not change its features. A series without any step gives
features of zero before the dense layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from keras import KerasTensor, layers, ops

from pipeline.branches.attention import attend_steps, with_positions
from pipeline.branches.branch import Branch
from pipeline.branches.stack import dense_stack, dropped
from pipeline.branches.steps import convolve_steps, pool_steps, real_steps, summary_of_steps


@dataclass(frozen=True, kw_only=True)
class Conv1D(Branch):
    """Convolutions over the steps; missing steps enter them as zeros and are left out of the pooling.

    Args:
        filters: number of filters of each layer.
        pooling: how the real steps are pooled at the end.
        summary: also use each channel's mean, deviation, extremes, first and last step (see
            `summary_of_steps`), which the pooled filters blur.
        units: sizes of the dense layers after the pooling.
    """

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    filters: Sequence[int]
    kernel_size: int = 3
    activation: str | None = "relu"
    padding: Literal["same", "valid"] = "same"
    pooling: Literal["max", "average"] = "max"
    summary: bool = False
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        real = real_steps(x)
        convolved = convolve_steps(
            x,
            real,
            self.filters,
            kernel_size=self.kernel_size,
            padding=self.padding,
            activation=self.activation,
            name=name,
        )
        features = pool_steps(*convolved, self.pooling)
        if self.summary:
            summary = summary_of_steps(x, real)
            features = layers.Concatenate(name=f"{name}_features")([features, summary])
        return dense_stack(features, self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class GRU(Branch):
    """Gated recurrent layers, one for each entry of `units`; gives the state after the last real step."""

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    units: Sequence[int]

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        return _recur(x, layers.GRU, self.units, self.dropout, f"{name}_gru", name)


@dataclass(frozen=True, kw_only=True)
class LSTM(Branch):
    """LSTM layers, one for each entry of `units`; gives the output after the last real step."""

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    units: Sequence[int]

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        return _recur(x, layers.LSTM, self.units, self.dropout, f"{name}_lstm", name)


@dataclass(frozen=True, kw_only=True)
class Transformer(Branch):
    """A transformer over the steps: relates steps at any distance.

    Args:
        width: features per step; a multiple of `attention_heads`.
        expansion: the dense layer of a block has `expansion` x `width` units.
        position: position encoding.
        longest: number of learned positions; later steps share the last one.
        pooling: how the real steps are pooled at the end.
        units: sizes of the dense layers after the pooling.
    """

    kinds: ClassVar[tuple[str, ...]] = ("series",)
    width: int = 64
    blocks: int = 2
    attention_heads: int = 4
    expansion: int = 2
    position: Literal["sinusoidal", "learned", "none"] = "sinusoidal"
    longest: int = 512
    activation: str = "gelu"
    pooling: Literal["max", "average"] = "average"
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        real = real_steps(x)
        x = layers.Dense(self.width, name=f"{name}_steps")(ops.where(real, x, 0.0))
        x = attend_steps(
            with_positions(x, self.position, self.longest, name),
            real,
            blocks=self.blocks,
            attention_heads=self.attention_heads,
            expansion=self.expansion,
            activation=self.activation,
            dropout=self.dropout,
            name=name,
        )
        return dense_stack(pool_steps(x, real, self.pooling), self.units, self.activation, self.dropout, name)


def _recur(
    x: KerasTensor, layer: Any, units: Sequence[int], dropout: float, label: str, name: str
) -> KerasTensor:
    real = real_steps(x)
    x = ops.where(real, x, 0.0)
    for i, width in enumerate(units, 1):
        last = i == len(units)
        x = layer(width, return_sequences=not last, name=f"{label}_{i}")(x, mask=real[..., 0])
        x = dropped(x, dropout, f"{name}_dropout_{i}")
    return x
