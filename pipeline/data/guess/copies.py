"""Columns that give a target away: copies, near copies, and finer labels of the same thing."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from pipeline.data.guess.cells import Cells
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import TIMES, says
from pipeline.data.leakage import FEWEST, copied
from pipeline.data.missing import is_missing
from pipeline.errors import ConfigError

NEAR = 0.9995  # rank correlation: the same order but for rounding, as of a price and its logarithm
SAME = 0.99  # share of the rows in which two columns of classes match one to one
FEWEST_ORDERED = 50  # different values from which on two columns have one order for a reason
FINER_REPEATS = 5  # rows per value from which on it is no chance that each value has one class


@dataclass(frozen=True)
class Answer:
    """A target's labels, in the order of the first source's rows.

    Args:
        numeric: whether it is a number, and not a class.
        codes: (rows,) numbers or codes of classes, NaN where missing.
    """

    name: str
    numeric: bool
    codes: np.ndarray


def answer(name: str, cells: Cells, kind: str, order: np.ndarray) -> Answer | None:
    """The labels of a target of one column; None for targets of several."""
    if cells.values.ndim > 1 or kind not in ("number", "category", "binary"):
        return None
    codes = _numbers(cells) if kind == "number" else _codes(cells)
    return None if codes is None else Answer(name, kind == "number", in_order(codes, order))


def in_order(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Values in the order of the first source's rows, NaN where this source lacks a row."""
    return np.where(order < 0, np.nan, values[np.maximum(order, 0)])


def gives_away(cells: Cells, meaning: Meaning, answers: list[Answer], order: np.ndarray) -> str:
    """How a column gives a target away, as a comment; "" if it does not.

    Args:
        cells: the column.
        meaning: its meaning.
        answers: the targets.
        order: for each row of the first source, the row of this column's source, -1 if it has none.
    """
    if meaning.kind not in ("number", "flag", "class", "identifier"):
        return ""
    values = _numbers(cells) if meaning.kind == "number" else _codes(cells)
    if values is None or len(values) == 0:
        return ""
    values, is_time = in_order(values, order), says(cells.name, TIMES)
    for one in answers:
        if how := copied(values, one.codes) or _near_copy(values, meaning, one, is_time):
            return f"{how} of target {one.name}"
    return ""


def _near_copy(values: np.ndarray, meaning: Meaning, target: Answer, is_time: bool) -> str:
    present = ~np.isnan(values) & ~np.isnan(target.codes)
    values, codes = values[present], target.codes[present]
    if len(codes) < FEWEST or len(np.unique(codes)) < 2:
        return ""
    if target.numeric:
        # Few values, or times, can be in the same order without being copies.
        if meaning.kind != "number" or is_time or len(np.unique(values)) < FEWEST_ORDERED:
            return ""
        ranks = pd.Series(values).rank(), pd.Series(codes).rank()
        return "nearly a copy (in the same order)" if abs(ranks[0].corr(ranks[1])) >= NEAR else ""
    if meaning.kind not in ("class", "flag"):
        return ""
    table = pd.crosstab(values, codes).to_numpy()
    rows, (kinds, classes) = table.sum(), table.shape
    if kinds == classes and table.max(axis=0).sum() >= SAME * rows and table.max(axis=1).sum() >= SAME * rows:
        return f"nearly a copy ({table.max(axis=1).sum() / rows:.1%} of the rows match)"
    if kinds > classes and table.max(axis=1).sum() == rows >= FINER_REPEATS * kinds:
        return f"each of its {kinds} values goes with one class: a finer label"
    return ""


def _numbers(cells: Cells) -> np.ndarray | None:
    return None if isinstance(cells.numbers, ConfigError) else cells.numbers


def _codes(cells: Cells) -> np.ndarray | None:
    values = cells.values
    if values.dtype.kind == "f":
        return values.astype(np.float64)
    try:
        words = cells.words
    except ConfigError:
        return None
    codes = np.unique(words, return_inverse=True)[1].astype(np.float64)
    return np.where(is_missing(words), np.nan, codes)


def doubled_arrays(columns: Sequence[Cells]) -> dict[str, str]:
    """Arrays that are rows of the pixels or steps of another array: column -> the reason."""
    arrays = [cells for cells in columns if cells.values.ndim > 1]
    return {
        flat.reference: f"the same numbers as {other.reference}"
        for flat, other in permutations(arrays, 2)
        if flat.values.ndim == 2 < other.values.ndim
        and flat.values.size == other.values.size
        and np.array_equal(flat.values, other.values.reshape(flat.values.shape))
    }
