"""Time series of any length."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, ColumnReader, numbers
from pipeline.data.kinds.far_cells import Measured
from pipeline.data.kinds.gaps import flags, gaps, interpolate, real_steps
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import Scale, Statistics, check_scale, scale_of
from pipeline.data.kinds.series_cells import are_steps, extent, read_channels, read_steps
from pipeline.data.kinds.vector import column_list, short_name, widest
from pipeline.data.long_form import LongForm
from pipeline.data.patterns import natural
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

HEAD = 1000  # rows that tell whether columns are steps or channels
logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Series:
    """Series of (steps, channels); steps after the end of a row's series are NaN.

    Cells that are missing inside a series lie on a line between the steps around them. If training rows have
    such gaps in a channel, an additional channel marks them.

    Args:
        column: (rows, steps, channels), (rows, steps), or lists of any length, also written as text.
        columns: instead of `column`: several such columns, which are channels; or columns of one number,
            which are steps.
        order: a column of the same source, which then has a row for each step: the key of `data.join` says
            of which series, and the order in which place.
        length: a column with the number of real steps in each row; None: all steps are real.
        scale: "robust", "standard" or "quantile" (per channel, by the real steps of the training rows), or
            "none".
        gaps: "line" as above; "none" leaves out steps without any value and gives other missing cells the
            median, as version 0.1 did.
    """

    kind: ClassVar[str] = "series"
    prepare_in_model: ClassVar[bool] = False
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str | None = None
    columns: str | Sequence[str] | None = None
    order: str | None = None
    length: str | None = None
    scale: str = "robust"
    gaps: Literal["line", "none"] = "line"

    name: str = field(init=False)
    steps: int | None = field(init=False, default=None)
    channels: int = field(init=False)
    columns_are_steps: bool = field(init=False, default=False)
    fill: np.ndarray = field(init=False)
    spread: np.ndarray = field(init=False)
    gap_channels: list[int] = field(init=False, default_factory=list)
    dtype: str = field(init=False, default="float32")
    scaled: Scale = field(init=False)

    @property
    def named(self) -> list[str]:
        """The columns that hold the series."""
        return [self.column] if self.column is not None else column_list(self.columns or ())

    @property
    def option(self) -> str:
        """The option that names them."""
        return "columns" if self.column is None else "column"

    def references(self) -> dict[str, str]:
        others = {self.order: "order", self.length: "length"}
        return dict.fromkeys(self.named, self.option) | {
            reference: option for reference, option in others.items() if reference is not None
        }

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        self.name = name
        key = f"data.inputs.{name}"
        check_scale(self.scale, key)
        self.columns_are_steps = are_steps(self._read(sources, train[:HEAD]))
        self.steps, self.channels = self._extent(sources)
        self.dtype = widest(sources.values(reference, f"{key}.{self.option}") for reference in self.named)
        counts = GapCounts(self.channels)
        blocks = sources.blocks(list(self.references()), f"{key}.{self.option}", train)
        statistics = Statistics.of(counts.of(self.raw(sources, rows)[name] for rows in blocks))
        if np.isnan(statistics.mean).any():
            channel = int(np.argmax(np.isnan(statistics.mean)))
            raise ConfigError(key, "no training row has a value in this channel", found=channel)
        self.fill = statistics.median
        self.gap_channels = counts.channels() if self.gaps == "line" else []
        self.spread, self.scaled = statistics.robust_spread, scale_of(statistics, self.scale)
        self._report(counts)

    def restore(self, name: str, specs: Specs) -> None:
        self.name, (shape, self.dtype) = name, specs[name]
        self.channels = int(shape[-1] or 1)
        self.columns_are_steps = len(self.named) > 1 and self.channels == 1

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        columns = self._read(sources, rows)
        if self.columns_are_steps:
            values = read_steps(columns)
        else:
            values = read_channels(columns, self.steps, self.channels)
        values = values.astype(self.dtype, copy=False)
        if self.length:
            steps = values.shape[1]
            lengths = _lengths(sources.part(self.length, f"data.inputs.{self.name}.length", rows), steps)
            real = np.arange(steps)[None, :, None] < lengths[:, None, None]
            values = np.where(real, values, values.dtype.type("nan"))
        return {self.name: values}

    def measured(self, raw: Mapping[str, np.ndarray]) -> Iterator[Measured]:
        """The channels in raw arrays, for messages about cells that are far out."""
        for channel in range(self.channels):
            reference = self.named[channel if len(self.named) == self.channels else 0]
            label = short_name(reference) + (
                f", channel {channel}" if self.channels > len(self.named) else ""
            )
            values = raw[self.name][:, :, channel]
            yield Measured(reference, label, values, self.fill[channel], self.spread[channel])

    def specs(self) -> Specs:
        return {self.name: ((None, self.channels), self.dtype)}

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        tensor = tensors[self.name]
        missing = keras.ops.isnan(tensor)
        if self.gap_channels:
            real = real_steps(tensor)
            filled = interpolate(tensor, self.fill)
        else:
            real = keras.ops.any(keras.ops.logical_not(missing), axis=-1, keepdims=True)
            filled = keras.ops.where(missing, self.fill.astype(tensor.dtype), tensor)
        scaled = self.scaled(filled)
        if self.gap_channels:
            scaled = keras.ops.concatenate([scaled, flags(tensor, self.gap_channels)], axis=-1)
        return keras.ops.where(real, scaled, np.float32("nan"))

    def _read(self, sources: ColumnReader, rows: np.ndarray) -> list[Column]:
        key = f"data.inputs.{self.name}.{self.option}"
        return [sources.part(reference, key, rows) for reference in self.named]

    def _extent(self, sources: Sources) -> tuple[int, int]:
        """The number of steps of the longest row, and of channels."""
        if self.columns_are_steps:
            return len(self.named), 1
        key = f"data.inputs.{self.name}.{self.option}"
        sizes = []
        for reference in self.named:
            blocks = (sources.part(reference, key, rows) for rows in sources.blocks([reference], key))
            sizes.append(extent(sources.values(reference, key).shape, blocks, key))
        return max(steps for steps, _ in sizes), sum(channels for _, channels in sizes)

    def _report(self, counts: "GapCounts") -> None:
        if self.columns_are_steps:
            names = [short_name(reference) for reference in self.named]
            order = "" if names == sorted(names, key=natural) else ", which is not the order of their names"
            logger.warning(
                "%s: %s columns of one number are its steps, from %s to %s%s (data.inputs.%s.columns)",
                *(self.name, len(names), names[0], names[-1], order, self.name),
            )
        if self.gap_channels:
            logger.warning(
                "%s: %s of %s cells inside the series of training rows are missing; they become a line "
                "between the steps around them, and additional channels mark them: %s",
                *(self.name, f"{counts.missing.sum():,}", f"{counts.cells:,}", len(self.gap_channels)),
            )


class GapCounts:
    """Counts the gaps of blocks of series, by channel."""

    def __init__(self, channels: int) -> None:
        self.missing, self.cells = np.zeros(channels, dtype=int), 0

    def of(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yields the blocks unchanged."""
        for values in blocks:
            found = gaps(values).sum(axis=(0, 1))
            self.missing += found
            self.cells += int((~np.isnan(values)).sum() + found.sum())
            yield values

    def channels(self) -> list[int]:
        """The channels with gaps."""
        return np.flatnonzero(self.missing).tolist()


