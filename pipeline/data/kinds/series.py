"""Time series of any length."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, ColumnReader, is_missing, list_in_row, numbers
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import check_scale, mean_and_spread, standardise
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


@dataclass(kw_only=True)
class Series:
    """Series of (steps, channels); steps after the end of a row's series are NaN.

    Args:
        column: (rows, steps, channels), (rows, steps), or lists of any length.
        length: a column with the number of real steps in each row; None: all steps are real.
        scale: "standard" (per channel, by the real steps of the training rows) or "none".
    """

    kind: ClassVar[str] = "series"
    prepare_in_model: ClassVar[bool] = False
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str
    length: str | None = None
    scale: str = "standard"

    name: str = field(init=False)
    steps: int | None = field(init=False, default=None)
    channels: int = field(init=False)
    fill: np.ndarray = field(init=False)
    mean: np.ndarray | None = field(init=False, default=None)
    spread: np.ndarray | None = field(init=False, default=None)

    def references(self) -> dict[str, str]:
        return {self.column: "column"} | ({self.length: "length"} if self.length else {})

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        self.name = name
        check_scale(self.scale, f"data.inputs.{name}")
        self.steps, self.channels = self._shape(sources)
        blocks = sources.blocks(list(self.references()), f"data.inputs.{name}.column", train)
        mean, spread = mean_and_spread(self.raw(sources, rows)[name] for rows in blocks)
        if np.isnan(mean).any():
            channel = int(np.argmax(np.isnan(mean)))
            problem = "no training row has a value in this channel"
            raise ConfigError(f"data.inputs.{name}", problem, found=channel)
        self.fill = mean
        if self.scale == "standard":
            self.mean, self.spread = mean, spread

    def restore(self, name: str, specs: Specs) -> None:
        self.name, self.channels = name, int(specs[name][0][-1] or 1)

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        column = sources.part(self.column, f"data.inputs.{self.name}.column", rows)
        steps = self.steps or _longest(column)
        values = _pad(column, steps, self.channels)
        if self.length:
            lengths = _lengths(sources.part(self.length, f"data.inputs.{self.name}.length", rows), steps)
            real = np.arange(steps)[None, :, None] < lengths[:, None, None]
            values = np.where(real, values, np.float32("nan"))
        return {self.name: values}

    def specs(self) -> Specs:
        return {self.name: ((None, self.channels), "float32")}

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        tensor = tensors[self.name]
        cells = keras.ops.isnan(tensor)
        missing = keras.ops.all(cells, axis=-1, keepdims=True)
        tensor = keras.ops.where(cells, self.fill.astype(np.float32), tensor)
        if self.mean is not None and self.spread is not None:
            tensor = standardise(tensor, self.mean, self.spread)
        return keras.ops.where(missing, np.float32("nan"), tensor)

    def _shape(self, sources: Sources) -> tuple[int, int]:
        """The number of steps, at most, and of channels."""
        key = f"data.inputs.{self.name}.column"
        values = sources.values(self.column, key)
        shape = values.shape
        if values.dtype == object:
            shapes: set[tuple[int, ...]] = set()
            for rows in sources.blocks([self.column], key):
                column = sources.part(self.column, key, rows)
                present = np.flatnonzero(~is_missing(column.values))
                shapes |= {list_in_row(column, int(row)).shape for row in present}
            shape = (len(values), *(max(sizes) for sizes in zip(*shapes, strict=False)))
        if len(shape) not in (2, 3):
            raise ConfigError(
                key,
                f"column '{self.column}' does not hold series",
                found=f"shape {shape}",
                allowed="(rows, steps, channels), (rows, steps), or a list in every row",
            )
        return int(shape[1]), int(shape[2]) if len(shape) == 3 else 1


def _longest(column: Column) -> int:
    if column.values.dtype != object:
        return int(column.values.shape[1])
    rows = np.flatnonzero(~is_missing(column.values))
    return max((len(list_in_row(column, int(row))) for row in rows), default=1)


def _pad(column: Column, steps: int, channels: int) -> np.ndarray:
    if column.values.dtype != object:
        return numbers(column).astype(np.float32, copy=False).reshape(len(column.values), steps, channels)
    result = np.full((len(column.values), steps, channels), np.nan, dtype=np.float32)
    for row in np.flatnonzero(~is_missing(column.values)).tolist():
        values = list_in_row(column, row)
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or values.shape[1] != channels:
            raise column.error(
                row,
                "the number of channels differs from that of other rows",
                f"(any number of steps, {channels})",
                f"shape {values.shape}",
            )
        result[row, : len(values)] = values
    if np.isinf(result).any():
        row = int(np.argmax(np.isinf(result).any(axis=(1, 2))))
        raise column.error(row, "a number is infinite", "finite numbers")
    return result


def _lengths(column: Column, steps: int) -> np.ndarray:
    lengths: np.ndarray = np.nan_to_num(numbers(column), nan=0.0)
    invalid = (lengths < 0) | (lengths > steps) | (lengths != np.floor(lengths))
    if invalid.any():
        allowed = f"whole numbers from 0 to {steps}, or empty"
        raise column.error(int(np.argmax(invalid)), "not a length of this series", allowed)
    return lengths
