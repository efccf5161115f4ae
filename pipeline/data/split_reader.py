"""Reads the rows of a split: raw, prepared, labels and weights."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import keras
import numpy as np

from pipeline.data.columns import numbers
from pipeline.data.dataset import InputRows, Split
from pipeline.data.files.lazy import LazyRows, taken
from pipeline.data.kinds import Input, Target
from pipeline.data.kinds.prepare import encoded, prepare_rows
from pipeline.data.sources import Sources
from pipeline.data_options import SAMPLE_WEIGHT

Part = TypeVar("Part")


@dataclass(frozen=True)
class SplitReader:
    """Reads the rows of a split with fitted inputs and targets; `graphs` are the inputs' preparations."""

    joined: Sources
    inputs: dict[str, Input]
    targets: dict[str, Target]
    weight_columns: dict[str, str]
    graphs: dict[str, keras.Model]
    streamed: bool
    tables: dict[str, Any] = field(default_factory=dict)  # raw and encoded, of all rows

    def read(self, rows: np.ndarray) -> Split:
        read_input = self._stream_input if self.streamed else self._read_input
        values = [read_input(name, rows) for name in self.inputs]
        return Split(
            rows=rows,
            raw=merged(raw for raw, _ in values),
            prepared=dict(zip(self.inputs, (prepared for _, prepared in values), strict=True)),
            labels={name: target.encode(self.joined, rows) for name, target in self.targets.items()},
            numbers=original_numbers(self.targets, self.joined, rows),
            weights={name: self._weights(name, rows) for name in self.weight_columns},
        )

    def _read_input(self, name: str, rows: np.ndarray) -> tuple[Mapping[str, InputRows], InputRows]:
        source = self.inputs[name]
        if source.kind == "table":
            return self._read_table(name, rows)
        raw = source.raw(self.joined, rows)
        if name not in self.graphs:
            return raw, raw[name]
        return raw, prepare_rows(self.graphs[name], encoded(source, raw))

    def _read_table(self, name: str, rows: np.ndarray) -> tuple[Mapping[str, InputRows], InputRows]:
        """A table is read and encoded for all splits at once, and its raw columns are not copied."""
        if name not in self.tables:
            raw = self.inputs[name].raw(self.joined, self.joined.all_rows)
            self.tables[name] = raw, encoded(self.inputs[name], raw)
        raw, codes = self.tables[name]
        arrays = {key: taken(values, rows) for key, values in codes.items()}
        prepared = prepare_rows(self.graphs[name], arrays)
        return {key: taken(values, rows) for key, values in raw.items()}, prepared

    def _stream_input(self, name: str, rows: np.ndarray) -> tuple[Mapping[str, InputRows], InputRows]:
        """One input's raw and prepared rows, without reading them."""
        source, joined, graph = self.inputs[name], self.joined, self.graphs.get(name)
        row_groups = joined.row_groups(list(source.references()), f"data.inputs.{name}")
        row_groups = None if row_groups is None else row_groups[rows]

        def raw(key: str) -> LazyRows:
            return LazyRows(lambda rows: source.raw(joined, rows)[key], rows, row_groups)

        def prepare(rows: np.ndarray) -> np.ndarray:
            return prepare_rows(graph, encoded(source, source.raw(joined, rows)))

        prepared = raw(name) if graph is None else LazyRows(prepare, rows, row_groups)
        return {key: raw(key) for key in source.specs()}, prepared

    def _weights(self, name: str, rows: np.ndarray) -> np.ndarray:
        key = f"data.targets.{name}.{SAMPLE_WEIGHT}"
        column = self.joined.column(self.weight_columns[name], key).take(rows)
        values = numbers(column)
        invalid = np.isnan(values) | (values < 0)
        if values.ndim != 1 or invalid.any():
            row = int(np.argmax(invalid))
            raise column.error(row, "not a sample weight", "one number >= 0 per row", values[row])
        return values.astype(np.float32)


def original_numbers(
    targets: Mapping[str, Target], joined: Sources, rows: np.ndarray
) -> dict[str, np.ndarray]:
    """The labels of number targets in original units: decoded from float32 they would lose digits."""
    return {
        name: target.original(joined, rows)
        if hasattr(target, "original")
        else target.decode(target.encode(joined, rows))
        for name, target in targets.items()
        if target.kind == "number"
    }


def merged(mappings: Iterable[Mapping[str, Part]]) -> dict[str, Part]:
    return {key: value for mapping in mappings for key, value in mapping.items()}
