"""Dates, times of day and durations of every common form, as seconds.

Training, predictions and logged models read them alike: this file is logged with each model, so it
imports nothing of this package.
"""

import re
import unicodedata
import warnings
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.api import guess_datetime_format

MOMENT, TIME_OF_DAY, DURATION = "moment", "time of day", "duration"
ALLOWED = (
    "dates such as 2024-05-31 14:05, 31.05.2024, 5/31/2024, 20240531 or 'May 31, 2024'; times such as 14:05; "
    "durations such as 1:30:00 or '2 days'; Unix seconds or milliseconds, years, Julian days"
)
DAY = 86400.0
GUESSES = 5  # dates whose way of writing is tried on the whole column, which is fast
MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
# Two numbers and a year: which of the numbers is the day, the whole column tells.
_TRIPLE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?!\d)(.*)", re.DOTALL)
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})(?!\d)(.*)", re.DOTALL)
_YEAR_MONTH = re.compile(r"\d{4}[./-]\d{1,2}")
_COMPACT = re.compile(r"\d{8}([T ]?\d{4,6})?(\.\d+)?Z?")
_CLOCK = re.compile(r"([+-]?\d{1,3}):(\d{2})(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_NAMED_MONTH = re.compile(rf"(?<![a-z])({MONTHS})[a-z]*\.?(?![a-z])", re.IGNORECASE)
# P01 and T1 are codes, P1D and PT1H durations.
_DURATION = re.compile(
    r"[+-]?(P(?=\d|T\d)(\d+(\.\d+)?[YMWD])*(T(\d+(\.\d+)?[HMS])+)?|(\d+(\.\d+)?\s*(days?|d|hours?|hrs?|h|minutes?|mins?|min|m|seconds?|secs?|s|"
    r"weeks?|w|milliseconds?|ms)[\s,]*)+([+-]?\d{1,3}:\d{2}(:\d{2}(\.\d+)?)?)?)",
    re.IGNORECASE,
)
_WEEKS = re.compile(r"(\d+(?:\.\d+)?)\s*w(?:eeks?)?\b", re.IGNORECASE)
_WEEKDAY = re.compile(r"^(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.IGNORECASE)
_ORDINAL = re.compile(r"(?<=\d)(st|nd|rd|th)\b", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
# Most dates: nothing of them is written in another way than the rest of this file reads.
_USUAL = re.compile(r"\d{4}-\d\d-\d\d(?!\d)|\d{1,2}[./-]\d{1,2}[./-]\d|[+-]?[\d.:]+$")
_QUARTER = re.compile(
    r"(?P<year>\d{4})[ ./-]?Q(?P<part>[1-4])|Q(?P<part2>[1-4])[ ./-]?(?P<year2>\d{4})", re.I
)
_WEEK = re.compile(r"(\d{4})-?W(\d{2})(?:-?([1-7]))?", re.I)
_MONTH_YEAR = re.compile(r"(\d{1,2})[./-](\d{4})")
_BLANKS = re.compile(r"(\d{1,2}) (\d{1,2}) (\d{4})(?!\d)(.*)")
_EAST_ASIAN = re.compile(r"(\d{4})[年년] ?(\d{1,2})[月월] ?(?:(\d{1,2})[日일])?(.*)")
_LOG = re.compile(r"(\d{1,2})/([A-Za-z]{3})/(\d{4}):(\d\d:\d\d:\d\d.*)")  # of web servers
_LETTERS = re.compile(r"[^\W\d_]+")
_MIDNIGHT = re.compile(r"(.*\d[T ])24:00((?::00)?(?:[.,]0+)?)(.*)", re.DOTALL)
# Hours from UTC by the names of zones, as mail and American files have them (RFC 5322), and those of Europe.
ZONES = {
    name: hours
    for hours, names in {
        -10: "HST",
        -9: "AKST",
        -8: "PST AKDT",
        -7: "PDT MST",
        -6: "MDT CST",
        -5: "CDT EST",
        -4: "EDT",
        0: "WET",
        1: "WEST BST CET MEZ",
        2: "CEST MESZ EET",
        3: "EEST MSK",
        9: "JST KST",
    }.items()
    for name in names.split()
}
_ZONE = re.compile(rf"(?<=:\d\d)( ?[AaPp][Mm])? ?\b({'|'.join(ZONES)})$")
_SUFFIX = re.compile(r"(?<=\d) ?(Uhr|г\.?|года|р\.?|року|r\.|roku)$")  # hour, year
# Months in German, French, Spanish, Italian, Portuguese, Dutch, Polish, Czech, Turkish, Russian, Ukrainian,
# without accents; English ones are above.
MONTH_WORDS = {
    word: f"{english} "
    for english, words in {
        "Jan": "januar janner januari janvier janv enero ene gennaio gen janeiro "
        "stycznia styczen sty leden ledna ocak января январь янв січня січень",
        "Feb": "februar februari fevrier fevr fev febrero febbraio fevereiro "
        "lutego luty lut unor unora subat февраля февраль фев лютого лютии",
        "Mar": "marz maerz mrz mars marzo marco maart mrt "
        "marca marzec marts brezen brezna mart марта март мар березня березень",
        "Apr": "avril avr abril abr aprile "
        "kwietnia kwiecien kwi duben dubna nisan апреля апрель апр квітня квітень",
        "May": "mai mayo maggio mag maio mei maja maj kveten kvetna mayis mayıs мая маи травня травень",
        "Jun": "juni juin junio giugno giu junho "
        "czerwca czerwiec cze cerven cervna haziran июня июнь июн червня червень",
        "Jul": "juli juillet juil julio luglio lug julho "
        "lipca lipiec lip cervenec cervence temmuz июля июль июл липня липень",
        "Aug": "aout agosto ago augustus "
        "sierpnia sierpien sie srpen srpna agustos augusti августа август авг серпня серпень",
        "Sep": "septembre septiembre setiembre settembre set setembro "
        "wrzesnia wrzesien wrz zari eylul сентября сентябрь сен вересня вересень",
        "Oct": "oktober okt octobre octubre ottobre ott outubro out "
        "pazdziernika pazdziernik paz rijen rijna ekim октября октябрь окт жовтня жовтень",
        "Nov": "novembre noviembre novembro "
        "listopada listopad listopadu lis kasim ноября ноябрь ноя листопада листопад",
        "Dec": "dezember dez decembre diciembre dic dicembre dezembro "
        "grudnia grudzien gru prosinec prosince aralik desember декабря декабрь дек грудня грудень",
    }.items()
    for word in words.split()
}
# Numbers that are dates: unit -> seconds of one, and the number at 1970.
UNITS = {
    "s": (1.0, 0.0),
    "ms": (1e-3, 0.0),
    "us": (1e-6, 0.0),
    "ns": (1e-9, 0.0),
    "julian day": (DAY, 2440587.5),
    "excel day": (DAY, 25569.0),
}


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
        return TimeForm(unit=_unit(cells.astype(np.float64)))
    distinct = pd.unique(np.asarray(cells, dtype=object))
    present = [
        cell for cell in distinct[~pd.isna(distinct)] if not (isinstance(cell, str) and not cell.strip())
    ]
    if all(isinstance(cell, (int, float, np.number)) and not isinstance(cell, bool) for cell in present):
        return TimeForm(unit=_unit(np.array(present, dtype=np.float64)))
    texts = [_text(cell) for cell in present]
    if all(_NUMBER.fullmatch(text) for text in texts):
        return TimeForm(unit=_unit(np.array(texts, dtype=np.float64)))
    if all(isinstance(cell, (timedelta, np.timedelta64)) for cell in present):
        return TimeForm(DURATION)
    clocks = [_CLOCK.fullmatch(text) for text in texts]
    if all(clocks):
        hours = [clock[1] for clock in clocks if clock]
        signed = any(hour[0] in "+-" for hour in hours)
        return TimeForm(DURATION if signed or max(map(int, hours)) >= 24 else TIME_OF_DAY)
    if all(clock or _DURATION.fullmatch(text) for clock, text in zip(clocks, texts, strict=True)):
        return TimeForm(DURATION)
    return _form_of_dates(texts, day_first)


def seconds(cells: np.ndarray, form: TimeForm) -> np.ndarray:
    """Cells (rows,) as float64 seconds, in the sense of `form.kind`; NaN where missing or unreadable."""
    kind = cells.dtype.kind
    if kind == "M":
        return _since_1970(pd.Series(cells)) if form.kind == MOMENT else np.full(len(cells), np.nan)
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
    if not all(isinstance(word, str) and not _NUMBER.fullmatch(word.strip()) for word in words):
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


def _text(cell: Any) -> str:
    """A cell as text: dates and times as ISO writes them, bytes as UTF-8."""
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "replace")
    if isinstance(cell, str):
        text = cell.strip()
        text = _SUFFIX.sub("", text) if text[-1:] in "rгаруu." else text
        if text[-1:].isupper() and (zone := _ZONE.search(text)):
            text = f"{text[: zone.start()]}{zone[1] or ''} {ZONES[zone[2]]:+03}:00"
        return text if _USUAL.match(text) else _respelled(text)
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    return str(cell).strip()


def _respelled(text: str) -> str:
    """A date as the rest of this file reads it: quarters, weeks, months in other languages, servers' logs."""
    if match := _QUARTER.fullmatch(text):
        part = int(match["part"] or match["part2"])
        return f"{match['year'] or match['year2']}-{3 * part - 2:02}-01"
    if match := _WEEK.fullmatch(text):
        year, week, day = match.groups(default="1")
        return (
            date.fromisocalendar(int(year), int(week), int(day)).isoformat() if 0 < int(week) < 53 else text
        )
    if match := _MONTH_YEAR.fullmatch(text):
        return f"{match[2]}-{int(match[1]):02}-01"
    if match := _EAST_ASIAN.fullmatch(text):
        return f"{match[1]}-{int(match[2]):02}-{int(match[3] or 1):02}{match[4]}"
    if match := _BLANKS.fullmatch(text):
        return f"{match[1]}.{match[2]}.{match[3]}{match[4]}"
    if match := _LOG.fullmatch(text):
        return f"{match[1]} {match[2]} {match[3]} {match[4]}"
    return _in_english(text)


def _in_english(text: str) -> str:
    """A date with the name of its month in English; other texts are unchanged."""
    found = [_folded(word) for word in _LETTERS.findall(text)]
    if not any(word in MONTH_WORDS for word in found):
        return text
    text = re.sub(r"^[^\W\d_]+\.?,?\s+(?=\d)|\bde\b", "", text)  # the weekday; 3 de mayo de 2024
    text = re.sub(r"(?<=\d)(\.|er|º|°)(?=\s)", "", text)
    text = _LETTERS.sub(lambda word: MONTH_WORDS.get(_folded(word[0]), word[0]), text)
    return re.sub(r"(?<=[a-z])\s*\.", "", text).strip()


def _folded(word: str) -> str:
    """A word without capitals and accents."""
    letters = unicodedata.normalize("NFKD", word.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _form_of_dates(texts: list[str], day_first: bool | None) -> TimeForm:
    dates = {text[:10] for text in texts}  # without times of day, which are many
    triples = [triple for triple in map(_TRIPLE.match, dates) if triple]
    if day_first is not None or not triples:
        return TimeForm(day_first=day_first)
    first_is_day = any(int(triple[1]) > 12 for triple in triples)
    second_is_day = any(int(triple[3]) > 12 for triple in triples)
    if all(triple[2] == "." for triple in triples):
        return TimeForm(day_first=first_is_day or not second_is_day)  # with dots the day comes first
    return TimeForm(day_first=first_is_day, ambiguous=not (first_is_day or second_is_day))


def _unit(values: np.ndarray) -> str | None:
    """What numbers stand for; None if they are no dates."""
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    whole, low, high = bool((values == np.floor(values)).all()), values.min(), np.abs(values).max()
    if (
        whole
        and low >= 1000_01_01
        and high <= 2999_12_31
        and not np.isnan(_of_digits(values, "yyyymmdd")).any()
    ):
        return "yyyymmdd"
    if whole and low >= 1000_01 and high <= 2999_12 and not np.isnan(_of_digits(values, "yyyymm")).any():
        return "yyyymm"
    if low >= 1000 and high < 3000:
        return "year" if whole else "decimal year"
    for unit, scale in (("yyyymmddhhmmss", 1e6), ("yyyymmddhhmm", 1e4)):
        if (
            whole
            and low >= 1900_01_01 * scale
            and high < 2200_01_01 * scale
            and not np.isnan(_of_digits(values, unit)).any()
        ):
            return unit
    if low >= 2_300_000 and high < 2_600_000:
        return "julian day"
    if low >= 10_000 and high < 100_000:
        return "excel day"
    return next(
        (unit for unit, least in (("ns", 1e17), ("us", 1e14), ("ms", 1e11), ("s", 1e8)) if high >= least),
        None,
    )


def _of_numbers(values: np.ndarray, form: TimeForm) -> np.ndarray:
    if form.kind != MOMENT:
        return values  # seconds already
    unit = form.unit or _unit(values)
    if unit is None:
        return np.full(len(values), np.nan)
    if unit in UNITS:
        size, start = UNITS[unit]
        return (values - start) * size
    if unit in ("year", "decimal year"):  # 2024.5 is the middle of 2024
        years = np.floor(values)
        first, last = _of_digits(years, "year"), _of_digits(years + 1, "year")
        return np.asarray(first + (values - years) * (last - first))
    return _of_digits(values, unit)


def _of_digits(values: np.ndarray, unit: str) -> np.ndarray:
    """Years, months or days that are written as whole numbers, such as 20240531."""
    whole = np.where(np.isnan(values) | (values != np.floor(values)), 0, values).astype(np.int64)
    texts = whole.astype(str)
    if unit == "year":
        texts = np.char.add(texts, "0101")
    elif unit == "yyyymm":
        texts = np.char.add(texts, "01")
    way = {"yyyymmddhhmmss": "%Y%m%d%H%M%S", "yyyymmddhhmm": "%Y%m%d%H%M"}.get(unit, "%Y%m%d")
    return _since_1970(pd.to_datetime(pd.Series(texts), format=way, errors="coerce"))


def _of_objects(cells: list[Any], form: TimeForm) -> np.ndarray:
    """Distinct cells, none of them missing in the sense of pandas."""
    if all(isinstance(cell, (int, float, np.number)) for cell in cells):
        return _of_numbers(np.array(cells, dtype=np.float64), form)
    if form.kind == MOMENT:
        texts = ["" if isinstance(cell, (timedelta, np.timedelta64)) else _text(cell) for cell in cells]
        return _of_dates(texts, form)
    durations = [_of_duration(cell, form) for cell in cells]
    return np.array(durations, dtype=np.float64)


def _of_duration(cell: Any, form: TimeForm) -> float:
    if isinstance(cell, (timedelta, np.timedelta64)):
        return float(pd.Timedelta(cell).total_seconds())
    text = _text(cell)
    if _NUMBER.fullmatch(text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        hours, minutes = abs(int(clock[1])), int(clock[2])
        if clock[5]:
            hours = hours % 12 + 12 * (clock[5].lower().startswith("p"))
        sign = -1.0 if clock[1].startswith("-") else 1.0
        if minutes > 59 or (form.kind == TIME_OF_DAY and (hours > 24 or sign < 0)):
            return np.nan
        return sign * (3600.0 * hours + 60.0 * minutes + float((clock[3] or ":0")[1:].replace(",", ".")))
    if form.kind == TIME_OF_DAY or not _DURATION.fullmatch(text):
        return np.nan
    text = re.sub(r"(?<![:\d])(\d+:\d{2})$", r"\1:00", text.replace(",", " "))
    text = _WEEKS.sub(lambda weeks: f"{7 * float(weeks[1])} days", text)
    return float(pd.to_timedelta(text, errors="coerce").total_seconds())


def _of_dates(texts: list[str], form: TimeForm) -> np.ndarray:
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
            [float(texts[place]) if _NUMBER.fullmatch(texts[place]) else np.nan for place in rest]
        )
        if not np.isnan(numbers).all():
            found[rest] = _of_numbers(numbers, form)
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
    if _YEAR_FIRST.fullmatch(word) or not (_TRIPLE.fullmatch(word) or _NAMED_MONTH.search(word)):
        return "ISO8601" if _YEAR_FIRST.fullmatch(word) else None
    if day_first is None and _TRIPLE.fullmatch(word):
        return None
    way = guess_datetime_format(word, dayfirst=bool(day_first))
    if way is None or "%d" not in way or "%Y" not in way:
        return None
    return None if "%m" in way and (way.index("%d") < way.index("%m")) != day_first else way


def has_short_year(text: str) -> bool:
    """Whether a date has a year of two digits, as in 5/31/24 or 31-May-24."""
    triple = _TRIPLE.fullmatch(text.strip())
    if triple:
        return len(triple[4]) == 2
    return re.fullmatch(r"\d{1,2}[ -][A-Za-z]{3,9}[ -]\d{2}\b(?!\d|:).*", text.strip()) is not None


def _fill(found: np.ndarray, words: list[str], way: str) -> None:
    """Puts the moments of words that are written in one way where there are none yet."""
    # pandas takes "today" and "now" for dates.
    rest = [place for place in np.flatnonzero(np.isnan(found)) if any(map(str.isdigit, words[place]))]
    if rest:
        chosen = pd.Series([words[place] for place in rest], dtype=object)
        found[rest] = _since_1970(pd.to_datetime(chosen, errors="coerce", utc=True, format=way))


def _plain(text: str, day_first: bool | None) -> str:
    """A date as ISO writes it, or with the name of its month; "" if it is neither.

    pandas takes "3" and "May" for days of the present month, and 13/4/2024 for a day in April whatever it is
    told.
    """
    text = _ORDINAL.sub("", _WEEKDAY.sub("", text))
    if year_first := _YEAR_FIRST.fullmatch(text):
        year, _, month, day, rest = year_first.groups()
    elif triple := _TRIPLE.fullmatch(text):
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


def _since_1970(moments: Any) -> np.ndarray:
    """Moments as seconds since 1970, to the microsecond; NaN for NaT."""
    moments = pd.Series(moments)
    if moments.dt.tz is not None:
        moments = moments.dt.tz_convert("UTC").dt.tz_localize(None)
    microseconds = moments.to_numpy().astype("datetime64[us]")
    values = microseconds.astype(np.int64).astype(np.float64) / 1e6
    return np.where(np.isnat(microseconds), np.nan, values)


def _beyond_pandas(word: str) -> float:
    """A date that nanoseconds of 64 bits do not reach, such as 9999-12-31."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # about zones, which NumPy leaves out
            return float(np.datetime64(word, "s").astype(np.int64)) if word[-1:].isdigit() else float("nan")
    except (ValueError, UserWarning):
        return float("nan")
