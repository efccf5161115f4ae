"""Which cells are missing, and the words that mean it."""

import logging
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from pipeline.data.files.words import coded, remembers

# Cells that hold one of these words are missing, whatever the column means and whatever the file's format.
MISSING_WORDS = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null")
# "None" may be a class, but not a number.
NOT_AVAILABLE = {*MISSING_WORDS, "None"}
logger = logging.getLogger(__name__)


def without_words(values: np.ndarray, words: Collection[str]) -> tuple[np.ndarray, dict[str, int]]:
    """Replaces the cells that hold one of the words by None; returns how many cells held each word."""
    if values.dtype.kind not in "OU" or not words:
        return values, {}
    if remembers(values) and not {*words} & {*coded(values)[1]}:
        return values, {}
    cells = pd.Series(values.ravel(), dtype=object)
    found = cells.isin([word for word in words if word]).to_numpy()
    if not found.any():
        return values, {}
    result = values.astype(object)
    result[found.reshape(values.shape)] = None
    return result, cells[found].value_counts().to_dict()


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
