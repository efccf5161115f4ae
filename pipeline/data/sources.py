"""The sources of a data set, with their rows matched by position or by a key that all of them have."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.columns import MISSING_WORDS, Column, strings, text_of, without_words
from pipeline.data.files import Columns, open_file
from pipeline.data.files.arrays import Arrays
from pipeline.data.files.delimited import Delimited
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.files.memory import fits_in_memory
from pipeline.data.files.stored import (
    ChainedColumn,
    ReorderedColumn,
    Values,
    group_starts,
    reorder,
    row_bytes,
    spans,
)
from pipeline.data_options import JOINS
from pipeline.errors import ConfigError
from pipeline.paths import expand, locate

SourceEntry = str | Sequence[str] | Mapping[str, np.ndarray] | Mapping[str, str]
Join = str | Mapping[str, str]
SHOWN = 5  # keys in a message
logger = logging.getLogger(__name__)


class Source:
    """One named source: the rows of its files, one file after the other.

    Args:
        name: its name in `data.sources`.
        entry: a path, a glob, a list of them, the same as `path` of a mapping with options of the files
            (see `pipeline.data.files.dialect`), or a mapping of arrays such as a pandas DataFrame.
        folders: where relative paths are looked for, in this order.
        needed: the columns that will be read.
    """

    def __init__(
        self, name: str, entry: SourceEntry, *, folders: Sequence[str | Path], needed: Collection[str]
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
        self.number_format = dialects[0].numbers if dialects else NumberFormat()
        self.has_text = len(dialects) == len(self.parts)

    def read(self, column: str, key: str) -> np.ndarray:
        """Reads all values of a column, (rows, ...).

        Args:
            column: its name.
            key: the config key to name in messages.

        Raises:
            ConfigError: the column does not exist, has no rows, or has different shapes in several files.
        """
        arrays = [self._column_of(part, place, column, key).read(column) for place, part in self.parts]
        self._check(arrays, column, key)
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def read_text(self, column: str) -> np.ndarray:
        """Reads a column of text files as it is written, (rows,); see `has_text`."""
        return np.concatenate(
            [part.read_text(column) for _, part in self.parts if isinstance(part, Delimited)]
        )

    def stored(self, column: str, key: str) -> Values:
        """Like `read`, but leaves the column on disk where its format can be read by rows."""
        parts: list[Values] = []
        for place, part in self.parts:
            file = self._column_of(part, place, column, key)
            parts.append(file.stored(column) if hasattr(file, "stored") else file.read(column))
        self._check(parts, column, key)
        return parts[0] if len(parts) == 1 else ChainedColumn(parts)

    def _column_of(self, part: Columns, place: str, column: str, key: str) -> Columns:
        if column not in part.columns:
            names = [f"{self.name}.{name}".rstrip(".") for name in part.columns]
            raise ConfigError(
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


class Sources:
    """All sources of a data set, with their rows matched.

    Args:
        entries: name -> path, glob, list of them, or mapping of arrays.
        folders: where relative paths are looked for, in this order.
        references: the `<source>.<column>` that will be read; no other column is.
        join: the column whose values match the rows, or `{key: <column>, how: left | inner | exact}`; None:
            rows are matched by position. "left" (the default) keeps the rows of the first source, and the
            cells that another source lacks are missing; "inner" keeps the rows that all sources have; "exact"
            refuses sources with different keys.
        in_memory: False leaves columns on disk where their format can be read by rows; "auto" does so where
            the files are large.

    Raises:
        ConfigError: a file does not exist or cannot be read; a key is empty, occurs twice, or is missing
            from a source.
    """

    def __init__(
        self,
        entries: Mapping[str, SourceEntry],
        *,
        folders: Sequence[str | Path] = (".",),
        references: Collection[str] = (),
        join: Join | None = None,
        in_memory: bool | str = True,
    ) -> None:
        join_key, how = split_join(join)
        needed: dict[str, set[str]] = {name: {join_key} if join_key else set() for name in entries}
        for reference in references:
            name, _, column = reference.partition(".")
            needed.setdefault(name, set()).add(column)
        self.folders = list(folders)
        self.sources = {
            name: Source(name, entry, folders=folders, needed=needed[name]) for name, entry in entries.items()
        }
        self.in_memory = fits_in_memory(self.size()) if in_memory == "auto" else bool(in_memory)
        self.rows = 0
        self.first = ""  # the column, or the source of a join, that the number of rows comes from
        self.keys: np.ndarray | None = None
        self.orders: dict[str, np.ndarray] = {}
        self.cache: dict[str, Values] = {}
        self.texts: dict[str, np.ndarray] = {}
        self.reported: set[str] = set()  # columns whose words for missing cells have been said
        if join_key:
            self._join(join_key, how)

    def column(self, reference: str, key: str) -> Column:
        """Reads a column, named by `<source>.<column>` (an .npy file's only column: by `<source>`).

        The whole column is read: use `part` or `blocks` where it may not fit into memory.

        Raises:
            ConfigError: there is no such source or column, or the column has another number of rows than
                those read before.
        """
        source, name = self._find(reference, key)
        values, counts = without_words(self.values(reference, key)[:], source.missing)
        text = None
        if source.has_text:
            cells, counts = without_words(self._text(source, reference, name, key), source.missing)
            text = lambda: cells  # noqa: E731 - a function, as the cells of some rows are made on demand
        if counts and reference not in self.reported:
            self.reported.add(reference)
            listed = ", ".join(f"{count:,} cells are {word}" for word, count in counts.items())
            logger.warning("%s: %s, taken as missing (%s.missing)", reference, listed, source.key)
        return Column(reference, key, values, self._place_of(reference, key), source.number_format, text)

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column:
        """Reads some rows of a column; only these are read from a column on disk."""
        place = self._place_of(reference, key)
        source, _ = self._find(reference, key)
        if source.has_text:
            return self.column(reference, key).take(rows)
        values, _ = without_words(self.values(reference, key)[rows], source.missing)
        return Column(reference, key, values, lambda row: place(int(rows[row])), source.number_format)

    def _text(self, source: Source, reference: str, name: str, key: str) -> np.ndarray:
        if reference not in self.texts:
            text = source.read_text(name)
            order = self.orders.get(source.name)
            self.texts[reference] = text if order is None else reorder(text, order)
        return self.texts[reference]

    def blocks(
        self, references: Collection[str], key: str, rows: np.ndarray | None = None, width: int = 0
    ) -> Iterator[np.ndarray]:
        """Yields row numbers in blocks of bounded memory; in a single block if all columns are in memory.

        Args:
            references: the columns that will be read.
            key: the config key to name in messages.
            rows: the rows to divide into blocks; None: all.
            width: bytes that a row needs in addition to its cells, such as those of a decoded picture.
        """
        columns = [self.values(reference, key) for reference in references]
        rows = np.arange(len(columns[0])) if rows is None else rows
        if not width and all(isinstance(values, np.ndarray) for values in columns):
            yield rows
            return
        for span in spans(len(rows), width + sum(row_bytes(values) for values in columns)):
            yield rows[span]

    def values(self, reference: str, key: str) -> Values:
        """The values of a column in the order of the joined rows: an array, or a column on disk."""
        if reference not in self.cache:
            source, column = self._find(reference, key)
            values = source.read(column, key) if self.in_memory else source.stored(column, key)
            self.cache[reference] = self._in_order(source, reference, values, key)
        return self.cache[reference]

    def _in_order(self, source: Source, reference: str, values: Values, key: str) -> Values:
        order = self.orders.get(source.name)
        if order is None:
            self._check_rows(reference, len(values), key)
            return values
        return reorder(values, order) if isinstance(values, np.ndarray) else ReorderedColumn(values, order)

    def row_groups(self, references: Collection[str], key: str) -> np.ndarray | None:
        """(rows,) the number of each row's row group in the first column that has several; or None."""
        for reference in references:
            starts = group_starts(self.values(reference, key))
            if len(starts) > 1:
                return np.searchsorted(starts, np.arange(self.rows), side="right")
        return None

    def size(self) -> int:
        """Bytes that all files take on disk."""
        return sum(
            file.stat().st_size
            for source in self.sources.values()
            for place, _ in source.parts
            for file in (Path(place).rglob("*") if Path(place).is_dir() else [Path(place)])
            if file.is_file()
        )

    def names(self, reference: str, key: str) -> list[str]:
        """The values of a column that has nothing to do with the rows, such as an array of class names."""
        source, column = self._find(reference, key)
        return [text_of(value) for value in source.read(column, key)]

    def folders_of(self, root: str | None, key: str) -> list[Path]:
        """Where the files that a column names are looked for: in `root`, else in the sources' folders."""
        if root is None:
            return [Path(folder) for folder in self.folders]
        return [locate(root, self.folders, key)]

    def _place_of(self, reference: str, key: str) -> Callable[[int], str]:
        source, _ = self._find(reference, key)
        order = self.orders.get(source.name)
        if order is None:
            return source.place
        return lambda row: source.place(int(order[row])) if order[row] >= 0 else f"source {source.name}"

    def _find(self, reference: str, key: str) -> tuple[Source, str]:
        name, _, column = reference.partition(".")
        if name not in self.sources:
            allowed = [f"{known}.…" for known in self.sources]
            raise ConfigError(key, "there is no such source", found=reference, allowed=allowed)
        return self.sources[name], column

    def _check_rows(self, reference: str, rows: int, key: str) -> None:
        if not self.rows:
            self.rows, self.first = rows, reference
        if rows != self.rows:
            raise ConfigError(
                key,
                "the columns have different lengths; without data.join, rows are matched by position",
                found=f"{reference} has {rows} rows",
                allowed=f"{self.rows} rows, like {self.first}",
            )

    def _join(self, join: str, how: str) -> None:
        keys = {name: _keys(source, join) for name, source in self.sources.items()}
        self.first = next(iter(keys))
        kept = keys[self.first]
        for name, others in keys.items():
            if how == "exact":
                _check_matched(np.setdiff1d(others, kept).tolist(), name, self.first, join)
                _check_matched(np.setdiff1d(kept, others).tolist(), self.first, name, join)
            unused, lacking = len(np.setdiff1d(others, kept)), len(np.setdiff1d(kept, others))
            if how == "left" and (unused or lacking):
                logger.warning(
                    "data.join: %s of %s rows of %s are not in %s, so their cells of %s are missing; "
                    "%s rows of %s have other keys and are left out",
                    *(f"{lacking:,}", f"{len(kept):,}", self.first, name, name, f"{unused:,}", name),
                )
        if how == "inner":
            kept = self._shared_keys(keys)
        self.keys, self.rows = kept, len(kept)
        for name, others in keys.items():
            rows = {value: row for row, value in enumerate(others)}
            self.orders[name] = np.array([rows.get(key, -1) for key in kept])

    def _shared_keys(self, keys: Mapping[str, np.ndarray]) -> np.ndarray:
        """The keys that all sources have, in the order of the first one."""
        first = keys[self.first]
        shared = first[np.all([np.isin(first, others) for others in keys.values()], axis=0)]
        if not len(shared):
            raise ConfigError("data.join", "no key is in every source", found=", ".join(first[:SHOWN]))
        if len(shared) < len(first):
            logger.warning(
                "data.join: %s of %s rows of %s are in every source", len(shared), len(first), self.first
            )
        return shared


def split_join(join: Join | None) -> tuple[str | None, str]:
    """The column of a join, and how rows without a partner are treated."""
    if isinstance(join, Mapping):
        return join["key"], join.get("how", JOINS[0])
    return join, JOINS[0]


def split_entry(entry: Any) -> tuple[Any, dict[str, Any]]:
    """A source's files, or arrays, and the options with which its files are read."""
    if isinstance(entry, Mapping) and isinstance(entry.get("path"), (str, list)):
        return entry["path"], {name: value for name, value in entry.items() if name != "path"}
    return entry, {}


def _keys(source: Source, join: str) -> np.ndarray:
    values = source.read(join, "data.join")
    text = (lambda: source.read_text(join)) if source.has_text else None
    column = Column(f"{source.name}.{join}", "data.join", values, source.place, text=text)
    keys = strings(column)
    if (keys == "").any():
        raise column.error(int(np.argmax(keys == "")), "the row has no key", "a key in every row")
    distinct, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        repeated = distinct[counts > 1]
        row = int(np.flatnonzero(keys == repeated[0])[1])
        problem = f"keys that occur more than once: {len(repeated)}"
        raise column.error(row, problem, "each key once", ", ".join(repeated[:SHOWN]))
    return keys


def _check_matched(unmatched: list[str], source: str, other: str, join: str) -> None:
    if unmatched:
        raise ConfigError(
            "data.join",
            f"values of '{join}' in source {source} but not in source {other}: {len(unmatched)}",
            found=", ".join(unmatched[:SHOWN]) + (", …" if len(unmatched) > SHOWN else ""),
            allowed="the same keys in every source; or how: left, which leaves cells missing",
        )
