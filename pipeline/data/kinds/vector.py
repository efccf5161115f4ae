"""Vectors: a fixed number of columns of numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import ClassVar

import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, ColumnReader, numbers, stack
from pipeline.data.files.stored import Values
from pipeline.data.kinds.far_cells import Measured
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import Numbers, Statistics, check_scale, fit_numbers
from pipeline.data.sources import Sources
from pipeline.data_options import AUTO, VECTOR_SCALES
from pipeline.errors import ConfigError


@dataclass(kw_only=True)
class Vector:
    """A fixed number of columns of numbers per row.

    Args:
        column: (rows, columns) or lists of equal length in one column; or a list of columns of one number.
        scale: "robust", "standard", "quantile" (per column, by the training rows) or "none"; "auto" is
            "robust", and adds principal components if the columns say nearly the same.
    """

    kind: ClassVar[str] = "vector"
    prepare_in_model: ClassVar[bool] = False
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str | Sequence[str]
    scale: str = AUTO

    name: str = field(init=False)
    columns: list[str] = field(init=False)
    width: int | None = field(init=False, default=None)
    dtype: str = field(init=False, default="float32")
    numbers: Numbers = field(init=False)

    def references(self) -> dict[str, str]:
        return dict.fromkeys(column_list(self.column), "column")

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        key = f"data.inputs.{name}"
        self.name = name
        check_scale(self.scale, key, VECTOR_SCALES)
        self.dtype = widest(sources.values(reference, f"{key}.column") for reference in self.references())
        blocks, self.columns = number_blocks(sources, self.column, f"{key}.column", train)
        statistics = Statistics.of(blocks)
        self.numbers = fit_numbers(statistics, self.columns, scale=self.scale, key=f"{key}.column")

    def restore(self, name: str, specs: Specs) -> None:
        self.name, (shape, self.dtype) = name, specs[name]
        self.width = shape[0]

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        key = f"data.inputs.{self.name}.column"
        values, _ = number_columns(sources, self.column, key, rows, width=self.width)
        return {self.name: values.astype(self.dtype, copy=False)}

    def measured(self, raw: Mapping[str, np.ndarray]) -> Iterator[Measured]:
        """The columns in raw arrays, for messages about cells that are far out."""
        references = column_list(self.column)
        for place, label in enumerate(self.columns):
            # The columns of a 2-D array are in one reference.
            reference = references[place] if len(references) == len(self.columns) else references[0]
            values, numbers = raw[self.name][:, place], self.numbers
            yield Measured(reference, label, values, numbers.median[place], numbers.spread[place])

    def specs(self) -> Specs:
        return {self.name: ((len(self.columns),), self.dtype)}

    def prepared_names(self) -> list[str]:
        """The column behind each prepared column, see `Numbers.prepared_names`."""
        return self.numbers.prepared_names(self.columns)

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        return self.numbers.prepare(tensors[self.name])


def column_list(column: str | Sequence[str]) -> list[str]:
    return [column] if isinstance(column, str) else list(column)


def widest(columns: Iterable[Values]) -> str:
    """The type that keeps the digits of all columns: "float64", unless float32 has as many as the files."""
    narrow = [
        values.dtype.kind in "fbiu" and np.result_type(values.dtype, np.float32) == np.float32
        for values in columns
    ]
    return "float32" if all(narrow) else "float64"


def short_name(reference: str) -> str:
    """The column without its source: `penguins.sex` -> `sex`; the column of an .npy file -> its source."""
    return reference.partition(".")[2] or reference


def number_columns(
    sources: ColumnReader,
    column: str | Sequence[str],
    key: str,
    rows: np.ndarray | None = None,
    *,
    width: int | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Reads one or several columns of numbers, side by side.

    Args:
        sources: reads the columns.
        column: one reference, to an array (rows,) or (rows, columns), or a list of references.
        key: the config key to name in messages.
        rows: row numbers; None: all.
        width: the number of columns in training; None: any number.

    Returns:
        (rows, columns), NaN = missing, and the names of the columns; those of a 2-D array are `name.0`,
        `name.1` …
    """
    arrays, names = [], []
    references = column_list(column)
    shape = None if width is None else (width - len(references) + 1,)
    for reference in references:
        values = _read_numbers(sources, reference, key, rows, shape)
        if values.ndim > 2:
            raise ConfigError(
                key,
                f"column '{reference}' has too many dimensions for a vector",
                found=f"shape {values.shape}",
                allowed="(rows,) or (rows, columns)",
            )
        cells = 1 if values.ndim == 1 else values.shape[1]
        name = short_name(reference)
        arrays.append(values.reshape(len(values), cells))
        names += [name] if cells == 1 else [f"{name}.{position}" for position in range(cells)]
    joined = np.concatenate(arrays, axis=1)
    if width is None or joined.shape[1] == width:
        return joined, names
    if not np.isnan(joined).all():
        raise ConfigError(
            key,
            "the number of columns differs from that in training",
            found=joined.shape[1],
            allowed=str(width),
        )
    return np.full((len(joined), width), np.nan), names


def number_blocks(
    sources: Sources, column: str | Sequence[str], key: str, rows: np.ndarray
) -> tuple[Iterator[np.ndarray], list[str]]:
    """Like `number_columns`, but in blocks (rows, columns) that are read one by one."""
    blocks = sources.blocks(column_list(column), key, rows)
    first, names = number_columns(sources, column, key, next(blocks))
    others = (number_columns(sources, column, key, block)[0] for block in blocks)
    return chain([first], others), names


def _read_numbers(
    sources: ColumnReader,
    reference: str,
    key: str,
    rows: np.ndarray | None,
    shape: tuple[int, ...] | None,
) -> np.ndarray:
    values = sources.values(reference, key)
    if rows is None:
        return _to_numbers(sources.column(reference, key), shape)
    if isinstance(values, np.ndarray) and _holds_lists(values):
        # Lists are read from all rows: if they are missing in all of `rows`, those do not tell their length.
        return np.asarray(stack(sources.column(reference, key), shape)[rows])
    return _to_numbers(sources.part(reference, key, rows), shape)


def _to_numbers(column: Column, shape: tuple[int, ...] | None) -> np.ndarray:
    return stack(column, shape) if _holds_lists(column.values) else numbers(column)


def _holds_lists(values: np.ndarray) -> bool:
    """Whether each row has one cell, and some of these are lists, which text may hold as [1.0, 2.5]."""
    return (
        values.dtype == object
        and values.ndim == 1
        and any(
            isinstance(value, (list, tuple, np.ndarray)) or (isinstance(value, str) and value.startswith("["))
            for value in values
        )
    )
