"""Columns of dates, times of day and durations, read as seconds."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.columns import Column
from pipeline.data.missing import NOT_AVAILABLE, is_missing
from pipeline.errors import ConfigError
from pipeline.times import (
    ALLOWED,
    DURATION,
    MOMENT,
    TIME_OF_DAY,
    TimeForm,
    find_form,
    has_short_year,
    in_iso,
    seconds,
)

STARTS = "a date such as 2024-05-31; or fractions instead"
SHORT_YEARS = 10_000  # different dates in which years of two digits are looked for
logger = logging.getLogger(__name__)


def form_of(column: Column, day_first: bool | None = None, key: str = "") -> TimeForm:
    """The form of a column of times, from all its rows.

    Logs a warning if no row tells whether the day or the month comes first.

    Args:
        column: all rows.
        day_first: the option that says it; None: the rows tell.
        key: of this option; "" if there is none.
    """
    cells = _cells(column)
    form = find_form(cells, day_first)
    if form.ambiguous:
        logger.warning(
            "%s: dates such as %s may begin with the month or with the day, and are read as month first%s",
            *(column.reference, column.values[np.argmax(~is_missing(cells))]),
            f" ({key}=true reads the day first)" if key else "",
        )
    first = pd.unique(cells)[:SHORT_YEARS] if cells.dtype == object and form.kind == MOMENT else []
    short = [cell for cell in first if isinstance(cell, str) and has_short_year(cell)]
    if short:
        years = in_iso(seconds(np.array(short, dtype=object), form), form)
        late = max(zip([str(year or "") for year in years], short, strict=False))
        logger.warning(
            "%s: years of two digits are those from 1969 to 2068: %s is %s",
            *(column.reference, late[1], late[0][:10]),
        )
    return form


def read_times(column: Column, form: TimeForm, problem: str = "") -> np.ndarray:
    """The cells as seconds, float64 (rows,), NaN = missing; see `TimeForm`.

    Args:
        problem: what to say of a cell that is no time; "": that it is not of the form's kind.

    Raises:
        ConfigError: a cell is no time, or has another form than the column.
    """
    if column.values.ndim != 1:
        raise column.error(0, "more than one value per row", "a date or a time in every row")
    cells = _cells(column)
    found = seconds(cells, form)
    unreadable = np.isnan(found) & ~is_missing(cells)
    if unreadable.any():
        row = int(np.argmax(unreadable))
        kinds = {DURATION: "not a duration", TIME_OF_DAY: "not a time of day", MOMENT: "not a date"}
        allowed = ALLOWED
        if column.missing_key:
            allowed += f"; {column.missing_key}: ['', {cells[row]!r}], if it means a missing one"
        raise column.error(row, problem or kinds[form.kind], allowed, found=repr(cells[row]))
    return found


def ordered_times(
    column: Column, starts: Mapping[str, Any], day_first: bool | None, key: str
) -> tuple[np.ndarray, dict[str, float]]:
    """Times that order rows, and moments at which parts begin, as numbers that can be compared.

    Args:
        column: numbers of any unit, or times; every row has one.
        starts: option -> a moment as it is written in the config; a number if the column has numbers without
            a known unit.
        day_first: see `form_of`.
        key: the config key of the options.

    Raises:
        ConfigError: a row has no time, or a cell or a start cannot be read.
    """
    missing = is_missing(_cells(column))
    if missing.any():
        raise column.error(int(np.argmax(missing)), "the row has no time", "a date or a number in every row")
    numeric = column.values.dtype.kind in "iuf"
    if numeric and all(isinstance(start, (int, float)) for start in starts.values()):
        return column.values, {name: float(start) for name, start in starts.items()}
    form = form_of(column, day_first, f"{key}.day_first")
    if numeric and form.unit is None:
        name, start = next(iter(starts.items()))
        allowed = "a number, as in the time column; or fractions instead"
        raise ConfigError(f"{key}.{name}", "not a start of this split", found=start, allowed=allowed)
    return read_times(column, form), {
        name: _start(f"{key}.{name}", start, form) for name, start in starts.items()
    }


def _start(key: str, start: Any, form: TimeForm) -> float:
    cell = np.array([start if isinstance(start, (int, float)) else str(start)], dtype=object)
    found = np.nan if start is None else float(seconds(cell, replace(form, unit=None))[0])
    if np.isnan(found):
        problem = "the start of this split is missing" if start is None else "not a start of this split"
        raise ConfigError(key, problem, found=start, allowed=STARTS)
    return found


def in_words(arrays: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Raw model inputs for readers: those that hold seconds as dates and times.

    Args:
        arrays: raw model input -> its rows.
        facts: raw model input -> fields of its `TimeForm`.
    """
    return {
        name: in_iso(np.asarray(values[:]), TimeForm(**facts[name])) if name in facts else values
        for name, values in arrays.items()
    }


def _cells(column: Column) -> np.ndarray:
    """The cells, None where a word says that they are missing."""
    values = column.values
    if values.dtype != object:
        return values
    for row, cell in enumerate(values):
        if isinstance(cell, (list, tuple, dict, np.ndarray)):
            raise column.error(row, "a list instead of a single value", ALLOWED)
    words = np.array([isinstance(cell, str) and cell.strip() in NOT_AVAILABLE for cell in values], dtype=bool)
    cells = values.copy()
    cells[words] = None
    return cells
