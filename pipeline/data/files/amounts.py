"""Numbers as people write them: with a unit, in brackets, with a typeset minus, as durations."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from pipeline.data.files.dialect import NumberFormat
from pipeline.data.files.number_words import parse_numbers

# Typeset minuses, and the decimal and thousands signs of Arabic.
SIGNS = str.maketrans(
    {"\u2212": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-", "\u066b": ".", "\u066c": ","}
)
CURRENCY = r"[$€£¥₹₩₽₺₪]|(?:US|A|C|R)\$|[A-Z]{3}"
# A unit behind a number begins with a sign or after a blank, or is short: 5a and 7b are codes.
AMOUNT = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+])?\s*(?P<before>{CURRENCY})?\s*(?P<minus>-)?\s*"
    r"(?P<number>\d(?:[\d.,'\u2019\u00a0\u202f ]*\d)?(?:[eE][-+]?\d+)?)"
    r"(?P<after>\s*[^\d\s(),.;:/+-][^\d\s(),;:+]{0,9}[²³]?)?\s*(?P<behind>-)?\s*(?P<close>\))?"
)
# What pandas writes for durations, and ISO; 5 min is a number with a unit.
DURATION = re.compile(
    r"-?\d+ days?( [-+]?\d\d:\d\d:\d\d(\.\d+)?)?|-?P(?=\d|T\d)(\d+[DW])?(T[\d.HMS]+)?", re.I
)


def split_unit(text: str, number_format: NumberFormat) -> tuple[float, str]:
    """The number of a text such as "$1,200.50", "(5)", "12 %" or "7 kg", and its unit; (NaN, "") if none.

    Durations such as "1 days 02:00:00" have the unit "s".

    Example:
        >>> split_unit("($1,200.50)", NumberFormat())
        (-1200.5, '$')
    """
    text = unicodedata.normalize("NFKC", text.translate(SIGNS)).strip()
    if not text.isascii():  # digits of other scripts
        text = "".join(str(unicodedata.decimal(sign, sign)) for sign in text)
    if DURATION.fullmatch(text):
        return float(pd.to_timedelta(text, errors="coerce").total_seconds()), "s"
    match = AMOUNT.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return np.nan, ""
    before, after = match["before"] or "", (match["after"] or "").strip()
    minuses = [match["open"], match["sign"] == "-", match["minus"], match["behind"]]
    if (before and after) or sum(map(bool, minuses)) > 1:
        return np.nan, ""
    value = float(parse_numbers([number_format.plain(match["number"])])[0])
    return (-value if any(minuses) else value), before or after


def amounts(cells: Iterable[str], number_format: NumberFormat) -> tuple[np.ndarray, list[str]]:
    """Texts as float64, NaN where they are no amounts, and the units of those that are, each once.

    Args:
        cells: (n,) texts.
        number_format: how the file writes numbers.
    """
    codes, distinct = pd.factorize(np.array(list(cells), dtype=object))
    found = [split_unit(text, number_format) for text in distinct]
    units = dict.fromkeys(unit for value, unit in found if value == value)
    return np.array([value for value, _ in found], dtype=np.float64)[codes], list(units)


def said(units: Sequence[str], example: str, value: float) -> str:
    """What is said of a column of amounts; "" if only their sign is written in an unusual way."""
    if units == ["s"] and DURATION.fullmatch(example.strip()):
        return f"durations are read in seconds: {example} is {value:g}"
    return f"numbers are read without their unit: {example} is {value:g}" if any(units) else ""
