"""A sample of the rows of every column, read as training reads them."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, numbers, strings
from pipeline.data.files.delimited import Delimited
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.files.encodings import UNICODE
from pipeline.data.files.number_words import parse_numbers
from pipeline.data.files.stored import row_bytes
from pipeline.data.missing import MISSING_WORDS, NOT_AVAILABLE, is_missing, without_words
from pipeline.data.source import Source
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
MOST_ROWS = 50_000  # of a column: enough to see the kinds of columns and how often their values repeat
MOST_CELLS = 2_000_000  # of a source: some seconds
FEWEST_ROWS = 10_000  # of a column in a source of many columns
MOST_BYTES = 2**29  # of an array
BLOCKS = 10  # consecutive rows, because neighbours tell whether the rows are sorted or repeat one thing
# In a column of numbers, these words mean that there is no number.
NO_NUMBER = {
    *("?", "-", "--", "---", ".", "..", "...", "*", "#", "x", "–", "—", "n.a.", "n.a", "n/k", "nil", "none"),
    *("missing", "unknown", "not available", "no data", "#value!", "#div/0!", "#ref!", "not reported"),
}
MOST_MISSING = 0.5  # share of the cells that may be such words in a column of numbers
SHOWN = 4  # values in a comment


@dataclass(frozen=True)
class Cells:
    """Sampled cells of one column.

    Args:
        source: the name of its source.
        name: its name in the file; that of an .npy file's only column is empty.
        column: the sampled rows.
        rows: the number of rows of the whole column.
        in_array: whether each value is in an array of its own, (rows, 1), as only some kinds take it.
    """

    source: str
    name: str
    column: Column
    rows: int
    in_array: bool = False

    @property
    def reference(self) -> str:
        return f"{self.source}.{self.name}" if self.name else self.source

    @property
    def values(self) -> np.ndarray:
        return self.column.values

    @cached_property
    def present(self) -> np.ndarray:
        """(sampled rows,) whether a row has any value."""
        missing = is_missing(self.values)
        return np.asarray(~missing.reshape(len(missing), -1).all(axis=1))

    @cached_property
    def words(self) -> np.ndarray:
        """(sampled rows,) the cells as text, "" where missing; for one value per row."""
        return strings(self.column)

    @cached_property
    def counts(self) -> pd.Series:
        """How often each value occurs, the most frequent first; for one value per row."""
        return pd.Series(self.words[self.words != ""], dtype=object).value_counts()

    @cached_property
    def numbers(self) -> np.ndarray | ConfigError:
        """The cells as float64, NaN where missing; or why they are no numbers."""
        try:
            return numbers(self.column).astype(np.float64)
        except ConfigError as error:
            return error

    @property
    def complete(self) -> bool:
        """Whether the sample has all rows."""
        return len(self.values) == self.rows


class SampledSource:
    """A source, of which some rows of every column are read.

    Args:
        name: its name in the config.
        entry: its files, or `{path: …, encoding: …}`, as in a config.
        folders: where relative paths are looked for, in this order.

    Attributes:
        missing: words for missing cells in addition to `MISSING_WORDS`, found in columns of numbers.
        unread: column -> why it cannot be used.
    """

    def __init__(self, name: str, entry: str | Mapping[str, str], *, folders: Sequence[Path]) -> None:
        self.name, self.entry = name, entry
        self.source = Source(name, entry, folders=folders, needed=None)
        self.files = [Path(place) for place, _ in self.source.parts]
        self.unread: dict[str, str] = {}
        self.cells: dict[str, Cells] = {}
        self._read_all()
        self.missing = _words_for_missing(self.cells.values())
        if self.missing:
            words = [*MISSING_WORDS, *self.missing]
            self.cells = {column: _without(cells, words) for column, cells in self.cells.items()}

    @property
    def rows(self) -> int:
        """The number of rows of most columns; some arrays have nothing to do with the rows."""
        lengths = [cells.rows for cells in self.cells.values()]
        return max(set(lengths), key=lengths.count) if lengths else 0

    def sample(self, rows: int, width: int = 1) -> np.ndarray:
        """The rows that are looked at, of columns of so many rows, each of `width` bytes."""
        most = min(MOST_ROWS, max(FEWEST_ROWS, MOST_CELLS // len(self.source.columns)))
        return sample_rows(rows, min(most, max(BLOCKS, MOST_BYTES // width)))

    def _read_all(self) -> None:
        for _, part in self.source.parts:
            if isinstance(part, Delimited):
                doubled = {*part.columns} - {*part.unique()}
                self.unread |= dict.fromkeys(doubled, "several columns have this name")
        for name in self.source.columns:
            if name not in self.unread:
                try:
                    self.cells[name] = self._read(name)
                except ConfigError as error:
                    if "cannot be read" in error.problem or "UTF-8" in error.problem:
                        raise
                    self.unread[name] = error.problem

    def _read(self, name: str) -> Cells:
        key = self.source.key
        stored = self.source.stored(name, key)
        rows = self.sample(len(stored), row_bytes(stored))
        array = np.asarray(stored[rows])
        in_array = array.ndim == 2 and array.shape[1] == 1
        values, _ = without_words(array[:, 0] if in_array else array, self.source.missing)
        text = None
        if self.source.has_text:
            words, _ = without_words(self.source.read_text(name)[rows], self.source.missing)
            text = lambda: words  # noqa: E731 - a column takes a function
        place = self.source.place
        column = Column(
            f"{self.name}.{name}",
            key,
            values,
            lambda row: place(int(rows[row])),
            self.source.number_format,
            text,
            missing_key=f"{key}.missing",
        )
        return Cells(self.name, name, column, len(stored), in_array)


def open_source(name: str, file: str, folders: Sequence[Path]) -> SampledSource:
    """Opens a file.

    Raises:
        ConfigError: it cannot be read, or its first row is no header.
    """
    source = SampledSource(name, file, folders=folders)
    encodings = {part.dialect.encoding for _, part in source.source.parts if isinstance(part, Delimited)}
    guessed = encodings - UNICODE
    if len(guessed) == 1:
        source.entry = {"path": file, "encoding": guessed.pop()}
    if source.source.has_text and _has_no_header(source):
        raise ConfigError(
            "sources",
            f"the first row of {file} looks like data, not like the names of columns",
            found=shown(source.cells, 8, 200),
            allowed="a first row with a name for every column",
        )
    return source


def _has_no_header(source: SampledSource) -> bool:
    """Whether the names of columns could be cells: numbers in columns of numbers, and words that recur."""
    columns = [cells for cells in source.cells.values() if len(cells.counts)]
    names = parsed([cells.name for cells in columns], source.source.number_format)
    numeric = np.array([cells.values.dtype.kind in "iuf" for cells in columns], dtype=bool)
    counted = numeric.sum() > 1 and (np.diff(names[numeric]) == 1).all()
    if not numeric.any() or np.isnan(names[numeric]).any() or counted:
        return False  # names may be numbers that count
    within = all(
        np.nanmin(cells.values) <= name <= np.nanmax(cells.values)
        for cells, name in zip(columns, names, strict=True)
        if cells.values.dtype.kind in "iuf"
    )
    words = [cells for cells in columns if cells.values.dtype.kind not in "iuf"]
    return within and (not words or any(cells.name in cells.counts.index for cells in words))


def sample_rows(rows: int, most: int) -> np.ndarray:
    """All rows, or `BLOCKS` blocks of consecutive rows that are spread evenly."""
    if rows <= most:
        return np.arange(rows)
    size = most // BLOCKS
    return np.concatenate(
        [start + np.arange(size) for start in np.linspace(0, rows - size, BLOCKS).astype(int)]
    )


def parsed(words: Iterable[str], number_format: NumberFormat) -> np.ndarray:
    """Words as float64, NaN where they are no numbers."""
    return parse_numbers([number_format.plain(word) for word in words])


def shown(values: Iterable[object], most: int = SHOWN, width: int = 60) -> str:
    """Some values for a comment: on one line, and not too long."""
    listed = list(values)
    text = ", ".join(str(value) for value in listed[:most])
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return f"{text[:width]} …" if len(text) > width or len(listed) > most else text


def _words_for_missing(columns: Iterable[Cells]) -> list[str]:
    found: dict[str, None] = {}
    for cells in columns:
        if cells.values.ndim != 1 or cells.values.dtype.kind not in "OU":
            continue
        present = cells.values[cells.present]
        if not all(isinstance(cell, str) for cell in present[:SHOWN]):
            continue
        counts = pd.Series(present, dtype=object).map(lambda cell: str(cell).strip()).value_counts()
        counts = counts[[word not in NOT_AVAILABLE for word in counts.index]]
        others = counts[np.isnan(parsed(counts.index, cells.column.number_format))]
        some = 0 < others.sum() <= MOST_MISSING * counts.sum()
        if some and all(word.lower() in NO_NUMBER for word in others.index):
            found |= dict.fromkeys(others.index)
    return list(found)


def _without(cells: Cells, words: Sequence[str]) -> Cells:
    values, _ = without_words(cells.values, words)
    text = cells.column.text
    if text is not None:
        kept, _ = without_words(text(), words)
        text = lambda: kept  # noqa: E731 - a column takes a function
    return replace(cells, column=replace(cells.column, values=values, text=text))
