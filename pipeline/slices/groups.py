"""Divides rows into groups by the values of a column: one group per value, or quantile bins of numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.page.style import number

MOST_VALUES = 10  # numbers with more distinct values are divided into bins
MOST_GROUPS = 50  # the rows of rarer values are one group
MISSING = "(missing)"


@dataclass(frozen=True)
class Grouping:
    """A division of all rows into groups.

    Args:
        by: what the rows are divided by, such as a column.
        names: of the groups.
        codes: (rows,) the position of each row's group in `names`.
    """

    by: str
    names: Sequence[str]
    codes: NDArray[np.int64]

    def rows_of(self, group: int) -> NDArray[np.int64]:
        """Return the positions of a group's rows."""
        return np.flatnonzero(self.codes == group)


def by_value(by: str, words: NDArray[np.object_]) -> Grouping:
    """Return one group per value; beyond 50 values, the rarest ones share a group.

    Args:
        words: (rows,) texts, "" where missing, which is a group of its own.
    """
    texts = pd.Series(words, dtype=object).replace("", MISSING)
    counts = texts.value_counts()
    if len(counts) > MOST_GROUPS:
        rare = counts.index[MOST_GROUPS - 1 :]
        texts = texts.where(~texts.isin(rare), f"({len(rare)} rarer values)")
        counts = texts.value_counts()
    names = sorted(counts.index, key=lambda name: (name.startswith("("), name))
    return _grouping(by, names, texts.map({name: code for code, name in enumerate(names)}).to_numpy())


def by_number(
    by: str, values: NDArray[np.float64], bins: int, word: Callable[[float], str] = number
) -> Grouping:
    """Return quantile bins with about equally many rows, named by their smallest and largest value.

    Numbers with at most 10 distinct values have one group per value.

    Args:
        values: (rows,), NaN where missing, which is a group of its own.
        bins: their number; fewer, if many rows have the same value.
        word: how a value is written.
    """
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if len(distinct) <= MOST_VALUES:
        codes, names = np.searchsorted(distinct, values), [word(float(value)) for value in distinct]
    else:
        inner = np.unique(np.quantile(values[known], np.linspace(0, 1, bins + 1)[1:-1]))
        codes = np.searchsorted(inner, values)
        used = np.unique(codes[known])
        codes = np.searchsorted(used, codes)
        names = [_span(values[known & (codes == code)], word) for code in range(len(used))]
    if not known.all():
        codes, names = np.where(known, codes, len(names)), [*names, MISSING]
    return _grouping(by, names, codes)


def _span(values: NDArray[np.float64], word: Callable[[float], str]) -> str:
    low, high = word(float(values.min())), word(float(values.max()))
    return low if low == high else f"{low} … {high}"


def _grouping(by: str, names: Sequence[str], codes: NDArray[np.int64]) -> Grouping:
    return Grouping(by, list(names), np.asarray(codes, dtype=np.int64))
