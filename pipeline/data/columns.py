"""One column of a source, converted to numbers or strings, with its missing and invalid cells."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from pipeline.data.files.amounts import amounts, said
from pipeline.data.files.dialect import DECIMAL_COMMA, NumberFormat
from pipeline.data.files.number_words import parse_numbers
from pipeline.data.files.stored import Values
from pipeline.data.files.words import coded, from_codes, remembers
from pipeline.data.list_cells import parse_list
from pipeline.data.missing import MISSING_WORDS, NOT_AVAILABLE, holds_text_only, is_missing
from pipeline.errors import ConfigError
from pipeline.times import are_times

logger = logging.getLogger(__name__)
# How programs write booleans to text files.
TRUTH_VALUES = {"True", "False", "TRUE", "FALSE"}
LARGEST = float(np.finfo(np.float32).max)
NUMBERS_ALLOWED = "numbers, or empty cells"
NONE = "cells are None, taken as missing in a column of numbers"  # follows how many


@dataclass(frozen=True)
class Column:
    """The values of one column, in the order of the joined rows.

    `values` is (rows, ...); `place` describes where a row comes from: the file, and the row of the file,
    counted from 0. `text` gives the cells of a text file as they are written, where `values` may be numbers.
    `say` is told what is done to the cells, and says each sentence once; `missing_key` is the config key of
    the words for missing cells.
    """

    reference: str
    key: str
    values: np.ndarray
    place: Callable[[int], str]
    number_format: NumberFormat = field(default_factory=NumberFormat)
    text: Callable[[], np.ndarray] | None = None
    say: Callable[[str], None] = lambda sentence: None
    missing_key: str = ""

    def take(self, rows: np.ndarray) -> "Column":
        text = self.text
        return replace(
            self,
            values=self.values[rows],
            place=lambda row: self.place(int(rows[row])),
            text=None if text is None else lambda: text()[rows],
        )

    def error(self, row: int, problem: str, allowed: str, found: object = None) -> "RowError":
        shown = _shown(self.values[row]) if found is None else found
        return RowError(
            self.key, problem, column=self.reference, place=self.place(row), found=shown, allowed=allowed
        )


class ColumnReader(Protocol):
    """Reads columns by their `<source>.<column>`, as the method `raw` of an input needs it."""

    def values(self, reference: str, key: str) -> Values: ...

    def column(self, reference: str, key: str) -> Column: ...

    def part(self, reference: str, key: str, rows: np.ndarray) -> Column: ...

    def folders_of(self, root: str | None, key: str) -> list[Path]: ...


class RowError(ConfigError):
    """An error in one row. `reason` is the message without the place, for lists of many rows."""

    def __init__(
        self, key: str, problem: str, *, column: str, place: str, found: object, allowed: str
    ) -> None:
        where = f"column '{column}', {place} (counting from 0)"
        super().__init__(key, f"{problem}: {where}", found=found, allowed=allowed)
        self.column, self.reason = column, f"{problem}; found: {found}; allowed: {allowed}"


def numbers(column: Column) -> np.ndarray:
    """Converts the cells to float32, or float64 where the source has more digits; NaN = missing.

    Durations become seconds.

    Raises:
        ConfigError: a cell holds text, a date or a list, or a number that is infinite or exceeds float32.
    """
    values = column.values
    if values.dtype.kind == "M":
        allowed = f"{NUMBERS_ALLOWED}; `dates: […]` of a table takes dates"
        raise column.error(0, "a date instead of a number", allowed)
    if values.dtype.kind == "m":
        return np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    if values.dtype.kind in "OUS":
        values = _parse(column)
    elif values.dtype.kind in "fbiu":
        if column.text is not None and values.dtype.kind == "f" and np.isnan(values).any():
            _say_none(column, np.array([cell for cell in column.text() if cell == "None"], dtype=object))
        dtype = np.float32 if values.dtype.itemsize <= 2 else np.result_type(values, np.float32)
        values = values.astype(dtype, copy=False)
    else:
        raise column.error(0, f"{values.dtype} instead of a number", NUMBERS_ALLOWED)
    # Two reductions are faster than a mask of all cells; comparisons with NaN are false.
    if (
        np.fmax.reduce(values, axis=None, initial=0) > LARGEST
        or np.fmin.reduce(values, axis=None, initial=0) < -LARGEST
    ):
        invalid = np.abs(values) > LARGEST
        row = _first_row(invalid)
        cell = values[row] if values.ndim == 1 else values[row][invalid[row]][0]
        allowed = f"numbers up to {LARGEST:.1e}"
        if column.missing_key and values.ndim == 1:
            allowed += (
                f"; {column.missing_key}: ['', {str(column.values[row])!r}], if it means a missing number"
            )
        raise column.error(row, "the number is infinite or too large", allowed, found=cell)
    return values


def strings(column: Column) -> np.ndarray:
    """Converts the cells to Python strings in an object array; "" = missing, and 3.0 becomes "3".

    Raises:
        ConfigError: a cell holds a list or another object.
    """
    values = column.values if column.text is None else column.text()
    if values.ndim != 1:
        raise ConfigError(
            column.key,
            f"column '{column.reference}' has more than one value per row",
            found=f"shape {values.shape}",
            allowed="one value per row",
        )
    values = values.astype(object) if values.dtype.kind == "U" else values
    if values.dtype.kind in "biuf" or (values.dtype == object and holds_text_only(values)):
        codes, distinct = coded(values) if values.dtype == object else pd.factorize(values)
        texts = _texts(codes, distinct)
        same = remembers(values) and texts == distinct.tolist()
        return values if same else _column_of(codes, texts)
    return _strings_of_objects(column, values)


def _texts(codes: np.ndarray, distinct: np.ndarray) -> list[str]:
    """The texts of distinct cells, and "" behind them if there are missing cells, which have the code -1."""
    texts = [cell if type(cell) is str and cell not in TRUTH_VALUES else text_of(cell) for cell in distinct]
    return ["" if text.isspace() else text for text in texts] + [""] * bool((codes < 0).any())


def _column_of(codes: np.ndarray, texts: list[str]) -> np.ndarray:
    numbers, words = pd.factorize(np.array(texts, dtype=object))  # True, "true" and "True" are one text
    return from_codes(numbers[codes], words)


def _strings_of_objects(column: Column, values: np.ndarray) -> np.ndarray:
    result = np.full(len(values), "", dtype=object)
    for row in np.flatnonzero(~is_missing(values)):
        if isinstance(values[row], (list, dict, np.ndarray)):
            raise column.error(
                int(row), "a list instead of a single value", "strings, whole numbers, booleans"
            )
        try:
            result[row] = text_of(values[row])
        except UnicodeDecodeError as error:
            raise column.error(int(row), "bytes that are not UTF-8", "UTF-8 text") from error
    return result


def text_of(value: object) -> str:
    """Converts one value to text; 3, 3.0 and "3" give the same text, and so do True, "True" and "true"."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, str) and value in TRUTH_VALUES):
        return str(value).lower()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    if isinstance(value, Decimal) and value.is_finite() and value % 1 == 0:
        return str(int(value))
    if isinstance(value, (np.datetime64, datetime)):
        return str(pd.Timestamp(value)).removesuffix(" 00:00:00")
    if isinstance(value, (np.timedelta64, timedelta)):
        return str(pd.Timedelta(value))
    return str(value)