def long_forms(inputs: Mapping[str, object]) -> dict[str, LongForm]:
    """Source whose rows are steps -> which of its columns are, of all series that name an `order`.

    Raises:
        ConfigError: a series names columns of another source, or two series order a source differently.
    """
    forms: dict[str, LongForm] = {}
    for name, series in inputs.items():
        if not isinstance(series, Series) or series.order is None:
            continue
        source, _, order = series.order.partition(".")
        key = f"data.inputs.{name}.order"
        others = [reference for reference in series.named if reference.partition(".")[0] != source]
        if others:
            problem = "the order is in another source than the steps"
            raise ConfigError(key, problem, found=series.order, allowed=others)
        known = forms.get(source, LongForm(order, frozenset({order})))
        if known.order != order:
            allowed = f"{source}.{known.order}, as for another input"
            raise ConfigError(
                key, "the steps of a source have one order", found=series.order, allowed=allowed
            )
        steps = {reference.partition(".")[2] for reference in series.named}
        forms[source] = LongForm(order, known.steps | steps)
    return forms


def _lengths(column: Column, steps: int) -> np.ndarray:
    lengths: np.ndarray = np.nan_to_num(numbers(column), nan=0.0)
    invalid = (lengths < 0) | (lengths > steps) | (lengths != np.floor(lengths))
    if invalid.any():
        allowed = f"whole numbers from 0 to {steps}, or empty"
        raise column.error(int(np.argmax(invalid)), "not a length of this series", allowed)
    return lengths
