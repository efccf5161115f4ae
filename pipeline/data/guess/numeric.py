"""The meaning of a column of numbers."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.data.guess import words
from pipeline.data.guess.cells import Cells, parsed, shown
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import CODES, TIMES, names_identifier, names_thing, says, words_of

FEW = 20  # whole numbers with at most so many values may be codes of classes
FEWEST_REPEATS = 5  # rows per value from which on whole numbers may be classes
FEWEST_ROWS = 10  # in fewer rows, values may be different, or in order, by chance
EXACT = 2**53  # larger whole numbers are no float64: they name something
SENTINELS = (-9999, -999, -99, 9999, 99999)  # often written where there is no value
NAMES_OF_CLASSES = {"names", "labels", "classes", "categories", "name", "legend"}
RARE = 0.3  # share of the range that is empty on the near side of such a number


def flag(why: str, counts: pd.Series) -> Meaning:
    return Meaning("flag", why, distinct=len(counts), repeats=counts.mean())


def meaning_of_numbers(cells: Cells, values: np.ndarray) -> Meaning:
    """The meaning of a column whose cells are all numbers; `values` are those that are not missing."""
    counts = cells.counts
    whole = bool((values == np.floor(values)).all())
    if whole and {*counts.index} == {"0", "1"}:
        return flag("0 and 1", counts)
    found = _identifier(cells, values) if whole else None
    if found is not None:
        return found
    unit = "whole numbers" if whole else "numbers"
    why = f"{unit} from {_range(values)}"
    other = ""
    if whole and len(counts) <= FEW and counts.mean() >= FEWEST_REPEATS:
        why = f"{unit}, {len(counts)} different: {shown(counts.index.sort_values(key=_as_number), FEW)}"
        other = "categorical, if they are codes"
    elif sentinel := _sentinel(values):
        other = f"is {sentinel} a missing value?"
    return Meaning("number", why, other, len(counts), counts.mean())


def names_of_codes(cells: Cells, others: Mapping[str, Cells]) -> str | None:
    """The column of the same source with the names of a column's codes: one name for each code from 0."""
    codes = parsed(cells.counts.index, cells.column.number_format)
    if np.isnan(codes).any() or (codes != np.floor(codes)).any() or codes.min() < 0:
        return None
    for name, other in others.items():
        words = {*words_of(name)}
        about = {*words_of(cells.name), "target", "class"} & words
        fits = other.values.ndim == 1 and other.rows == codes.max() + 1 != cells.rows
        if fits and words & NAMES_OF_CLASSES and (about or words <= NAMES_OF_CLASSES):
            return name
    return None


def _range(values: np.ndarray) -> str:
    digits = 6 if f"{values.min():.6g}" != f"{values.max():.6g}" else 15
    return f"{values.min():.{digits}g} to {values.max():.{digits}g}"


def _as_number(index: pd.Index) -> pd.Index:
    return pd.Index(pd.to_numeric(index, errors="coerce"))


def _identifier(cells: Cells, values: np.ndarray) -> Meaning | None:
    """What whole numbers identify: rows, things with several rows, or a code of something."""
    name, counts = cells.name, cells.counts
    distinct, rows = len(counts), len(values)
    if np.abs(values).max() > EXACT:
        return words.meaning_of_codes(cells, "too many digits for a number")
    unique = distinct == rows and rows >= FEWEST_ROWS
    is_time = says(name, TIMES) and not names_identifier(name)
    if unique and not is_time and _counts_rows(cells, values):
        return Meaning("identifier", "it counts the rows", distinct=distinct, repeats=1)
    if unique and names_identifier(name):
        return Meaning("identifier", "every row has another value", distinct=distinct, repeats=1)
    if not unique and (names_identifier(name) or (names_thing(name) and distinct > FEW)):
        return words.meaning_of_codes(cells, f"{distinct} different whole numbers")
    if says(name, CODES) and distinct > 2 and not is_time:
        return words.meaning_of_codes(cells, f"{distinct} different whole numbers")
    return None


def _counts_rows(cells: Cells, values: np.ndarray) -> bool:
    """Whether rows are counted from 0 or 1, up or down; a sample has gaps between its blocks."""
    if values.min() not in (0, 1) and not names_identifier(cells.name):
        return False
    steps = np.diff(values)
    return bool(
        cells.present.all() and (np.abs(steps) == 1).mean() > 0.99 and abs(np.sign(steps).mean()) > 0.9
    )


def _sentinel(values: np.ndarray) -> int | None:
    """A number such as -999 that is far from all other values and occurs more than once."""
    for sentinel in SENTINELS:
        others = values[values != sentinel]
        if (values == sentinel).sum() < 2 or not len(others):
            continue
        gap = others.min() - sentinel if sentinel < 0 else sentinel - others.max()
        if gap > RARE * (values.max() - values.min()):
            return sentinel
    return None
