"""Rows without labels, read in chunks for a logged model; rows with errors are left out one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from pipeline.data.columns import Column, ColumnReader, RowError
from pipeline.data.files.chunks import FILE, Chunks, PictureFolder, open_chunks
from pipeline.data.files.delimited_chunks import Chunk
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.joins import Join, split_join
from pipeline.data.kinds import Input
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.series import long_forms
from pipeline.data.kinds.vector import short_name
from pipeline.data.missing import MISSING_WORDS, without_words
from pipeline.data.patterns import is_pattern, matching, side_by_side
from pipeline.data.source import SourceEntry, with_words
from pipeline.data.source_chunks import SourceChunks
from pipeline.errors import ConfigError
from pipeline.paths import expand, locate

KEY = "input"  # the config key to name in messages


@dataclass(frozen=True)
class RawRows:
    """Some rows as inputs of the logged model.

    Args:
        first: number of the first row, counted from 0 over all files.
        keys: (rows,) the key of each row; None if rows have no key.
        good: the rows that are in `arrays`.
        arrays: raw model input -> (good rows, ...).
        rejected: row, counted from `first` -> (column, why).
        share: the share of all files that has been read, 0 to 1.
        rows: number of rows, the rejected ones included.
    """

    first: int
    keys: np.ndarray | None
    good: np.ndarray
    arrays: dict[str, np.ndarray]
    rejected: dict[int, tuple[str, str]]
    share: float
    rows: int


class ChunkColumns:
    """The columns of one chunk, by their names in the data config."""

    def __init__(self, columns: Mapping[str, Column], folders: Sequence[Path]) -> None:
        self.columns, self.folders = columns, folders

    def column(self, reference: str, key: str) -> Column:
        return replace(self.columns[reference], key=key)

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column:
        return self.column(reference, key).take(rows)

    def values(self, reference: str, key: str) -> np.ndarray:
        return self.columns[reference].values

    def folders_of(self, root: str | None, key: str) -> list[Path]:
        return list(self.folders) if root is None else [locate(root, self.folders, key)]


class FolderColumns(ChunkColumns):
    """The columns of a chunk of a folder of pictures, which are in this folder wherever others were."""

    def folders_of(self, root: str | None, key: str) -> list[Path]:
        return list(self.folders)


class RowReader:
    """Reads rows for restored inputs.

    Args:
        entry: a path, a glob, or a list of them (read one file after the other), or a mapping of the data's
            sources to their files; a mapping is read as a whole, so that its sources can be joined.
        inputs: name -> a restored input.
        specs: name -> its raw model inputs.
        missing: names of the inputs that are missing in all rows.
        words: source of the data -> the words that mean a missing cell in it; those of `MISSING_WORDS` in
            the other sources.
        join: the column on which the sources of a mapping are joined.
        key: a column of the files that names the rows; None: that of `join`, or the file names of a folder.
        folders: where relative paths are looked for, in this order.

    Raises:
        ConfigError: a file, column or source does not exist, or all inputs are missing.
    """

    def __init__(
        self,
        entry: str | Sequence[str] | Mapping[str, SourceEntry],
        inputs: Mapping[str, Input],
        specs: Mapping[str, Specs],
        *,
        missing: Sequence[str] = (),
        words: Mapping[str, Sequence[str]] | None = None,
        join: Join | None = None,
        key: str | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        self.inputs = {name: source for name, source in inputs.items() if name not in missing}
        self.specs, self.missing, self.words = specs, list(missing), words or {}
        self.folders, self.key, self.key_name = list(folders), key, key
        self._check_missing(inputs)
        self.references = sorted({name for source in self.inputs.values() for name in source.references()})
        self.forms = long_forms(inputs)
        self.parts: list[Chunks]
        if long_forms(self.inputs) and not isinstance(entry, Mapping):
            entry = self._only_source(entry)
        if isinstance(entry, Mapping):
            self._open_sources(entry, join)
        else:
            self._open_files(entry if isinstance(entry, str) else list(entry), join)

    def read(self, rows: int) -> Iterator[RawRows]:
        """Yields all rows in order, at most `rows` at a time."""
        first, names = 0, sorted({*self.columns.values(), *([] if self.key is None else [self.key])})
        for number, part in enumerate(self.parts):
            for chunk in part.read(_expanded(names, part.columns), rows):
                yield self._raw(part, chunk, first, (number + chunk.share) / len(self.parts))
                first += len(chunk)

    def _raw(self, part: Chunks, chunk: Chunk, first: int, share: float) -> RawRows:
        reader = self._reader(part, self._columns(part, chunk, first))
        rejected = {row: ("", why) for row, why in chunk.invalid.items()}
        good = np.setdiff1d(np.arange(len(chunk)), list(rejected))
        try:
            arrays = self._arrays(reader, good)
        except RowError:
            for source in self.inputs.values():
                good = _readable(source, reader, good, rejected)
            arrays = self._arrays(reader, good)
        keys = None if self.key is None else chunk.columns[self.key]
        return RawRows(first, keys, good, arrays, rejected, share, len(chunk))

    def _columns(self, part: Chunks, chunk: Chunk, first: int) -> dict[str, Column]:
        """Column of the data config -> its rows in a chunk."""
        if isinstance(part, SourceChunks):
            rows = np.arange(first, first + len(chunk))
            return {reference: column.take(rows) for reference, column in part.joined.items()}
        number_format = getattr(part, "number_format", NumberFormat())
        columns = {}
        for reference, name in self.columns.items():
            wide = is_pattern(name, part.columns)
            names = matching(name, part.columns)
            values = side_by_side([chunk.columns[one] for one in names]) if wide else chunk.columns[name]
            words = self.words.get(reference.partition(".")[0], MISSING_WORDS)
            values, _ = without_words(values, words)
            columns[reference] = Column(
                reference, KEY, values, lambda row: f"row {first + row}", number_format
            )
        return columns

    def _arrays(self, reader: ColumnReader, good: np.ndarray) -> dict[str, np.ndarray]:
        if not len(good):
            return {}
        present = [source.raw(reader, good) for source in self.inputs.values()]
        missing = [_missing_input(self.specs[name], len(good)) for name in self.missing]
        return dict(chain.from_iterable(arrays.items() for arrays in (*present, *missing)))

    def _check_missing(self, inputs: Mapping[str, Input]) -> None:
        for name in self.missing:
            if name not in inputs:
                raise ConfigError("missing", "the model has no such input", found=name, allowed=inputs)
        if not self.inputs:
            raise ConfigError(
                "missing", "all inputs are missing", found=self.missing, allowed="all but at least one"
            )

    def _open_sources(self, entries: Mapping[str, SourceEntry], join: Join | None) -> None:
        if self.key is not None:
            problem = "with several sources the key is the column of data.join"
            raise ConfigError("key", problem, found=self.key, allowed="null")
        entries = {name: with_words(entry, self.words.get(name)) for name, entry in entries.items()}
        self.parts = [SourceChunks(entries, self.references, join, self.forms, self.folders, KEY)]
        self.columns: dict[str, str] = {}
        if join:
            self.key, self.key_name = "", split_join(join)[0]

    def _only_source(self, paths: str | Sequence[str]) -> Mapping[str, SourceEntry]:
        """The files as those of the source of all columns, whose rows are steps."""
        sources = sorted({reference.partition(".")[0] for reference in self.references})
        if len(sources) > 1:
            raise ConfigError(
                KEY,
                f"the rows of source '{next(iter(self.forms))}' are steps of series, so it has own files",
                found=paths,
                allowed=f"input={{{', '.join(f'{name}: <file>' for name in sources)}}}",
            )
        return {sources[0]: paths}

    def _reader(self, part: Chunks, columns: Mapping[str, Column]) -> ChunkColumns:
        if isinstance(part, PictureFolder):
            return FolderColumns(columns, [part.path])
        return ChunkColumns(columns, self.folders)

    def _open_files(self, paths: str | Sequence[str], join: Join | None) -> None:
        files = expand(paths, self.folders, KEY)
        self.folders += [file if file.is_dir() else file.parent for file in files]
        self.parts = [open_chunks(file, KEY) for file in files]
        if any(isinstance(part, PictureFolder) for part in self.parts):
            self._name_pictures()
        else:
            self._name_columns(split_join(join)[0])

    def _name_columns(self, join: str | None) -> None:
        """Finds the column of each reference; all files have the same columns."""
        names = {reference: short_name(reference) for reference in self.references}
        if self.parts[0].columns == [""] and len(names) == 1:
            names = dict.fromkeys(names, "")
        if len(set(names.values())) < len(names):
            raise ConfigError(
                KEY,
                "several sources have columns of the same name",
                found=self.references,
                allowed="input={<source>: <file>, …}",
            )
        if self.key is None and join is not None and all(join in part.columns for part in self.parts):
            self.key = self.key_name = join
        for part in self.parts:
            for column in (*names.values(), *([] if self.key is None else [self.key])):
                if not (column in part.columns or matching(column, part.columns)):
                    raise self._no_column(column, names, part)
        self.columns = names

    def _name_pictures(self) -> None:
        images = [name for name, source in self.inputs.items() if source.kind == "image"]
        if len(self.inputs) > 1 or not images:
            raise ConfigError(
                KEY,
                "a folder of pictures can only be read if the model has a single image input",
                found=f"inputs {', '.join(self.inputs)}",
                allowed="a table that names the pictures; or missing=[…] for the inputs that the rows lack",
            )
        self.columns = dict.fromkeys(self.references, FILE)
        self.key = self.key_name = FILE

    def _no_column(self, column: str, names: Mapping[str, str], part: Chunks) -> ConfigError:
        users = [
            name
            for name, source in self.inputs.items()
            if any(names[reference] == column for reference in source.references())
        ]
        use = f"input {users[0]} needs it; missing=[{users[0]}] predicts without it" if users else "the key"
        return ConfigError(KEY, f"there is no such column ({use})", found=column, allowed=part.columns)


def _expanded(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Names of columns, with those that match in place of a pattern."""
    parts = (matching(name, columns) if is_pattern(name, columns) else [name] for name in names)
    return sorted(set(chain.from_iterable(parts)))


def _readable(
    source: Input, reader: ColumnReader, rows: np.ndarray, rejected: dict[int, tuple[str, str]]
) -> np.ndarray:
    """The rows that an input can read; adds the others to `rejected`, which are found by halving `rows`."""
    if not len(rows):
        return rows
    try:
        source.raw(reader, rows)
    except RowError as error:
        if len(rows) == 1:
            rejected[int(rows[0])] = (error.column, error.reason)
            return rows[:0]
        middle = len(rows) // 2
        halves = (rows[:middle], rows[middle:])
        return np.concatenate([_readable(source, reader, half, rejected) for half in halves])
    return rows


def _missing_input(specs: Specs, rows: int) -> dict[str, np.ndarray]:
    """The raw arrays of an input that is missing in all rows: NaN, or empty text."""
    return {
        key: np.full(
            (rows, *(size or 1 for size in shape)),
            "" if dtype == "string" else np.nan,
            dtype={"string": object, "uint8": np.float32}.get(dtype, dtype),
        )
        for key, (shape, dtype) in specs.items()
    }
