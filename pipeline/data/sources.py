"""The sources of a data set, lined up: by row, or on the values of a key that all of them have."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.data.columns import Column, missing, text_of
from pipeline.data.files import Columns, Memory, open_file
from pipeline.data.paths import expand, locate
from pipeline.errors import ConfigError

Located = str | Sequence[str] | Mapping[str, np.ndarray]


class Source:
    """One named source: the rows of its files, one after the other.

    Args:
        name: its name in `data.sources`.
        located: a path, glob, list of them, or a mapping of arrays (a pandas DataFrame too).
        folders: where relative paths are looked for, in turn.
        wanted: the columns that will be asked for.
    """

    def __init__(
        self, name: str, located: Located, *, folders: Sequence[str | Path], wanted: Collection[str]
    ) -> None:
        self.name, self.key = name, f"data.sources.{name}"
        self.parts: list[tuple[str, Columns]]
        if isinstance(located, (str, Sequence)):
            paths = expand(located, folders, self.key)
            self.parts = [(str(path), open_file(path, self.key, wanted)) for path in paths]
        else:
            self.parts = [(f"source {name}", Memory(located, self.key))]
        self.columns = self.parts[0][1].columns
        self._ends = np.zeros(0, dtype=int)

    def read(self, column: str, key: str) -> np.ndarray:
        """All values of a column, (rows, ...).

        Raises:
            ConfigError: there is no such column, it has no rows, or files differ in its shape.
        """
        arrays = [self._part(part, place, column, key) for place, part in self.parts]
        self._ends = np.cumsum([len(array) for array in arrays])
        if self._ends[-1] == 0:
            raise ConfigError(key, f"column '{column}' of {self.parts[0][0]} has no rows")
        shapes = sorted({array.shape[1:] for array in arrays})
        if len(shapes) > 1:
            raise ConfigError(
                key, f"the files of source {self.name} differ in the shape of '{column}'", found=shapes
            )
        return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)

    def _part(self, part: Columns, place: str, column: str, key: str) -> np.ndarray:
        if column not in part.columns:
            names = [f"{self.name}.{name}".rstrip(".") for name in part.columns]
            raise ConfigError(
                key, f"no such column in {place}", found=f"{self.name}.{column}".rstrip("."), allowed=names
            )
        values = part.read(column)
        if values.ndim == 0:
            raise ConfigError(key, f"'{column}' of {place} is one value, not a column", found=values)
        return values

    def place(self, row: int) -> str:
        """Which file a row comes from, and which row of that file it is."""
        part = int(np.searchsorted(self._ends, row, side="right"))
        return f"{self.parts[part][0]}, row {row - (int(self._ends[part - 1]) if part else 0)}"


class Sources:
    """All sources of a data set with their rows lined up.

    Args:
        located: name -> path, glob, list or mapping of arrays.
        folders: where relative paths are looked for, in turn.
        references: the `<source>.<column>` that will be asked for; nothing else is read.
        join: the column by whose values rows belong together; None: by their order.

    Raises:
        ConfigError: a file is missing or unreadable; a key is empty, doubled, or not in every source.
    """

    def __init__(
        self,
        located: Mapping[str, Located],
        *,
        folders: Sequence[str | Path] = (".",),
        references: Collection[str] = (),
        join: str | None = None,
    ) -> None:
        wanted: dict[str, set[str]] = {name: {join} if join else set() for name in located}
        for reference in references:
            name, _, column = reference.partition(".")
            wanted.setdefault(name, set()).add(column)
        self.folders = list(folders)
        self.sources = {
            name: Source(name, where, folders=folders, wanted=wanted[name]) for name, where in located.items()
        }
        self.rows = 0
        self.first = ""
        self.keys: np.ndarray | None = None
        self.orders: dict[str, np.ndarray] = {}
        self.cached: dict[str, np.ndarray] = {}
        if join:
            self._join(join)

    def column(self, reference: str, key: str) -> Column:
        """The column that `<source>.<column>` names (an .npy file has one column: `<source>` alone).

        Raises:
            ConfigError: no such source or column, or another number of rows than the columns before.
        """
        source, column = self._find(reference, key)
        order = self.orders.get(source.name)
        if reference not in self.cached:
            values = source.read(column, key)
            if order is None:
                self._same_rows(reference, len(values), key)
            self.cached[reference] = values if order is None else values[order]
        place = source.place if order is None else lambda row: source.place(int(order[row]))
        return Column(reference, key, self.cached[reference], place)

    def names(self, reference: str, key: str) -> list[str]:
        """The values of a column that belongs to no rows, such as an array of class names."""
        source, column = self._find(reference, key)
        return [text_of(value) for value in source.read(column, key)]

    def folders_of(self, root: str | None, key: str) -> list[Path]:
        """The folders in which files named in a column are looked for: `root`, or else the sources' own."""
        if root is None:
            return [Path(folder) for folder in self.folders]
        return [locate(root, self.folders, key)]

    def _find(self, reference: str, key: str) -> tuple[Source, str]:
        name, _, column = reference.partition(".")
        if name not in self.sources:
            raise ConfigError(
                key, "no such source", found=reference, allowed=[f"{one}.…" for one in self.sources]
            )
        return self.sources[name], column

    def _same_rows(self, name: str, rows: int, key: str) -> None:
        if not self.rows:
            self.rows, self.first = rows, name
        if rows != self.rows:
            raise ConfigError(
                key,
                "columns of different length; without data.join, sources line up row by row",
                found=f"{name} has {rows} rows",
                allowed=f"{self.rows} rows, as {self.first} has",
            )

    def _join(self, join: str) -> None:
        for source in self.sources.values():
            keys = _keys(source, join)
            if self.keys is None:
                self.keys, self.rows = keys, len(keys)
                self.first = source.name
                positions = {value: row for row, value in enumerate(keys)}
                self.orders[source.name] = np.arange(len(keys))
                continue
            lacking = [key for key in keys if key not in positions]
            if lacking:
                raise _unmatched(lacking, source.name, self.first, join)
            rows = {value: row for row, value in enumerate(keys)}
            lacking = [key for key in self.keys if key not in rows]
            if lacking:
                raise _unmatched(lacking, self.first, source.name, join)
            self.orders[source.name] = np.array([rows[key] for key in self.keys])


def _keys(source: Source, join: str) -> np.ndarray:
    values = source.read(join, "data.join")
    column = Column(f"{source.name}.{join}", "data.join", values, source.place)
    absent = missing(values)
    if absent.any():
        raise column.error(int(np.argmax(absent)), "a row without a key", "a key in every row")
    keys = np.array([text_of(value) for value in values], dtype=object)
    distinct, counts = np.unique(keys, return_counts=True)
    if (counts > 1).any():
        doubled = distinct[counts > 1]
        row = int(np.flatnonzero(keys == doubled[0])[1])
        raise column.error(
            row, f"{len(doubled)} keys are there twice or more", "every key once", ", ".join(doubled[:5])
        )
    return keys


def _unmatched(keys: list[str], found_in: str, lacking_in: str, join: str) -> ConfigError:
    return ConfigError(
        "data.join",
        f"{len(keys)} values of '{join}' are in source {found_in} but not in source {lacking_in}",
        found=", ".join(keys[:5]) + (", …" if len(keys) > 5 else ""),
        allowed="the same keys in every source",
    )
