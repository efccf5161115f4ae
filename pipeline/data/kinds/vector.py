"""Vectors: a fixed number of columns of numbers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from pipeline.data.columns import numbers, stacked
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import Numbers, check_scale, fit_numbers
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


@dataclass(kw_only=True)
class Vector:
    """A row of numbers.

    Args:
        column: (rows, columns) or lists of equal length in one column; or a list of columns, one number each.
        scale: "standard" (per column, by the training rows) or "none".
    """

    kind: ClassVar[str] = "vector"
    prepare_in_model: ClassVar[bool] = False
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str | Sequence[str]
    scale: str = "standard"

    name: str = field(init=False)
    columns: list[str] = field(init=False)
    width: int | None = field(init=False, default=None)
    numbers: Numbers = field(init=False)

    def references(self) -> dict[str, str]:
        return dict.fromkeys(column_list(self.column), "column")

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        key = f"data.inputs.{name}"
        self.name = name
        check_scale(self.scale, key)
        blocks, self.columns = number_blocks(sources, self.column, f"{key}.column", train)
        self.numbers = fit_numbers(blocks, self.columns, scale=self.scale, key=f"{key}.column")

    def restore(self, name: str, specs: Specs) -> None:
        self.name, self.width = name, specs[name][0][0]

    def raw(self, sources: Sources, rows: np.ndarray) -> dict[str, np.ndarray]:
        key = f"data.inputs.{self.name}.column"
        values, _ = number_columns(sources, self.column, key, rows, width=self.width)
        return {self.name: values.astype(np.float32)}

    def specs(self) -> Specs:
        return {self.name: ((len(self.columns),), "float32")}

    def prepare(self, tensors: Mapping[str, Any]) -> Any:
        return self.numbers.prepare(tensors[self.name])


def column_list(column: str | Sequence[str]) -> list[str]:
    return [column] if isinstance(column, str) else list(column)


def short_name(reference: str) -> str:
    """The column without its source: `penguins.sex` -> `sex`; an .npy source is its own column."""
    return reference.partition(".")[2] or reference


def number_columns(
    sources: Sources,
    column: str | Sequence[str],
    key: str,
    rows: np.ndarray | None = None,
    *,
    width: int | None = None,
) -> tuple[np.ndarray, list[str]]:
    """One or several columns of numbers, side by side.

    Args:
        sources: where they are.
        column: one reference, to an array (rows,) or (rows, columns), or a list of them.
        key: the config key to name in messages.
        rows: row numbers; None: all.
        width: how many columns are due; None: as many as there are.

    Returns:
        (rows, columns), NaN = missing, and the columns' names: those of a 2-D array are `name.0`, `name.1` …
    """
    arrays, names = [], []
    references = column_list(column)
    shape = None if width is None else (width - len(references) + 1,)
    for reference in references:
        values = _cells(sources, reference, key, rows, shape)
        if values.ndim > 2:
            raise ConfigError(
                key,
                f"column '{reference}' is no row of numbers",
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
        raise ConfigError(key, "another number of columns", found=joined.shape[1], allowed=str(width))
    return np.full((len(joined), width), np.nan), names


def number_blocks(
    sources: Sources, column: str | Sequence[str], key: str, rows: np.ndarray
) -> tuple[Iterator[np.ndarray], list[str]]:
    """The same of some rows in blocks, each (rows, columns), read when it is its turn; and the names."""
    references = column_list(column)
    cuts = sources.blocks(references, key, rows)
    first, names = number_columns(sources, column, key, next(cuts))
    rest = (number_columns(sources, column, key, cut)[0] for cut in cuts)
    return chain([first], rest), names


def _cells(
    sources: Sources, reference: str, key: str, rows: np.ndarray | None, shape: tuple[int, ...] | None
) -> np.ndarray:
    stored = sources.values(reference, key)
    if not isinstance(stored, np.ndarray) and rows is not None:
        one = sources.part(reference, key, rows)
        return stacked(one, shape) if _holds_lists(one.values) else numbers(one)
    # Lists are read whole: some rows alone may all be missing, and then say nothing of the width.
    if _holds_lists(stored):
        values = stacked(sources.column(reference, key), shape)
        return values if rows is None else values[rows]
    return numbers(sources.column(reference, key) if rows is None else sources.part(reference, key, rows))


def _holds_lists(values: np.ndarray) -> bool:
    return values.dtype == object and any(isinstance(value, (list, tuple, np.ndarray)) for value in values)
