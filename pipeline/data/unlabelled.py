"""Rows without labels, for a logged model: read in chunks, one by one where some of them are at fault."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.columns import Column, RowError
from pipeline.data.files.chunks import FILE, Chunks, Folder, open_chunks
from pipeline.data.files.delimited_chunks import Chunk
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.vector import short_name
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from pipeline.paths import expand, locate

KEY = "input"  # the config key to name in messages


@dataclass(frozen=True)
class RawRows:
    """Some rows as the logged model takes them.

    Args:
        first: row number of the first of them, counted from 0 over all files.
        keys: (rows,) the key of each row; None where rows have only their number.
        good: which of the rows are in `arrays`.
        arrays: raw model input -> (good rows, ...).
        rejected: row, counted from `first` -> (column, why).
        share: how much of all has been read, 0 to 1.
    """

    first: int
    keys: np.ndarray | None
    good: np.ndarray
    arrays: dict[str, np.ndarray]
    rejected: dict[int, tuple[str, str]]
    share: float
    rows: int


class Given:
    """The columns of one chunk, under the names that the data config gives them."""

    def __init__(self, columns: Mapping[str, np.ndarray], first: int, folders: Sequence[Path]) -> None:
        self.columns, self.first, self.folders = columns, first, folders

    def column(self, reference: str, key: str) -> Column:
        return Column(reference, key, self.columns[reference], lambda row: f"row {self.first + row}")

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column:
        return self.column(reference, key).take(rows)

    def values(self, reference: str, key: str) -> np.ndarray:
        return self.columns[reference]

    def folders_of(self, root: str | None, key: str) -> list[Path]:
        return list(self.folders) if root is None else [locate(root, self.folders, key)]


class RowReader:
    """Reads rows for restored inputs.

    Args:
        given: a path, a glob, a list of them (one file after the other), or a mapping of the data's sources
            to such; a mapping is read whole, so that its sources can be joined.
        inputs: name -> a restored input.
        specs: name -> its raw model inputs.
        missing: names of the inputs that the rows lack.
        join: the column on which the sources of a mapping are joined.
        key: a column of the files that names the rows; None: that of `join` or of a folder's files, if any.
        folders: where relative paths are looked for.

    Raises:
        ConfigError: no such file, column or source; an input that the model cannot do without.
    """

    def __init__(
        self,
        given: str | Sequence[str] | Mapping[str, Any],
        inputs: Mapping[str, Any],
        specs: Mapping[str, Specs],
        *,
        missing: Sequence[str] = (),
        join: str | None = None,
        key: str | None = None,
        folders: Sequence[Path] = (),
    ) -> None:
        self.inputs = {name: one for name, one in inputs.items() if name not in missing}
        self.specs, self.missing = specs, list(missing)
        self.folders, self.key, self.key_name = list(folders), key, key
        self._check_missing(inputs)
        self.references = sorted({name for one in self.inputs.values() for name in one.references()})
        if isinstance(given, Mapping):
            if key is not None:
                raise ConfigError(
                    "key", "several sources have the key of data.join", found=key, allowed="null"
                )
            self.parts: list[Chunks] = [Whole(given, self.references, join, self.folders)]
            self.columns = {reference: reference for reference in self.references}
            self.key = self.key_name = None
            if join:
                self.key, self.key_name = "", join
        else:
            paths = expand(given if isinstance(given, str) else list(given), self.folders, KEY)
            self.folders += [path if path.is_dir() else path.parent for path in paths]
            self.parts = [open_chunks(path, KEY) for path in paths]
            self._name_columns(join)

    def read(self, rows: int) -> Iterator[RawRows]:
        """All rows in order, at most `rows` at a time."""
        first, wanted = 0, sorted({*self.columns.values(), *([] if self.key is None else [self.key])})
        for number, part in enumerate(self.parts):
            for chunk in part.read(wanted, rows):
                yield self._raw(chunk, first, (number + chunk.share) / len(self.parts))
                first += len(chunk)

    def _raw(self, chunk: Chunk, first: int, share: float) -> RawRows:
        columns = {reference: chunk.columns[name] for reference, name in self.columns.items()}
        given = Given(columns, first, self.folders)
        rejected = {row: ("", why) for row, why in chunk.broken.items()}
        good = np.setdiff1d(np.arange(len(chunk)), list(rejected))
        try:
            arrays = self._arrays(given, good)
        except RowError:
            for one in self.inputs.values():
                good = readable(one, given, good, rejected)
            arrays = self._arrays(given, good)
        keys = None if self.key is None else chunk.columns[self.key]
        return RawRows(first, keys, good, arrays, rejected, share, len(chunk))

    def _arrays(self, given: Given, good: np.ndarray) -> dict[str, np.ndarray]:
        if not len(good):
            return {}
        arrays = [one.raw(given, good) for one in self.inputs.values()]
        lacking = [absent(self.specs[name], len(good)) for name in self.missing]
        return dict(chain.from_iterable(one.items() for one in (*arrays, *lacking)))

    def _check_missing(self, inputs: Mapping[str, Any]) -> None:
        for name in self.missing:
            if name not in inputs:
                raise ConfigError("missing", "the model has no such input", found=name, allowed=inputs)
        if not self.inputs:
            raise ConfigError("missing", "all inputs are missing", found=self.missing, allowed="not all")

    def _name_columns(self, join: str | None) -> None:
        """Find each reference's column in the files; all files have the same."""
        if any(isinstance(part, Folder) for part in self.parts):
            self._name_pictures()
            return
        names = {reference: short_name(reference) for reference in self.references}
        known = self.parts[0].columns
        if known == [""] and len(names) == 1:
            names = dict.fromkeys(names, "")
        if len(set(names.values())) < len(names):
            raise ConfigError(
                KEY,
                "columns of the same name in several sources",
                found=self.references,
                allowed="input={<source>: <file>, …}",
            )
        if self.key is None and join is not None and all(join in part.columns for part in self.parts):
            self.key = self.key_name = join
        for part in self.parts:
            for column in (*names.values(), *([] if self.key is None else [self.key])):
                if column not in part.columns:
                    raise self._no_column(column, names, part)
        self.columns = names

    def _name_pictures(self) -> None:
        names = [name for name, one in self.inputs.items() if one.kind == "image"]
        if len(self.inputs) > 1 or not names:
            raise ConfigError(
                KEY,
                "a folder of pictures holds one image input alone",
                found=f"inputs {', '.join(self.inputs)}",
                allowed="a table that names the pictures; or missing=[…] for the inputs that these rows lack",
            )
        self.columns = dict.fromkeys(self.references, FILE)
        self.key = self.key_name = FILE

    def _no_column(self, column: str, names: Mapping[str, str], part: Chunks) -> ConfigError:
        of = [name for name, one in self.inputs.items() for r in one.references() if names[r] == column]
        use = f"input {of[0]} needs it; missing=[{of[0]}] predicts without" if of else "asked for as key"
        return ConfigError(KEY, f"no such column ({use})", found=column, allowed=part.columns)


