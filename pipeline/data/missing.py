"""Which cells are missing, and the words that mean it."""

import logging
import re
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from pipeline.data.files.words import coded, remembers

# Cells that hold one of these words are missing, whatever the column means and whatever the file's format.
MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
# "None" may be a class, but not a number.
NOT_AVAILABLE = {*MISSING_WORDS, "None"}
WHOLE = re.compile(r"-?\d+")
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
EXACT = 2.0**53  # float64 has all whole numbers below
logger = logging.getLogger(__name__)


def without_words(values: np.ndarray, words: Collection[str]) -> tuple[np.ndarray, dict[str, int]]:
    """Replaces the cells that hold one of the words by None, or NaN; returns how many cells held each word.

    Words that are numbers, such as -999, mean the number in columns of numbers.
    """
    if values.dtype.kind in "iuf":
        return _without_numbers(values, words)
    if values.dtype.kind not in "OU" or not words:
        return values, {}
    words = [
        *words,
        *(f"{word}{zeros}" for word in words if WHOLE.fullmatch(word) for zeros in (".0", ".00")),
    ]
    if remembers(values) and not {*words} & {*coded(values)[1]}:
        return values, {}
    cells = pd.Series(values.ravel(), dtype=object)
    numbers = [float(word) for word in words if NUMBER.fullmatch(word)]
    found = cells.isin([*(word for word in words if word), *numbers]).to_numpy()
    if numbers:
        # True is 1 for pandas.
        found = found & np.array([not isinstance(cell, bool) for cell in cells], dtype=bool)
    if not found.any():
        return values, {}
    result = values.astype(object)
    result[found.reshape(values.shape)] = None
    return result, cells[found].map(str).value_counts().to_dict()


def _without_numbers(values: np.ndarray, words: Collection[str]) -> tuple[np.ndarray, dict[str, int]]:
    counts = {}
    found = np.zeros(values.shape, dtype=bool)
    for word in words:
        if NUMBER.fullmatch(word) and (same := values == float(word)).any():
            counts[word] = int(same.sum())
            found |= same
    if not counts:
        return values, {}
    exact = values.dtype.kind == "f" or bool((np.abs(values.astype(np.float64)) < EXACT).all())
    result = values.astype(np.result_type(values, np.float32) if exact else object)
    result[found] = np.nan if exact else None
    return result, counts


def report_words(reference: str, counts: Mapping[str, int], source_key: str) -> None:
    """Says how many cells of a column hold words for missing values."""
    listed = ", ".join(f"{count:,} cells are {word}" for word, count in counts.items())
    logger.warning("%s: %s, taken as missing (%s.missing)", reference, listed, source_key)


def is_missing(values: np.ndarray) -> np.ndarray:
    """Marks missing cells: NaN, None, NaT and blank strings. Boolean, of the same shape as `values`."""
    if values.dtype.kind == "f":
        return np.asarray(np.isnan(values))
    if values.dtype.kind in "mM":
        return np.asarray(np.isnat(values))
    if values.dtype.kind in "US":
        return np.asarray(np.char.str_len(np.char.strip(values)) == 0)
    if values.dtype.kind != "O":
        return np.zeros(values.shape, dtype=bool)
    if holds_text_only(values):
        codes, distinct = coded(values)  # None has the code -1, which picks the last entry
        return np.asarray(np.array([*(not word.strip() for word in distinct), True])[codes])
    return np.array([_is_missing_cell(cell) for cell in values.ravel()], dtype=bool).reshape(values.shape)


def holds_text_only(values: np.ndarray) -> bool:
    """Whether the cells of a column are text or missing, so that each distinct text can be treated once."""
    if remembers(values):
        return True
    return values.ndim == 1 and pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty")


def _is_missing_cell(cell: object) -> bool:
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and cell != cell)
