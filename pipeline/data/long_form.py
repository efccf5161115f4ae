"""Sources in long form: a row for each step of a series, in any order, with the key of the series."""

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, RowError, is_missing, numbers, strings, without_words
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.joins import key_texts
from pipeline.data.source import Source
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)


class LongSource:
    """A source whose rows are steps, as one row for each key: a cell is the array of all its steps.

    It takes the place of a `Source` and is always read into memory.

    Args:
        source: the rows of the steps.
        key: the column that says which series a step belongs to.
        order: the column of numbers or dates that the steps are sorted by.

    Raises:
        ConfigError: a row has no key or no place in the order.
    """

    has_text = False  # the cells are arrays

    def __init__(self, source: Source, key: str, order: str) -> None:
        self.source, self.key_column, self.order = source, key, order
        self.name, self.key, self.missing, self.parts = source.name, source.key, source.missing, source.parts
        self.number_format = NumberFormat()
        codes, keys = pd.factorize(key_texts(source, key).values)
        places = _places(self._column(order, self.key))
        self.keys = np.asarray(keys, dtype=object)
        self.steps = np.lexsort((places, codes))
        self.ends = np.cumsum(np.bincount(codes))
        self._report(codes[self.steps], places[self.steps])

    def read(self, column: str, key: str) -> np.ndarray:
        """The keys, or for each of them the values of its steps, (keys,) objects."""
        if column == self.key_column:
            return self.keys
        values = self._column(column, key)
        return self._divided((values.values if column == self.order else numbers(values))[self.steps])

    def read_text(self, column: str) -> np.ndarray:
        return self.read(column, self.key)

    def stored(self, column: str, key: str) -> np.ndarray:
        return self.read(column, key)

    @property
    def rows(self) -> int:
        """The number of keys."""
        return len(self.keys)

    def whole_rows(self, rows: int, *, in_memory: bool) -> Iterator[tuple[str, np.ndarray]]:
        """Yields nothing: the key alone tells series apart, and steps have no classes."""
        return iter(())

    def keep(self, columns: Collection[str]) -> None:
        self.source.keep(columns)

    def place(self, row: int) -> str:
        return f"source {self.name}, {self.key_column} {self.keys[row]}"

    def _divided(self, values: np.ndarray) -> np.ndarray:
        result = np.empty(len(self.keys), dtype=object)
        starts = np.concatenate([[0], self.ends[:-1]])
        result[:] = [values[start:end] for start, end in zip(starts, self.ends, strict=True)]
        return result

    def _column(self, name: str, key: str) -> Column:
        source = self.source
        values, _ = without_words(source.read(name, key), source.missing)
        return Column(f"{self.name}.{name}", key, values, source.place, source.number_format)

    def _report(self, codes: np.ndarray, places: np.ndarray) -> None:
        lengths = np.diff(self.ends, prepend=0)
        logger.warning(
            "%s: %s rows are the steps of %s series, sorted by %s; a series has %s to %s steps",
            *(self.name, f"{len(codes):,}", f"{len(self.keys):,}", self.order),
            *(f"{lengths.min():,}", f"{lengths.max():,}"),
        )
        doubled = int(((codes[1:] == codes[:-1]) & (places[1:] == places[:-1])).sum())
        if doubled:
            logger.warning(
                "%s: %s rows have the %s of another step of their series; they stay in the order of the file",
                *(self.name, f"{doubled:,}", self.order),
            )


def refuse_steps(orders: Mapping[str, str], references: Mapping[str, str]) -> None:
    """Refuses columns of steps where one value per row is needed.

    Args:
        orders: source in long form -> the column of its order.
        references: column -> the config key that names it.
    """
    for reference, key in references.items():
        source, _, _ = reference.partition(".")
        if source in orders:
            raise ConfigError(
                key,
                f"the rows of source '{source}' are steps of series, as it has an order "
                f"({source}.{orders[source]}); so there are many values for each key",
                found=reference,
                allowed="a column of another source, with one row for each key; kind: series takes steps",
            )


def _places(column: Column) -> np.ndarray:
    """What the steps are sorted by, as numbers."""
    missing = is_missing(column.values)
    if missing.any():
        row = int(np.argmax(missing))
        raise column.error(row, "the step has no place in the order", "a number or a date in every row")
    if column.values.dtype.kind in "mM":
        return column.values.astype(np.int64)
    try:
        return numbers(column)
    except RowError:
        dates = _dates(pd.Series(strings(column)))
        if dates.isna().any():
            row = int(np.argmax(dates.isna().to_numpy()))
            raise column.error(row, "neither a number nor a date", "numbers or dates in every row") from None
        return np.asarray(dates.dt.as_unit("us").astype("int64").to_numpy())


def _dates(words: "pd.Series[str]") -> "pd.Series[pd.Timestamp]":
    """The words as dates, all written in one way; NaT where a word is none."""
    with_dots = words.str.match(r"\d{1,2}\.").all()  # 31.12.2024, where the day always comes first
    ways: list[dict[str, Any]] = [{"format": "ISO8601"}, {"dayfirst": with_dots}, {"dayfirst": not with_dots}]
    with warnings.catch_warnings():
        # pandas warns where a day cannot be a month; the ways are compared instead.
        warnings.simplefilter("ignore", UserWarning)
        found = [pd.to_datetime(words, errors="coerce", utc=True, **way) for way in ways]
    return min(found, key=lambda dates: dates.isna().sum())
