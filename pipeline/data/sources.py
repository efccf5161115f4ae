"""The sources of a data set, with their rows matched by position or by a key that all of them have."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from pipeline.data.columns import NONE, Column, text_of
from pipeline.data.files.memory import fits_in_memory
from pipeline.data.files.stored import ReorderedColumn, Values, group_starts, reorder, row_bytes, spans
from pipeline.data.joins import Join, match_rows, split_join
from pipeline.data.long_form import LongForm, LongSource
from pipeline.data.missing import report_words, without_words
from pipeline.data.patterns import is_pattern, shortened
from pipeline.data.source import Source, SourceEntry
from pipeline.errors import ConfigError
from pipeline.paths import locate

logger = logging.getLogger(__name__)


class Sources:
    """All sources of a data set, with their rows matched.

    Args:
        entries: name -> path, glob, list of them, or mapping of arrays.
        folders: where relative paths are looked for, in this order.
        references: the `<source>.<column>` that will be read.
        whole: whether `whole_rows` will be called for the first source, so that text files are parsed once.
        join: the column whose values match the rows, or `{key: <column>, how: left | inner | exact}`; None:
            rows are matched by position. "left" (the default) keeps the rows of the first source, and the
            cells that another source lacks are missing; "inner" keeps the rows that all sources have; "exact"
            refuses sources with different keys.
        forms: source in long form, with a row for each step of a series -> which columns are steps. Its rows
            are grouped by the key of the join.
        in_memory: False leaves columns on disk where their format can be read by rows; "auto" does so where
            the files are large.
        brief: `report` says in one line how many words were taken as missing cells, instead of one for each
            column as it is read.

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
        whole: bool = False,
        join: Join | None = None,
        forms: Mapping[str, LongForm] | None = None,
        in_memory: bool | str = True,
        brief: bool = False,
    ) -> None:
        join_key, how = split_join(join)
        needed: dict[str, set[str]] = {name: {join_key} if join_key else set() for name in entries}
        for reference in references:
            name, _, column = reference.partition(".")
            needed.setdefault(name, set()).add(column)
        self.folders, self.needed = list(folders), needed
        first = next(iter(entries), None) if whole else None
        opened = {
            name: Source(name, entry, folders=folders, needed=None if name == first else needed[name])
            for name, entry in entries.items()
        }
        forms = forms or {}
        self.sources: dict[str, Source | LongSource] = {
            name: _grouped(source, join_key, forms[name]) if name in forms else source
            for name, source in opened.items()
        }
        self.in_memory = fits_in_memory(self.size()) if in_memory == "auto" else bool(in_memory)
        self.rows = 0
        self.first = ""  # the column, or the source of a join, that the number of rows comes from
        self.keys: np.ndarray | None = None
        self.orders: dict[str, np.ndarray] = {}
        self.cache: dict[str, Values] = {}
        self.texts: dict[str, np.ndarray] = {}
        self.brief, self.words = brief, dict[str, int]()  # column -> cells with words for missing ones
        self.said: set[tuple[str, str]] = set()
        if join_key:
            self.keys, self.orders = match_rows(self.sources, join_key, how)
            self.lengths = {name: source.rows for name, source in self.sources.items()}
            self.first, self.rows = next(iter(self.sources)), len(self.keys)

    def column(self, reference: str, key: str) -> Column:
        """Reads a column, named by `<source>.<column>` (an .npy file's only column: by `<source>`).

        The whole column is read: use `part` or `blocks` where it may not fit into memory.

        Raises:
            ConfigError: there is no such source or column, or the column has another number of rows than
                those read before.
        """
        source, name = self._find(reference, key)
        whole = self.values(reference, key)
        # A slice of an array would not remember its words.
        cells = whole if isinstance(whole, np.ndarray) else whole[:]
        values, counts = without_words(cells, source.missing)
        text = None
        if source.is_written(name):
            written, counts = without_words(self._text(source, reference, name, key), source.missing)
            text = lambda: written  # noqa: E731 - a function, as the cells of some rows are made on demand
        if counts and reference not in self.words:
            self.words[reference] = sum(counts.values())
            if not self.brief:
                report_words(reference, counts, source.key)
        say = partial(self._say, reference)
        place, options = self._place_of(reference, key), f"{source.key}.missing"
        return Column(reference, key, values, place, source.number_format, text, say, options)

    def _say(self, reference: str, sentence: str) -> None:
        """Says once what is done to the cells of a column; what follows a colon is an example."""
        what = reference, sentence.partition(":")[0]
        if what not in self.said and not self.brief:
            self.said.add(what)
            cells = self.texts.get(reference, self.cache.get(reference))
            counted = sentence is NONE and isinstance(cells, np.ndarray)  # not of a column on disk
            count = f"{int((np.asarray(cells) == 'None').sum()):,} " if counted else ""
            logger.warning("%s: %s%s", reference, count, sentence)

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column:
        """Reads some rows of a column; only these are read from a column on disk."""
        if rows is self.all_rows:
            return self.column(reference, key)
        place = self._place_of(reference, key)
        source, name = self._find(reference, key)
        if source.is_written(name):
            return self.column(reference, key).take(rows)
        values, _ = without_words(self.values(reference, key)[rows], source.missing)
        return Column(
            reference,
            key,
            values,
            lambda row: place(int(rows[row])),
            source.number_format,
            say=partial(self._say, reference),
            missing_key=f"{source.key}.missing",
        )

    def report(self) -> None:
        """Says in one line how many words were taken as missing cells."""
        if self.words:
            columns = ", ".join(self.words)
            logger.warning(
                "%s cells hold words for missing ones (%s)", f"{sum(self.words.values()):,}", columns
            )

    @cached_property
    def all_rows(self) -> np.ndarray:
        """All row numbers; `part` does not copy columns for this array."""
        return np.arange(self.rows)

    def _text(self, source: Source | LongSource, reference: str, name: str, key: str) -> np.ndarray:
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

    def read(self, columns: Mapping[str, str]) -> None:
        """Reads columns, each with the config key that names it, in this order."""
        for reference, key in columns.items():
            self.values(reference, key)

    def values(self, reference: str, key: str) -> Values:
        """The values of a column in the order of the joined rows: an array, or a column on disk."""
        if reference not in self.cache:
            source, column = self._find(reference, key)
            values = source.read(column, key) if self.in_memory else source.stored(column, key)
            if isinstance(source, Source) and is_pattern(column, source.columns):
                names = source.matching(column, key)
                logger.warning("%s: %s columns, in this order: %s", reference, len(names), shortened(names))
            self.cache[reference] = self._in_order(source, reference, values, key)
        return self.cache[reference]

    def whole_rows(self, name: str) -> Iterator[tuple[str, Values]]:
        """Yields all columns of a source that belong to the rows; those of no reference are not kept."""
        source = self.sources[name]
        for column in source.row_columns():
            reference = f"{name}.{column}".rstrip(".")
            known = self.cache.get(reference)
            if known is None:
                rows = self.lengths[name] if name in self.orders else self.rows
                values = source.row_values(column, rows, in_memory=self.in_memory)
                if values is None:
                    continue
                known = self._in_order(source, reference, values, source.key)
                if column in self.needed[name]:
                    self.cache[reference] = known
            yield column, known
        source.keep(self.needed[name])
        pa.default_memory_pool().release_unused()  # Arrow keeps the memory of what it has read

    def release(self) -> None:
        """Frees the memory of all columns that have been read; they are read again when they are needed."""
        self.cache.clear()
        self.texts.clear()
        pa.default_memory_pool().release_unused()

    def _in_order(self, source: Source | LongSource, reference: str, values: Values, key: str) -> Values:
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

    def _find(self, reference: str, key: str) -> tuple[Source | LongSource, str]:
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


def _grouped(source: Source, join_key: str | None, form: LongForm) -> LongSource:
    if join_key is None:
        raise ConfigError(
            "data.join",
            f"the rows of source '{source.name}' are steps of series, but no column says of which",
            allowed="the column with the key of each series, in every source",
        )
    return LongSource(source, join_key, form)
