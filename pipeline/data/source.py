"""One source: the rows of its files, one file after the other, or arrays in memory."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.decimal_points import with_points
from pipeline.data.files import Columns, open_file
from pipeline.data.files.arrays import Arrays
from pipeline.data.files.delimited import Delimited
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.files.json_rows import JsonRows
from pipeline.data.files.stored import ChainedColumn, ColumnsSideBySide, Values, as_objects, joined
from pipeline.data.files.workbook import Sheet
from pipeline.data.missing import MISSING_WORDS
from pipeline.data.patterns import is_pattern, matching, side_by_side
from pipeline.errors import ConfigError
from pipeline.paths import expand

logger = logging.getLogger(__name__)
SourceEntry = str | Sequence[str] | Mapping[str, np.ndarray] | Mapping[str, str]


class NoColumnError(ConfigError):
    """A source has no such column."""


class Source:
    """One named source: the rows of its files, one file after the other.

    Args:
        name: its name in `data.sources`.
        entry: a path, a glob, a list of them, the same as `path` of a mapping with options of the files
            (see `pipeline.data.files.dialect`), or a mapping of arrays such as a pandas DataFrame.
        folders: where relative paths are looked for, in this order.
        needed: the columns that will be read; None: all.
    """

    def __init__(
        self,
        name: str,
        entry: SourceEntry,
        *,
        folders: Sequence[str | Path],
        needed: Collection[str] | None,
    ) -> None:
        self.name, self.key = name, f"data.sources.{name}"
        self.parts: list[tuple[str, Columns]]
        entry, options = split_entry(entry)
        self.missing: Collection[str] = options.pop("missing", MISSING_WORDS)
        if isinstance(entry, (str, Sequence)):
            paths = expand(entry, folders, self.key)
            self.parts = [(str(path), open_file(path, self.key, needed, options)) for path in paths]
        else:
            self.parts = [(f"source {name}", Arrays(entry, self.key))]
        self.columns = self.parts[0][1].columns
        self._ends = np.zeros(0, dtype=int)
        dialects = [part.dialect for _, part in self.parts if isinstance(part, Delimited)]
        formats = {dialect.numbers for dialect in dialects}
        self.rewrites = len(formats) > 1
        self.number_format = formats.pop() if len(formats) == 1 else NumberFormat()
        if self.rewrites:
            self._report_formats()
        self.has_text = len(dialects) == len(self.parts)

    def read(self, column: str, key: str) -> np.ndarray:
        """Reads all values of a column, (rows, ...).

        Args:
            column: its name; or a pattern such as `x_*`, which gives all columns that match, (rows, columns).
            key: the config key to name in messages.

        Raises:
            ConfigError: the column does not exist, has no rows, or has different shapes in several files.
        """
        if is_pattern(column, self.columns):
            return side_by_side([self.read(name, key) for name in self.matching(column, key)])
        arrays = [self._values(part, place, column, key) for place, part in self.parts]
        self._check(arrays, column, key)
        return arrays[0] if len(arrays) == 1 else joined(arrays)

    def _values(self, part: Columns, place: str, column: str, key: str) -> np.ndarray:
        values = self._column_of(part, place, column, key).read(column)
        if self.rewrites and isinstance(part, Delimited):
            return with_points(values, part.dialect.numbers)
        return values

    def _report_formats(self) -> None:
        signs = ((place, part.dialect.numbers) for place, part in self.parts if isinstance(part, Delimited))
        listed = ", ".join(f"{Path(place).name} 1{numbers.decimal}5" for place, numbers in signs)
        logger.warning(
            "%s: the files write numbers in different ways, and each is read in its own: %s; "
            "{path: …, decimal: …} says it for all",
            *(self.key, listed),
        )

    def read_text(self, column: str) -> np.ndarray:
        """Reads a column of text files as it is written, (rows,); see `is_written`."""
        return np.concatenate(
            [
                part.read_text(column) if isinstance(part, Delimited) else as_objects(part.read(column))
                for _, part in self.parts
            ]
        )

    def is_written(self, column: str) -> bool:
        """Whether the cells of a column, or those of some files, are in text files."""
        return any(isinstance(part, Delimited) for _, part in self.parts) and not is_pattern(
            column, self.columns
        )

    def stored(self, column: str, key: str) -> Values:
        """Like `read`, but leaves the column on disk where its format can be read by rows."""
        if is_pattern(column, self.columns):
            return ColumnsSideBySide([self.stored(name, key) for name in self.matching(column, key)])
        parts: list[Values] = []
        for place, part in self.parts:
            stored = getattr(self._column_of(part, place, column, key), "stored", None)
            parts.append(stored(column) if stored else self._values(part, place, column, key))
        self._check(parts, column, key)
        return parts[0] if len(parts) == 1 else ChainedColumn(parts)

    @property
    def rows(self) -> int:
        """The number of rows of the column that was read last."""
        return int(self._ends[-1])

    def row_columns(self) -> list[str]:
        """The columns that all files have and that can be read by their name."""
        return [name for name in self.columns if all(name in unique_columns(part) for _, part in self.parts)]

    def row_values(self, column: str, rows: int, *, in_memory: bool) -> Values | None:
        """The values of a column with so many rows (0: any); None if it has others or cannot be read.

        Other columns have nothing to do with the rows, such as an array of class names. One that cannot be
        read can be named by no config either.
        """
        ends = self._ends
        try:
            values = self.read(column, self.key) if in_memory else self.stored(column, self.key)
        except ConfigError:
            return None
        if rows in (0, len(values)):
            return values
        self._ends = ends
        return None

    def keep(self, columns: Collection[str]) -> None:
        """Frees the memory of all columns of files that are parsed as a whole but these."""
        for _, part in self.parts:
            if isinstance(part, (Delimited, JsonRows, Sheet)):
                part.keep(columns)

    def matching(self, pattern: str, key: str) -> list[str]:
        """The columns that a pattern names, x_2 before x_10.

        Raises:
            ConfigError: no column matches.
        """
        names = matching(pattern, self.columns)
        if not names:
            raise ConfigError(key, "no column matches", found=f"{self.name}.{pattern}", allowed=self.columns)
        return names

    def _column_of(self, part: Columns, place: str, column: str, key: str) -> Columns:
        if column not in part.columns:
            names = [f"{self.name}.{name}".rstrip(".") for name in part.columns]
            raise NoColumnError(
                key,
                f"there is no such column in {place}",
                found=f"{self.name}.{column}".rstrip("."),
                allowed=names,
            )
        return part

    def _check(self, parts: Sequence[Values], column: str, key: str) -> None:
        for (place, _), values in zip(self.parts, parts, strict=True):
            if not values.shape:
                raise ConfigError(key, f"'{column}' of {place} is a single value, not a column", found=values)
        self._ends = np.cumsum([len(values) for values in parts])
        if self._ends[-1] == 0:
            raise ConfigError(key, f"column '{column}' of {self.parts[0][0]} has no rows")
        shapes = sorted({values.shape[1:] for values in parts})
        if len(shapes) > 1:
            raise ConfigError(
                key,
                f"the files of source '{self.name}' have different shapes for column '{column}'",
                found=shapes,
                allowed="one shape",
            )

    def place(self, row: int) -> str:
        """Describes where a row comes from: the file, and the row of that file."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        return f"{self.parts[part][0]}, row {row - (int(self._ends[part - 1]) if part else 0)}"


def with_words(entry: SourceEntry, words: Sequence[str] | None) -> SourceEntry:
    """New files of a source, with the words for missing cells that the source has, unless they have own."""
    if words is None or not (isinstance(entry, (str, list)) or "path" in entry):
        return entry
    files: Any = {"path": entry} if isinstance(entry, (str, list)) else entry
    return {"missing": list(words), **files}


def missing_words(sources: Mapping[str, Any]) -> dict[str, list[str]]:
    """Source -> its own words for missing cells, of the sources that have any."""
    options = {name: split_entry(entry)[1] for name, entry in sources.items()}
    return {name: list(option["missing"]) for name, option in options.items() if "missing" in option}


def unique_columns(part: Columns) -> list[str]:
    """The columns of a file whose names occur once; others can be read by no name."""
    unique: Callable[[], list[str]] | None = getattr(part, "unique", None)
    return part.columns if unique is None else unique()


def split_entry(entry: Any) -> tuple[Any, dict[str, Any]]:
    """A source's files, or arrays, and the options with which its files are read."""
    if isinstance(entry, Mapping) and isinstance(entry.get("path"), (str, list)):
        return entry["path"], {name: value for name, value in entry.items() if name != "path"}
    return entry, {}
