"""One column of a source, and its cells as numbers or as strings: what is missing, what does not belong."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.errors import ConfigError

# In a column of numbers these words can mean nothing else; in a column of strings they are strings.
NOT_AVAILABLE = {"NA", "N/A", "#N/A", "n/a", "null", "NULL", "nan", "NaN", "None"}
# How programs write what a file of true and false, read whole, gives as booleans.
TRUTH_VALUES = {"True", "False", "TRUE", "FALSE"}
LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Column:
    """The values of one column, in the order of the joined rows.

    `values` is (rows, ...); `place` says which file and which row of it, counted from 0, a row comes from.
    """

    reference: str
    key: str
    values: np.ndarray
    place: Callable[[int], str]

    def take(self, rows: np.ndarray) -> "Column":
        return replace(self, values=self.values[rows], place=lambda row: self.place(int(rows[row])))

    def error(self, row: int, problem: str, allowed: str, found: object = None) -> "RowError":
        shown = repr(self.values[row]) if found is None else found
        return RowError(
            self.key, problem, column=self.reference, place=self.place(row), found=shown, allowed=allowed
        )


class RowError(ConfigError):
    """One row is at fault. `reason` says so without the place, for lists of many such rows."""

    def __init__(
        self, key: str, problem: str, *, column: str, place: str, found: object, allowed: str
    ) -> None:
        where = f"column '{column}', {place} (rows count from 0)"
        super().__init__(key, f"{problem}: {where}", found=found, allowed=allowed)
        self.column, self.reason = column, f"{problem}; found: {found}; allowed: {allowed}"


def missing(values: np.ndarray) -> np.ndarray:
    """Which cells of `values` are missing: NaN, None, NaT or blank strings. Same shape, boolean."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind in "mM":
        return np.isnat(values)
    if values.dtype.kind in "US":
        return np.char.str_len(np.char.strip(values)) == 0
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=bool)
    return np.array([_blank(value) for value in values.ravel()], dtype=bool).reshape(values.shape)


def _blank(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def numbers(column: Column) -> np.ndarray:
    """The cells as float32 (float64 where the source is wider), NaN = missing.

    Raises:
        ConfigError: text, dates or lists where numbers are due, or a number that is infinite or
            beyond what float32 holds.
    """
    values = column.values
    if values.dtype.kind in "mM":
        raise column.error(0, "dates where numbers are due", "numbers, or empty cells")
    if values.dtype.kind in "OUS":
        values = _parse(column)
    elif values.dtype.kind in "fbiu":
        due = np.float32 if values.dtype.itemsize <= 2 else np.result_type(values, np.float32)
        values = values.astype(due, copy=False)
    else:
        raise column.error(0, f"{values.dtype} where numbers are due", "numbers, or empty cells")
    # The extremes alone cost a fraction of a look at every number; NaN compares as False.
    if (
        np.fmax.reduce(values, axis=None, initial=0) > LARGEST
        or np.fmin.reduce(values, axis=None, initial=0) < -LARGEST
    ):
        wrong = np.abs(values) > LARGEST
        row = _first_row(wrong)
        found = values[row] if values.ndim == 1 else values[row][wrong[row]][0]
        raise column.error(row, "a number that is infinite or too large", "finite numbers", found=found)
    return values


def strings(column: Column) -> np.ndarray:
    """The cells as Python strings in an object array, "" = missing; 3.0 becomes "3".

    Raises:
        ConfigError: a cell that is a list or another object.
    """
    values, absent = column.values, missing(column.values)
    if values.ndim != 1:
        raise ConfigError(
            column.key,
            f"column '{column.reference}' has more than one value a row",
            found=f"shape {values.shape}",
            allowed="one value a row",
        )
    result = np.full(len(values), "", dtype=object)
    for row in np.flatnonzero(~absent):
        if isinstance(values[row], (list, dict, np.ndarray)):
            raise column.error(int(row), "a list where one value is due", "strings, whole numbers, booleans")
        try:
            result[row] = text_of(values[row])
        except UnicodeDecodeError as error:
            raise column.error(int(row), "bytes that are not UTF-8", "UTF-8 text") from error
    return result


def text_of(value: object) -> str:
    """One value as people would type it; 3, 3.0 and "3" are the same, and so are True, "True" and "true"."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, (bool, np.bool_)) or (isinstance(value, str) and value in TRUTH_VALUES):
        return str(value).lower()
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def stacked(column: Column, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """The values as one array (rows, ...): lists of equal shape are stacked, a missing one becomes NaN.

    Args:
        column: an array, or objects that are lists or arrays.
        shape: of one row; None: as the first row that has a value.

    Raises:
        ConfigError: lists of different shapes, or text inside them.
    """
    values = column.values
    if values.dtype != object:
        return values if values.dtype.kind in "biu" and values.ndim > 2 else numbers(column)
    absent = missing(values)
    elements = {int(row): element(column, int(row)) for row in np.flatnonzero(~absent)}
    if shape is None:
        if not elements:
            raise ConfigError(column.key, f"column '{column.reference}' is empty in every row")
        shape = next(iter(elements.values())).shape
    result = np.full((len(values), *shape), np.nan, dtype=np.float32)
    for row, one in elements.items():
        # A grey image may lack the axis of its only channel.
        if one.shape not in (shape, shape[:-1] if shape[-1:] == (1,) else shape):
            raise column.error(
                row, "another shape than the other rows", f"shape {shape}", f"shape {one.shape}"
            )
        result[row] = one.reshape(shape)
    return numbers(replace(column, values=result))


def element(column: Column, row: int) -> np.ndarray:
    """The list in one row as a float32 array."""
    try:
        value = column.values[row]
        return np.array(value.tolist() if isinstance(value, np.ndarray) else value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise column.error(row, "not a list of numbers of one shape", "lists of numbers") from error


def _parse(column: Column) -> np.ndarray:
    cells = np.asarray(column.values, dtype=object).ravel()
    words = np.array([isinstance(cell, str) and cell.strip() in NOT_AVAILABLE for cell in cells], dtype=bool)
    absent = missing(cells) | words
    parsed = pd.to_numeric(pd.Series(cells, dtype=object).where(~absent), errors="coerce")
    parsed = parsed.to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.isnan(parsed) & ~absent
    if wrong.any():
        index = int(np.flatnonzero(wrong)[0])
        row = index // max(1, cells.size // len(column.values))
        cell = cells[index]
        what = "text" if isinstance(cell, (str, bytes)) else f"a {type(cell).__name__}"
        raise column.error(row, f"{what} where numbers are due", "numbers, or empty cells", found=repr(cell))
    return parsed.reshape(column.values.shape)


def _first_row(flags: np.ndarray) -> int:
    return int(np.argmax(flags.reshape(len(flags), -1).any(axis=1)))