class Whole:
    """Several sources, joined or row by row, held in memory."""

    def __init__(
        self, given: Mapping[str, Any], references: Sequence[str], join: str | None, folders: Sequence[Path]
    ) -> None:
        for reference in references:
            if reference.partition(".")[0] not in given:
                raise ConfigError(
                    KEY,
                    f"column {reference} needs a file",
                    found=", ".join(given),
                    allowed=sorted({name.partition(".")[0] for name in references}),
                )
        table = Sources(given, folders=folders, references=references, join=join)
        self.arrays = {reference: table.column(reference, KEY).values for reference in references}
        if table.keys is not None:
            self.arrays[""] = table.keys
        self.columns = list(self.arrays)

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        total = len(next(iter(self.arrays.values())))
        for first in range(0, total, rows):
            some = {name: self.arrays[name][first : first + rows] for name in wanted}
            yield Chunk(some, min(1.0, (first + rows) / total))


def readable(one: Any, given: Given, rows: np.ndarray, rejected: dict[int, tuple[str, str]]) -> np.ndarray:
    """The rows that an input can read; the others go to `rejected`. Halves are tried down to single rows."""
    if not len(rows):
        return rows
    try:
        one.raw(given, rows)
    except RowError as error:
        if len(rows) == 1:
            rejected[int(rows[0])] = (error.column, error.reason)
            return rows[:0]
        middle = len(rows) // 2
        halves = (rows[:middle], rows[middle:])
        return np.concatenate([readable(one, given, half, rejected) for half in halves])
    return rows


def absent(specs: Specs, rows: int) -> dict[str, np.ndarray]:
    """What stands for an input that all rows lack: NaN, or empty text."""
    return {
        key: np.full(
            (rows, *(size or 1 for size in shape)),
            "" if dtype == "string" else np.nan,
            dtype={"string": object, "uint8": np.float32}.get(dtype, dtype),
        )
        for key, (shape, dtype) in specs.items()
    }
