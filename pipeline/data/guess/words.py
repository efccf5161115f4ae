"""The meaning of a column of words: dates, classes, labels, texts or names of rows."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time, timedelta
from typing import Any

import numpy as np

from pipeline.data.guess import pictures
from pipeline.data.guess.cells import Cells, parsed, shown
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import TIMES, names_identifier, names_thing, says
from pipeline.data.kinds.targets import SEPARATORS
from pipeline.data.list_cells import holds_list, parse_list
from pipeline.data.missing import NOT_AVAILABLE
from pipeline.data.truths import NO, YES
from pipeline.times import MOMENT, TIME_OF_DAY, find_form, seconds

MOST = 0.98  # share of the cells that must look alike; the others are slips
LOOKED_AT = 2000  # different values that are parsed as dates
FEW_CLASSES = 20  # so many different words are classes, even in a small file
REPEATS = 3.0  # rows per value from which on a model can learn something about the value
LEARNABLE = 20.0  # rows per value from which on an identifier says enough to be an input
TOKENS = 2.0  # words per cell from which on cells may be texts
RECURRING = 0.3  # share of a text's words that other cells have too; names of things rarely recur
LONG = 30  # letters of a word from which on it is a text by itself: a molecule, a protein
LONG_WITHOUT_BLANKS = 6  # letters of a sentence in a script without blanks
HASH = re.compile(r"[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
ADDRESS = re.compile(r"(https?|ftp|s3|file)://.*|www\..*")
UNIT = re.compile(
    r"\s*[$€£¥₹%]\s*|\s*(EUR|USD|GBP|CHF|kg|km|cm|mm|m|g|lbs?|oz|ml|l|mph|kW|hp|°C|°F|h|min|s)\s*$"
)
DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([ T]\d.*)?"
    r"|\d{1,2}(?P<sign>[-/.])\d{1,2}(?P=sign)(\d{4}|\d{2})( \d.*)?"
    r"|(\w{3,9},? )?\d{1,2}(st|nd|rd|th)?[ -][^\W\d_]{3,9}\.?,?[ -]\d{2,4}( \d.*)?"
    r"|(\w{3,9},? )?[^\W\d_]{3,9}\.? \d{1,2}(st|nd|rd|th)?,? \d{4}( \d.*)?"
    r"|(\w{3,10},? )?\d{1,2}(\.|er|º)? (de )?[^\W\d_]{3,10}\.? (de )?\d{4}( \d.*)?"
    r"|\d{4}[ ./-]?Q[1-4]|Q[1-4][ ./-]?\d{4}|\d{4}-?W\d{2}(-[1-7])?|\d{4}[年년] ?\d{1,2}[月월].*"
    r"|\d{1,2}/[A-Za-z]{3}/\d{4}:\d.*"
)
DURATION = re.compile(
    r"([+-]?\d+ ?[a-z]+,? ?)*([+-]?\d{1,3}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]\.?m\.?)?)?"
    r"|P(?=\d|T\d)([\d.]+[YMWD])*(T([\d.]+[HMS])+)?",
    re.I,
)
DATED_NUMBERS = ("s", "ms", "us", "ns", "yyyymmdd")  # numbers that are dates if their column is named so
WITHOUT_BLANKS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")  # Japanese, Chinese, Thai
LABELS_MOST = 100  # labels in all cells
LABEL_REPEATS = 5  # rows per label, on average
LABELS_SHARE = 0.1  # of the cells that have several
ALONE = 0.8  # share of the labels that are alone in some cell, if blanks separate them: no first names
SLIPS, SLIPS_SHARE = 5, 0.05  # different words, and share of the cells, that are slips in a column of numbers
NUMBERS_IN_LIST = 4  # per cell: with fewer, numbers separated by signs may be codes of labels


def are_times(cells: Cells) -> bool:
    """Whether a column has dates, times of day or durations, all in forms that `dates` of a table reads."""
    values = cells.values
    if values.dtype.kind in "mM":
        return True
    if values.dtype.kind in "iuf":
        named = says(cells.name, TIMES) and not names_identifier(cells.name)
        return named and find_form(values).unit in DATED_NUMBERS
    first = values[cells.present][0]
    words = cells.counts.index
    looks = [DATE.fullmatch(word.strip()) or DURATION.fullmatch(word.strip()) for word in words[:LOOKED_AT]]
    if isinstance(first, str) and np.mean([match is not None for match in looks]) < MOST:
        return False
    if not isinstance(first, (str, date, time, timedelta)):
        return False
    present = values[cells.present]
    return not np.isnan(seconds(present, find_form(present))).any()


def moments(cells: Cells) -> np.ndarray | None:
    """(rows,) the dates as seconds; None if a row has none, or for times of day and durations."""
    form = find_form(cells.values)
    found = seconds(cells.values, form)
    return None if form.kind != MOMENT or np.isnan(found).any() else found


def meaning_of_times(cells: Cells) -> Meaning:
    counts, form = cells.counts, find_form(cells.values)
    what = {MOMENT: "dates", TIME_OF_DAY: "times of day"}.get(form.kind, "durations")
    other = "day_first: true, if the day comes before the month" if form.ambiguous else ""
    why = f"{what}: {shown(counts.index, 2)}"
    return Meaning("date", why, other, distinct=len(counts), repeats=counts.mean())


def meaning_of_codes(cells: Cells, why: str) -> Meaning:
    """Codes that look like numbers, or names of things: classes if each is in many rows, else identifiers."""
    counts = cells.counts
    facts: dict[str, Any] = {"distinct": len(counts), "repeats": float(counts.mean())}
    listed = f"{why}: {shown(counts.index)}"
    named = names_identifier(cells.name) or names_thing(cells.name)
    if names_thing(cells.name) and len(counts) > FEW_CLASSES and counts.mean() > 1:
        return Meaning("identifier", f"{listed}; {counts.mean():.3g} rows each", **facts)
    if counts.mean() >= (LEARNABLE if named else REPEATS):
        return Meaning("class", listed, "a group of rows, if they name things" if named else "", **facts)
    if counts.mean() == 1:
        return Meaning("identifier", f"{why}, another one in every row", **facts)
    return Meaning("identifier", f"{listed}; {counts.mean():.3g} rows each", **facts)


def meaning_of_words(cells: Cells, roots: pictures.Roots) -> Meaning:
    """The meaning of a column whose cells are not all numbers."""
    counts = cells.counts
    words: list[str] = list(counts.index)
    facts: dict[str, Any] = {"distinct": len(counts), "repeats": float(counts.mean())}
    if pictures.are_paths(words):
        return pictures.meaning_of_paths(words, roots)
    if {word.strip().lower() for word in words} <= {*YES, *NO} and len(words) > 1:
        return Meaning("flag", shown(words), **facts)
    if (
        np.mean([HASH.fullmatch(word) is not None or ADDRESS.fullmatch(word) is not None for word in words])
        > MOST
    ):
        return Meaning("identifier", f"codes or addresses: {shown(words, 1)}", **facts)
    if are_lists(cells, words):
        return Meaning("series", f"numbers in every cell: {shown(words, 1, 30)}", **facts)
    if slips := _slips_in_dates(words):
        why = f"dates, but for {shown(map(repr, slips))}; correct these cells, or add them to `missing`"
        return Meaning("other", f"{why} of the source", **facts)
    if slips := _slips(cells):
        why = f"numbers, but for {shown(map(repr, slips))}; correct these cells, or add them to `missing`"
        return Meaning("other", f"{why} of the source", **facts)
    if unit := known_unit(cells, words):
        return Meaning("other", f"numbers with {unit} and without: {shown(words, 2)}", **facts)
    separator = label_separator(cells)
    if separator is not None:
        why = f"several words per cell, separated by {separator!r}: {shown(words, 3)}"
        return Meaning("labels", why, options={"separator": separator}, **facts)
    named = names_identifier(cells.name) or names_thing(cells.name)
    if named and len(words) > FEW_CLASSES and not _has_words_of_texts(words):
        return meaning_of_codes(cells, f"{len(words)} different words")
    return _class_or_text(cells, words, facts)


def _class_or_text(cells: Cells, words: Sequence[str], facts: dict[str, Any]) -> Meaning:
    counts = cells.counts
    distinct, rows = len(counts), int(counts.sum())
    listed = f"{distinct} different words: {shown(words)}"
    longer = _mean_tokens(words) >= 2 * TOKENS
    many = longer and distinct > FEW_CLASSES and distinct > rows / 10
    if not many and (counts.mean() >= REPEATS or (distinct <= FEW_CLASSES and distinct <= rows / 2)):
        return Meaning("class", listed, **facts)
    if _has_words_of_texts(words):
        return Meaning("text", f"{_mean_tokens(words):.2g} words per cell: {shown(words, 1)}", **facts)
    if _are_texts_of_letters(words):
        why = f"text without blanks, read by characters: {shown(words, 1, 30)}"
        return Meaning("text", why, options={"split": "character"}, **facts)
    found = "every row has another word" if distinct == rows else f"{distinct} different words in {rows} rows"
    return Meaning("identifier", f"{found}: {shown(words, 3)}", **facts)


def _mean_tokens(words: Sequence[str]) -> float:
    return float(np.mean([len(word.split()) for word in words]))


def _has_words_of_texts(words: Sequence[str]) -> bool:
    """Whether cells have several words that other cells have too."""
    cells = [{*word.lower().split()} for word in words]
    tokens = Counter(token for cell in cells for token in cell)
    shared = sum(count for count in tokens.values() if count > 1)
    return _mean_tokens(words) >= TOKENS and shared >= RECURRING * sum(tokens.values())


def _are_texts_of_letters(words: Sequence[str]) -> bool:
    if np.mean([WITHOUT_BLANKS.search(word) is not None for word in words]) > MOST:
        return bool(np.mean([len(word) for word in words]) >= LONG_WITHOUT_BLANKS)
    return bool(np.mean([len(word) for word in words]) >= LONG and _mean_tokens(words) < TOKENS)


def are_lists(cells: Cells, words: Sequence[str]) -> bool:
    """Whether cells hold several numbers each, such as `[1.0, 2.5]` or `1.0 2.5 3.0 2.0`."""
    decimal, sizes = cells.column.number_format.decimal, []
    for word in words[:LOOKED_AT]:
        if not holds_list(word, NOT_AVAILABLE, decimal):
            return False
        try:
            size = parse_list(word, NOT_AVAILABLE, decimal).size
        except ValueError:
            return False
        sizes.append(max(size, NUMBERS_IN_LIST) if word.strip()[0] in "[(" else size)
    return bool(np.mean(sizes) >= NUMBERS_IN_LIST)


def _slips(cells: Cells) -> list[str]:
    """The few words in a column that otherwise has numbers."""
    counts = cells.counts
    slips = counts[np.isnan(parsed(counts.index, cells.column.number_format))]
    few = len(slips) <= SLIPS and slips.sum() <= SLIPS_SHARE * counts.sum()
    return list(slips.index) if few and len(counts) > FEW_CLASSES else []


def _slips_in_dates(words: Sequence[str]) -> list[str]:
    """The few words in a column that otherwise has dates."""
    if np.mean([DATE.fullmatch(word.strip()) is not None for word in words]) < 1 - SLIPS_SHARE:
        return []
    cells = np.array(words, dtype=object)
    unread = cells[np.isnan(seconds(cells, find_form(cells)))]
    return list(unread) if len(unread) <= SLIPS else []


def have_units(cells: Cells) -> bool:
    """Whether a column has text that is a number with something before or behind it."""
    if cells.values.dtype.kind not in "OU":
        return False
    return bool(np.isnan(parsed(cells.counts.index, cells.column.number_format)).any())


def known_unit(cells: Cells, words: Sequence[str]) -> str:
    """The sign or unit that keeps cells from being numbers, such as $ or km."""
    found = [UNIT.search(word) for word in words]
    if np.mean([match is not None for match in found]) < MOST:
        return ""
    numbers = parsed([UNIT.sub("", word) for word in words], cells.column.number_format)
    first = next(match for match in found if match is not None)
    return first.group().strip() if np.isfinite(numbers).mean() >= MOST else ""


def alone(labels: Iterable[Sequence[str]]) -> Iterator[str]:
    """The labels that are alone in a cell."""
    return (row[0] for row in labels if len(row) == 1)


def label_separator(cells: Cells) -> str | None:
    """What separates several labels in one cell; None if cells have one word, or texts.

    Labels recur in many combinations: there are more different cells than labels, no cell has a label twice,
    and the number of labels varies.
    """
    words = cells.words[cells.words != ""]
    for sign in SEPARATORS:
        if np.mean([sign in word for word in words]) < LABELS_SHARE:
            continue
        labels = [[part.strip() for part in word.split(sign) if part.strip()] for word in words]
        counts = Counter(label for row in labels for label in row)
        combinations = {frozenset(row) for row in labels}
        if (
            1 < len(counts) <= LABELS_MOST
            and len(combinations) > len(counts)
            and sum(counts.values()) >= LABEL_REPEATS * len(counts)
            and len({len(row) for row in labels}) > 1
            and all(len({*row}) == len(row) for row in labels)
            and (sign != " " or len({*alone(labels)}) >= ALONE * len(counts))
        ):
            return sign
    return None
