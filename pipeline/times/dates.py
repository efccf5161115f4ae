"""Dates as text, in a form, as seconds since 1970."""

import re
import warnings

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

from .forms import NUMBER, TRIPLE, TimeForm
from .numbers import DAY, of_numbers, since_1970

GUESSES = 5  # dates whose way of writing is tried on the whole column, which is fast
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})(?!\d)(.*)", re.DOTALL)
_YEAR_MONTH = re.compile(r"\d{4}[./-]\d{1,2}")
_COMPACT = re.compile(r"\d{8}([T ]?\d{4,6})?(\.\d+)?Z?")
_NAMED_MONTH = re.compile(rf"(?<![a-z])({MONTHS})[a-z]*\.?(?![a-z])", re.IGNORECASE)
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b", re.IGNORECASE)
_MIDNIGHT = re.compile(r"(.*\d[T ])24:00((?::00)?(?:[.,]0+)?)(.*)", re.DOTALL)


def of_dates(texts: list[str], form: TimeForm) -> np.ndarray:
    """Dates as text (rows,) as seconds since 1970; NaN where they cannot be read."""
    found = np.full(len(texts), np.nan)
    midnights = [row for row, text in enumerate(texts) if "24:00" in text and _MIDNIGHT.fullmatch(text)]
    for row in midnights:  # the end of a day, which Python does not know
        texts[row] = _MIDNIGHT.sub(r"\g<1>00:00\2\3", texts[row])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about words whose form pandas guesses one by one
        for word in texts[:GUESSES]:
            if way := _way(word, form.day_first):
                _fill(found, texts, way)
        rest = np.flatnonzero(np.isnan(found))
        numbers = np.array(
            [float(texts[place]) if NUMBER.fullmatch(texts[place]) else np.nan for place in rest]
        )
        if not np.isnan(numbers).all():
            found[rest] = of_numbers(numbers, form.unit)
        words = [
            _plain(text, form.day_first) if np.isnan(value) else ""
            for text, value in zip(texts, found, strict=True)
        ]
        _fill(found, words, "ISO8601")
        _fill(found, words, "mixed")
    for place in np.flatnonzero(np.isnan(found)):
        found[place] = _beyond_pandas(words[place])
    found[midnights] += DAY
    return found


def _way(word: str, day_first: bool | None) -> str | None:
    """The way in which a date is written, if it has the day where the column has it."""
    if _YEAR_FIRST.fullmatch(word) or not (TRIPLE.fullmatch(word) or _NAMED_MONTH.search(word)):
        return "ISO8601" if _YEAR_FIRST.fullmatch(word) else None
    if day_first is None and TRIPLE.fullmatch(word):
        return None
    way = guess_datetime_format(word, dayfirst=bool(day_first))
    if way is None or "%d" not in way or "%Y" not in way:
        return None
    return None if "%m" in way and (way.index("%d") < way.index("%m")) != day_first else way


def _fill(found: np.ndarray, words: list[str], way: str) -> None:
    """Puts the moments of words that are written in one way where there are none yet."""
    # pandas takes "today" and "now" for dates.
    rest = [place for place in np.flatnonzero(np.isnan(found)) if any(map(str.isdigit, words[place]))]
    if rest:
        chosen = pd.Series([words[place] for place in rest], dtype=object)
        found[rest] = since_1970(pd.to_datetime(chosen, errors="coerce", utc=True, format=way))


def _plain(text: str, day_first: bool | None) -> str:
    """A date as ISO writes it, or with the name of its month; "" if it is neither.

    pandas takes "3" and "May" for days of the present month, and 13/4/2024 for a day in April whatever it is
    told.
    """
    text = _ORDINAL.sub("", _WEEKDAY.sub("", text))
    if year_first := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, rest = year_first.groups()
    elif triple := TRIPLE.fullmatch(text):
        first, sign, second, year, rest = triple.groups()
        is_day = sign == "." if day_first is None else day_first
        day, month = (first, second) if is_day else (second, first)
    elif _YEAR_MONTH.fullmatch(text):
        return f"{text[:4]}-{int(text[5:]):02}-01"
    else:
        named = _NAMED_MONTH.search(text) and _names_a_year(text)
        return text if named or _COMPACT.fullmatch(text) else ""
    if len(year) == 2:
        year = f"{'19' if int(year) >= 69 else '20'}{year}"
    rest = re.sub(r"^[T\s,]+(\d):", r" 0\1:", rest)
    return f"{year}-{int(month):02}-{int(day):02}{rest.replace('.m.', 'm')}"


def _names_a_year(text: str) -> bool:
    """Whether a date with the name of its month has a year: of four digits, or beside a day, as in 5 May 99.

    pandas takes the number of "Oct 45" for a year and that of "Oct 25" for a day of the present year.
    """
    numbers = re.findall(r"\d+", re.sub(r"\d+:[\d:.]+.*", "", text))
    return len(numbers) > 1 or any(len(number) == 4 for number in numbers)


def _beyond_pandas(word: str) -> float:
    """A date that nanoseconds of 64 bits do not reach, such as 9999-12-31."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # about zones, which NumPy leaves out
            return float(np.datetime64(word, "s").astype(np.int64)) if word[-1:].isdigit() else float("nan")
    except (ValueError, UserWarning):
        return float("nan")
