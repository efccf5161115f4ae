"""The form of a column of dates, times of day or durations: how its cells are to be read."""

import re
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pandas as pd

from .numbers import unit_of
from .spelling import text_of

MOMENT, TIME_OF_DAY, DURATION = "moment", "time of day", "duration"
ALLOWED = (
    "dates such as 2024-05-31 14:05, 31.05.2024, 5/31/2024, 20240531 or 'May 31, 2024'; times such as 14:05; "
    "durations such as 1:30:00 or '2 days'; Unix seconds or milliseconds, years, Julian days"
)
# Two numbers and a year: which of the numbers is the day, the whole column tells.
TRIPLE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)", re.DOTALL)
CLOCK = re.compile(r"([+-]?\d{1,3}):(\d{2})(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?", re.IGNORECASE)
# P01 and T1 are codes, P1D and PT1H durations.
SPAN = re.compile(
    r"[+-]?(P(?=\d|T\d)(\d+(\.\d+)?[YMWD])*(T(\d+(\.\d+)?[HMS])+)?|(\d+(\.\d+)?\s*(days?|d|hours?|hrs?|h|minutes?|mins?|min|m|seconds?|secs?|s|"
    r"weeks?|w|milliseconds?|ms)[\s,]*)+([+-]?\d{1,3}:\d{2}(:\d{2}(\.\d+)?)?)?)",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")


@dataclass(frozen=True)
class TimeForm:
    """How the cells of a column are read.

    Args:
        kind: `MOMENT` (seconds since 1970 in UTC), `TIME_OF_DAY` (seconds since midnight) or `DURATION`.
        day_first: whether 3/4/2024 is in April; None: no cell has such a date; then it is in March,
            but 3.4.2024 is in April.
        unit: what numbers are, a key of `UNITS`, or "yyyymmdd", "yyyymmddhhmm", "yyyymmddhhmmss", "yyyymm",
            "year" or "decimal year"; None: their size tells.
        ambiguous: whether no cell tells if the day or the month comes first.
    """

    kind: str = MOMENT
    day_first: bool | None = None
    unit: str | None = None
    ambiguous: bool = False


def find_form(cells: np.ndarray, day_first: bool | None = None) -> TimeForm:
    """The form of a column, from all its cells.

    Args:
        cells: (rows,) of any type; missing cells are None, NaN, NaT or blank.
        day_first: None: the first number of dates such as 31/5/2024 is the day if it can only be the day
            somewhere, and else the month.
    """
    kind = cells.dtype.kind
    if kind in "mM":
        return TimeForm(DURATION if kind == "m" else MOMENT)
    if kind in "iuf":
        return TimeForm(unit=unit_of(cells.astype(np.float64)))
    distinct = pd.unique(np.asarray(cells, dtype=object))
    present = [
        cell for cell in distinct[~pd.isna(distinct)] if not (isinstance(cell, str) and not cell.strip())
    ]
    if all(isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool) for cell in present):
        return TimeForm(unit=unit_of(np.array(present, dtype=np.float64)))
    texts = [text_of(cell) for cell in present]
    if all(NUMBER.fullmatch(text) for text in texts):
        return TimeForm(unit=unit_of(np.array(texts, dtype=np.float64)))
    if all(isinstance(cell, (timedelta, np.timedelta64)) for cell in present):
        return TimeForm(DURATION)
    clocks = [CLOCK.fullmatch(text) for text in texts]
    if all(clocks):
        hours = [clock[1] for clock in clocks if clock]
        signed = any(hour[0] in "+-" for hour in hours)
        return TimeForm(DURATION if signed or max(map(int, hours)) >= 24 else TIME_OF_DAY)
    if all(clock or SPAN.fullmatch(text) for clock, text in zip(clocks, texts, strict=True)):
        return TimeForm(DURATION)
    return _form_of_dates(texts, day_first)


def _form_of_dates(texts: list[str], day_first: bool | None) -> TimeForm:
    dates = {text[:10] for text in texts}  # without times of day, which are many
    triples = [triple for triple in map(TRIPLE.match, dates) if triple]
    if day_first is not None or not triples:
        return TimeForm(day_first=day_first)
    first_is_day = any(int(triple[1]) > 12 for triple in triples)
    second_is_day = any(int(triple[3]) > 12 for triple in triples)
    if all(triple[2] == "." for triple in triples):
        return TimeForm(day_first=first_is_day or not second_is_day)  # with dots the day comes first
    return TimeForm(day_first=first_is_day, ambiguous=not (first_is_day or second_is_day))


def has_short_year(text: str) -> bool:
    """Whether a date has a year of two digits, as in 5/31/24 or 31-May-24."""
    triple = TRIPLE.fullmatch(text.strip())
    if triple:
        return len(triple[4]) == 2
    return re.fullmatch(r"\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2}\b(?!\d|:).*", text.strip()) is not None
