"""The sources of a data set, lined up: by row, or on the values of a key that all of them have."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.columns import Column, missing, text_of
from pipeline.data.files import Columns, Memory, open_file
from pipeline.data.files.memory import fits
from pipeline.data.files.stored import Chained, Ordered, pieces_of, row_bytes, spans
from pipeline.errors import ConfigError
from pipeline.paths import expand, locate

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

    def read(self, column: str, key: str, *, stored: bool = False) -> Any:
        """All values of a column, (rows, ...).

        Args:
            column: its name.
            key: the config key to name in messages.
            stored: leave on the disk what can be read by rows; see `pipeline.data.files.stored`.

        Raises:
            ConfigError: there is no such column, it has no rows, or files differ in its shape.
        """
        arrays = [self._part(part, place, column, key, stored) for place, part in self.parts]
        self._ends = np.cumsum([len(array) for array in arrays])
        if self._ends[-1] == 0:
            raise ConfigError(key, f"column '{column}' of {self.parts[0][0]} has no rows")
        shapes = sorted({array.shape[1:] for array in arrays})
        if len(shapes) > 1:
            raise ConfigError(
                key, f"the files of source {self.name} differ in the shape of '{column}'", found=shapes
            )
        if len(arrays) == 1:
            return arrays[0]
        return Chained(arrays) if stored else np.concatenate(arrays)

    def _part(self, part: Columns, place: str, column: str, key: str, stored: bool) -> Any:
        if column not in part.columns:
            names = [f"{self.name}.{name}".rstrip(".") for name in part.columns]
            raise ConfigError(
                key, f"no such column in {place}", found=f"{self.name}.{column}".rstrip("."), allowed=names
            )
        values = part.stored(column) if stored and hasattr(part, "stored") else part.read(column)
        if not values.shape:
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
        in_memory: False leaves on the disk what can be read by rows; "auto" does where the files are large.

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
        in_memory: bool | str = True,
    ) -> None:
        wanted: dict[str, set[str]] = {name: {join} if join else set() for name in located}
        for reference in references:
            name, _, column = reference.partition(".")
            wanted.setdefault(name, set()).add(column)
        self.folders = list(folders)
        self.sources = {
            name: Source(name, where, folders=folders, wanted=wanted[name]) for name, where in located.items()
        }
        self.in_memory = fits(self.size()) if in_memory == "auto" else bool(in_memory)
        self.rows = 0
        self.first = ""
        self.keys: np.ndarray | None = None
        self.orders: dict[str, np.ndarray] = {}
        self.cached: dict[str, Any] = {}
        if join:
            self._join(join)

    def column(self, reference: str, key: str) -> Column:
        """The column that `<source>.<column>` names (an .npy file has one column: `<source>` alone).

        All of it is read: `part` and `blocks` are for what may be larger than the memory.

        Raises:
            ConfigError: no such source or column, or another number of rows than the columns before.
        """
        return Column(reference, key, self.values(reference, key)[:], self._places(reference, key))

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column:
        """Some rows of a column; nothing else is read of one that stays on the disk."""
        place = self._places(reference, key)
        values = self.values(reference, key)[rows]
        return Column(reference, key, values, lambda row: place(int(rows[row])))

    def blocks(
        self, references: Collection[str], key: str, rows: np.ndarray | None = None, width: int = 0
    ) -> Iterator[np.ndarray]:
        """Row numbers to go through columns with: at once in memory, else in blocks of bounded size.

        Args:
            references: the columns that will be read.
            key: the config key to name in messages.
            rows: of these rows; None: of all.
            width: bytes that a row will need besides what is stored of it, as pictures do.
        """
        values = [self.values(reference, key) for reference in references]
        rows = np.arange(len(values[0])) if rows is None else rows
        if not width and all(isinstance(one, np.ndarray) for one in values):
            yield rows
            return
        for span in spans(len(rows), width + sum(row_bytes(one) for one in values)):
            yield rows[span]

    def values(self, reference: str, key: str) -> Any:
        """A column's values in the order of the joined rows: an array, or what stays on the disk."""
        source, column = self._find(reference, key)
        order = self.orders.get(source.name)
        if reference not in self.cached:
            values = source.read(column, key, stored=not self.in_memory)
            if order is None:
                self._same_rows(reference, len(values), key)
            elif isinstance(values, np.ndarray):
                values = values[order]
            else:
                values = Ordered(values, order)
            self.cached[reference] = values
        return self.cached[reference]

    def pieces(self, references: Collection[str], key: str) -> np.ndarray | None:
        """(rows,) the piece that each row lies in, of the first column read in pieces; None: of none."""
        for reference in references:
            starts = pieces_of(self.values(reference, key))
            if len(starts) > 1:
                return np.searchsorted(starts, np.arange(self.rows), side="right")
        return None

    def size(self) -> int:
        """Bytes of all files on the disk."""
        return sum(
            file.stat().st_size
            for source in self.sources.values()
            for place, _ in source.parts
            for file in (Path(place).rglob("*") if Path(place).is_dir() else [Path(place)])
            if file.is_file()
        )

    def _places(self, reference: str, key: str) -> Callable[[int], str]:
        source, _ = self._find(reference, key)
        order = self.orders.get(source.name)
        return source.place if order is None else lambda row: source.place(int(order[row]))

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
