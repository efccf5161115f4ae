"""Cells of a column in its form as seconds, and seconds as text."""

import re
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from .dates import of_dates
from .forms import CLOCK, DURATION, MOMENT, NUMBER, SPAN, TIME_OF_DAY, TimeForm, find_form
from .numbers import of_numbers, since_1970
from .spelling import text_of

_WEEKS = re.compile(r"(\d+(?:\.\d+)?)\s*w(?:eeks?)?\b", re.IGNORECASE)


def seconds(cells: np.ndarray, form: TimeForm) -> np.ndarray:
    """Cells (rows,) as float64 seconds, in the sense of `form.kind`; NaN where missing or unreadable."""
    kind = cells.dtype.kind
    if kind == "M":
        return since_1970(pd.Series(cells)) if form.kind == MOMENT else np.full(len(cells), np.nan)
    if kind == "m":
        found = pd.Series(cells).dt.total_seconds().to_numpy(np.float64)
        return found if form.kind != MOMENT else np.full(len(cells), np.nan)
    if kind in "iuf":
        return _of_numbers(cells.astype(np.float64), form)
    codes, distinct = pd.factorize(np.asarray(cells, dtype=object), use_na_sentinel=True)
    values = np.append(_of_objects(list(distinct), form), np.nan)
    return np.asarray(values[codes])


def are_times(words: np.ndarray) -> bool:
    """Whether all of some words are dates, times of day or durations; numbers are not taken for them."""
    if not all(isinstance(word, str) and not NUMBER.fullmatch(word.strip()) for word in words):
        return False
    return len(words) > 0 and not bool(np.isnan(seconds(words, find_form(words))).any())


def in_iso(values: np.ndarray, form: TimeForm) -> np.ndarray:
    """Seconds (rows,) as ISO writes them, which `seconds` reads again; None where missing.

    Durations are a number of seconds.
    """
    return np.array([None if value != value else _iso(value, form) for value in values], dtype=object)


def _iso(value: float, form: TimeForm) -> object:
    if form.kind == DURATION:
        return float(value)
    moment = np.datetime64(round(value * 1e6), "us")
    words = np.datetime_as_string(moment, unit="us" if value % 1 else "s")
    return str(words.partition("T")[2] if form.kind == TIME_OF_DAY else words)


def _of_numbers(values: np.ndarray, form: TimeForm) -> np.ndarray:
    """Numbers as seconds; those of times of day and durations are seconds already."""
    return of_numbers(values, form.unit) if form.kind == MOMENT else values


def _of_objects(cells: list[Any], form: TimeForm) -> np.ndarray:
    """Distinct cells, none of them missing in the sense of pandas."""
    if all(isinstance(cell, (int, float, np.number)) for cell in cells):
        return _of_numbers(np.array(cells, dtype=np.float64), form)
    if form.kind == MOMENT:
        texts = ["" if isinstance(cell, (timedelta, np.timedelta64)) else text_of(cell) for cell in cells]
        return of_dates(texts, form)
    durations = [_of_duration(cell, form) for cell in cells]
    return np.array(durations, dtype=np.float64)


def _of_duration(cell: Any, form: TimeForm) -> float:
    if isinstance(cell, (timedelta, np.timedelta64)):
        return float(pd.Timedelta(cell).total_seconds())
    text = text_of(cell)
    if NUMBER.fullmatch(text):
        return float(text)
    if clock := CLOCK.fullmatch(text):
        hours, minutes = abs(int(clock[1])), int(clock[2])
        if clock[5]:
            hours = hours % 12 + 12 * (clock[5].lower().startswith("p"))
        sign = -1.0 if clock[1].startswith("-") else 1.0
        if minutes > 59 or (form.kind == TIME_OF_DAY and (hours > 24 or sign < 0)):
            return np.nan
        return sign * (3600.0 * hours + 60.0 * minutes + float((clock[3] or ":0")[1:].replace(",", ".")))
    if form.kind == TIME_OF_DAY or not SPAN.fullmatch(text):
        return np.nan
    text = re.sub(r"(?<![:\d])(\d+:\d{2})$", r"\1:00", text.replace(",", " "))
    text = _WEEKS.sub(lambda weeks: f"{7 * float(weeks[1])} days", text)
    return float(pd.to_timedelta(text, errors="coerce").total_seconds())