def stack(column: Column, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Converts the cells to one array (rows, ...): stacks lists of equal shape, with NaN for missing ones.

    Args:
        column: an array, or objects that are lists or arrays.
        shape: of one row; None: the shape of the first row with a value.

    Raises:
        ConfigError: the lists have different shapes, or contain text.
    """
    values = column.values
    if values.dtype != object:
        return values if values.dtype.kind in "biu" and values.ndim > 2 else numbers(column)
    lists = {int(row): list_in_row(column, int(row)) for row in np.flatnonzero(~is_missing(values))}
    if shape is None:
        if not lists:
            raise ConfigError(column.key, f"column '{column.reference}' is empty in every row")
        shape = next(iter(lists.values())).shape
    # Pixels need no more than the 7 digits of float32.
    result = np.full((len(values), *shape), np.nan, dtype=np.float32 if len(shape) > 1 else np.float64)
    for row, array in lists.items():
        # A grey image may lack the channel axis.
        if array.shape not in (shape, shape[:-1] if shape[-1:] == (1,) else shape):
            raise column.error(
                row, "the shape differs from that of other rows", f"shape {shape}", f"shape {array.shape}"
            )
        result[row] = array.reshape(shape)
    return numbers(replace(column, values=result))


def list_in_row(column: Column, row: int) -> np.ndarray:
    """The list in one cell as a float64 array; in a cell of text, the numbers that it holds."""
    cell = column.values[row]
    try:
        if isinstance(cell, str):
            return parse_list(cell, NOT_AVAILABLE, column.number_format.decimal)
        if isinstance(cell, np.ndarray) and cell.dtype.kind in "fiu":
            return cell.astype(np.float64)
        return np.array(cell.tolist() if isinstance(cell, np.ndarray) else cell, dtype=np.float64)
    except (TypeError, ValueError) as error:
        problem = "not a list of numbers, or a list whose parts differ in length"
        raise column.error(row, problem, "lists of numbers") from error


def _parse(column: Column) -> np.ndarray:
    cells = np.asarray(column.values, dtype=object).ravel()
    words = np.array([isinstance(cell, str) and cell.strip() in NOT_AVAILABLE for cell in cells], dtype=bool)
    missing = is_missing(cells) | words
    _say_none(column, cells[words])
    plain = _plain(cells, missing, column.number_format)
    parsed = parse_numbers(pd.Series(plain, dtype=object).where(~missing))
    invalid = np.isnan(parsed) & ~missing
    if invalid.any() and all(isinstance(cell, str) for cell in cells[invalid]):
        parsed[invalid] = _amounts(column, cells, invalid, bare=bool((~invalid & ~missing).any()))
        invalid = np.isnan(parsed) & ~missing
    if invalid.any():
        index = int(np.flatnonzero(invalid)[0])
        raise _no_number(column, index // max(1, cells.size // len(column.values)), cells[index])
    return np.asarray(parsed.reshape(column.values.shape))


def _say_none(column: Column, words: np.ndarray) -> None:
    """Says that cells are None, which is missing in columns of numbers only."""
    if any(word.strip() not in MISSING_WORDS for word in words):
        column.say(NONE)


def _amounts(column: Column, cells: np.ndarray, chosen: np.ndarray, *, bare: bool) -> np.ndarray:
    """The numbers in cells that have a unit or an unusual sign; all cells must have the same unit."""
    values, units = amounts(cells[chosen], column.number_format)
    mixed = not np.isnan(values).any() and len({*units, ""} if bare else {*units}) > 1
    if mixed and not column.missing_key:  # rows to predict, each of which is read for itself
        logger.warning("%s: numbers with different units, each as it stands: %s", column.reference, units)
    elif mixed:
        row = int(np.flatnonzero(chosen)[0]) // max(1, cells.size // len(column.values))
        found = ", ".join(unit or "none" for unit in dict.fromkeys([*units, *([""] if bare else [])]))
        raise column.error(row, "the numbers have different units", "one unit in all cells, or none", found)
    if not np.isnan(values).any() and (sentence := said(units, cells[chosen][0], values[0])):
        column.say(sentence)
    return values


def _no_number(column: Column, row: int, cell: object) -> "RowError":
    if isinstance(cell, (str, bytes)):
        allowed = NUMBERS_ALLOWED
        if isinstance(cell, str) and column.missing_key and not any(map(str.isdigit, cell)):
            allowed += f"; {column.missing_key}: ['', {cell!r}], if it means a missing number"
        elif isinstance(cell, str) and are_times(np.array([cell], dtype=object)):
            allowed = f"{NUMBERS_ALLOWED}; `dates: […]` of a table takes dates and times"
        elif isinstance(cell, str) and DECIMAL_COMMA.fullmatch(cell.strip()):
            allowed += "; `decimal: ','` of a text table reads decimal commas, other files need numbers"
        return column.error(row, "text instead of a number", allowed, found=repr(cell))
    what = {dict: "named fields", np.ndarray: "a list"}.get(type(cell), f"a {type(cell).__name__}")
    return column.error(row, f"{what} instead of a number", NUMBERS_ALLOWED, found=repr(cell))


def _shown(cell: object) -> str:
    """A cell in a message: as text, in quotes if it is one."""
    plain = cell.item() if isinstance(cell, np.generic) and not isinstance(cell, np.datetime64) else cell
    return repr(plain) if isinstance(plain, (str, bytes)) else str(cell)


def _plain(cells: np.ndarray, missing: np.ndarray, number_format: NumberFormat) -> np.ndarray:
    """Rewrites numbers with thousands separators or a decimal comma; most cells have neither."""
    signs = set(number_format.thousands + number_format.decimal) - {"."}
    if number_format.decimal == ",":
        signs.add(".")
    rewritten = cells.copy()
    for row in np.flatnonzero(~missing):
        if isinstance(cells[row], str) and not signs.isdisjoint(cells[row]):
            rewritten[row] = number_format.plain(cells[row])
    return rewritten


def _first_row(flags: np.ndarray) -> int:
    return int(np.argmax(flags.reshape(len(flags), -1).any(axis=1)))
