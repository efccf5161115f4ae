"""Sources in long form: a row for each step of a series, in any order, with the key of the series."""

import logging
from collections.abc import Collection, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, RowError, numbers
from pipeline.data.joins import key_texts
from pipeline.data.missing import is_missing, report_words, without_words
from pipeline.data.source import Source
from pipeline.data.times import form_of, read_times
from pipeline.errors import ConfigError

SAMPLE = 100  # cells that tell whether a column holds lists
logger = logging.getLogger(__name__)


class LongForm(NamedTuple):
    """What a config says of a source whose rows are steps.

    Args:
        order: the column of numbers or dates that the steps are sorted by.
        steps: the columns that series name, `order` included.
    """

    order: str
    steps: frozenset[str]


class LongSource:
    """A source whose rows are steps, as one row for each key.

    A cell of a column of steps is the array of all steps; any other column has one value for each key. It
    takes the place of a `Source` and is always read into memory.

    Args:
        source: the rows of the steps.
        key: the column that says which series a step belongs to.
        form: which columns are steps, and their order.

    Raises:
        ConfigError: a row has no key or no place in the order.
    """

    def __init__(self, source: Source, key: str, form: LongForm) -> None:
        self.source, self.key_column, self.form = source, key, form
        self.name, self.key, self.missing, self.parts = source.name, source.key, source.missing, source.parts
        self.number_format = source.number_format
        codes, keys = pd.factorize(key_texts(source, key).values)
        places = _places(self._column(form.order, self.key))
        self.keys = np.asarray(keys, dtype=object)
        self.steps = np.lexsort((places, codes))
        self.codes = codes  # the number of each row's key
        lengths = np.bincount(codes)
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        self._report(places[self.steps])

    def read(self, column: str, key: str) -> np.ndarray:
        """The keys; or for each of them the array of its steps, or its value, (keys,)."""
        if column == self.key_column:
            return self.keys
        if column not in self.form.steps:
            return np.asarray(self.source.read(column, key)[self._rows_with_values(column, key)])
        values = self._column(column, key)
        return self._divided((values.values if column == self.form.order else numbers(values))[self.steps])

    def read_text(self, column: str) -> np.ndarray:
        return np.asarray(self.source.read_text(column)[self._rows_with_values(column, self.key)])

    def is_written(self, column: str) -> bool:
        """Whether the cells of a column are those of a text file."""
        return self.source.has_text and column not in {*self.form.steps, self.key_column}

    def stored(self, column: str, key: str) -> np.ndarray:
        return self.read(column, key)

    @property
    def rows(self) -> int:
        """The number of keys."""
        return len(self.keys)

    def row_columns(self) -> list[str]:
        """The columns that can have one value for each key."""
        return [column for column in self.source.columns if column not in self.form.steps]

    def row_values(self, column: str, rows: int, *, in_memory: bool) -> np.ndarray | None:
        """The value of each key, None if there are several; see `Source.row_values`."""
        try:
            return self.read(column, self.key)
        except ConfigError:
            return None

    def keep(self, columns: Collection[str]) -> None:
        self.source.keep(columns)

    def place(self, row: int) -> str:
        return f"source {self.name}, {self.key_column} {self.keys[row]}"

    def _divided(self, values: np.ndarray) -> np.ndarray:
        result = np.empty(len(self.keys), dtype=object)
        result[:] = [values[start:end] for start, end in zip(self.starts, self.ends, strict=True)]
        return result

    def _column(self, name: str, key: str) -> Column:
        source, reference = self.source, f"{self.name}.{name}"
        values, counts = without_words(source.read(name, key), source.missing)
        if counts:
            report_words(reference, counts, source.key)
        return Column(reference, key, values, source.place, source.number_format)

    def _rows_with_values(self, column: str, key: str) -> np.ndarray:
        """For each key a row of the file that has its value in a column, if there is one.

        Raises:
            ConfigError: the steps of a key have different values.
        """
        values, _ = without_words(self.source.read(column, key), self.missing)
        present = ~is_missing(values)
        if values.ndim != 1 or any(isinstance(cell, (list, np.ndarray)) for cell in values[present][:SAMPLE]):
            raise self._many_values(column, key, f"shape {values.shape}, {values.dtype}")
        cells = pd.factorize(values)[0]
        first = np.lexsort((~present, self.codes))[self.starts]
        different = present & (cells != cells[first][self.codes])
        if different.any():
            row = int(np.argmax(different))
            number = self.codes[row]
            found = f"{values[first[number]]} and {values[row]} for {self.key_column} {self.keys[number]}"
            raise self._many_values(column, key, found)
        return np.asarray(first)

    def _many_values(self, column: str, key: str, found: str) -> ConfigError:
        return many_values(f"{self.name}.{column}", f"{self.name}.{self.form.order}", key, found)

    def _report(self, places: np.ndarray) -> None:
        codes = self.codes[self.steps]
        lengths = self.ends - self.starts
        logger.warning(
            "%s: %s rows are the steps of %s series, sorted by %s; a series has %s to %s steps",
            *(self.name, f"{len(codes):,}", f"{len(self.keys):,}", self.form.order),
            *(f"{lengths.min():,}", f"{lengths.max():,}"),
        )
        doubled = int(((codes[1:] == codes[:-1]) & (places[1:] == places[:-1])).sum())
        if doubled:
            logger.warning(
                "%s: %s rows have the %s of another step of their series; they stay in the order of the file",
                *(self.name, f"{doubled:,}", self.form.order),
            )


def refuse_steps(forms: Mapping[str, LongForm], references: Mapping[str, str]) -> None:
    """Refuses columns of steps where one value per row is needed.

    Args:
        forms: source in long form -> which columns are steps.
        references: column -> the config key that names it.
    """
    for reference, key in references.items():
        source, _, column = reference.partition(".")
        if source in forms and column in forms[source].steps:
            raise many_values(reference, f"{source}.{forms[source].order}", key, reference)


def many_values(reference: str, order: str, key: str, found: object) -> ConfigError:
    """The error that a column of steps has no single value for each key."""
    source, _, column = reference.partition(".")
    return ConfigError(
        key,
        f"the rows of source '{source}' are steps of series, with the order {order}, so '{column}' has many "
        "values for each key",
        found=found,
        allowed="a column with one value for each key, in this or another source; kind: series takes steps",
    )


def _places(column: Column) -> np.ndarray:
    """What the steps are sorted by, as numbers."""
    missing = is_missing(column.values)
    if missing.any():
        row = int(np.argmax(missing))
        raise column.error(row, "the step has no place in the order", "a number or a date in every row")
    try:
        return numbers(column)
    except RowError:
        return read_times(column, form_of(column), "neither a number nor a date")
