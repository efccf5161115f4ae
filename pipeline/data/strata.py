"""Strata: rows that a split by fractions divides separately, by the values of some columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.data.classes import FEWEST, Classes, single_classes
from pipeline.data.columns import Column, numbers
from pipeline.data.hashes import cell_hashes, mixed, numbered
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

KEY = "data.split.stratify"
QUANTILES = 10


@dataclass(frozen=True)
class Strata:
    """The strata of several columns, combined.

    Args:
        numbers: (rows,) the number of each row's stratum.
        members: (strata, columns) the number of each stratum's value or tenth in each column.
        classes: of the columns.
    """

    numbers: np.ndarray
    members: np.ndarray
    classes: list[Classes]


def strata(
    stratify: str | Sequence[str], sources: Sources, targets: Mapping[str, Sequence[str]], seed: int
) -> Strata:
    """Combines the strata of several targets or columns.

    The strata of a column follow from its values alone: words, and numbers of which each occurs three times
    on average, are strata themselves; other numbers are divided into ten strata of equal size. Rows with
    missing values form strata of their own.

    Args:
        stratify: a target or column, or several.
        sources: the joined sources.
        targets: target -> its columns.
        seed: of the split; it decides the order of words.

    Raises:
        ConfigError: there is no such target or column.
    """
    combined, columns, classes = np.zeros(1, dtype=np.int64), [], []
    for name in [stratify] if isinstance(stratify, str) else stratify:
        if name not in targets and "." not in name:
            allowed = [*targets, "<source>.<column>"]
            raise ConfigError(KEY, "there is no such target", found=name, allowed=allowed)
        for reference in targets.get(name, [name]):
            codes, found = _column_strata(sources.column(reference, KEY), seed)
            classes += found
            columns.append(codes)
            combined = pd.factorize(combined * (codes.max() + 1) + codes, sort=True)[0]
    first = np.unique(combined, return_index=True)[1]
    return Strata(combined, np.column_stack(columns)[first], classes)


def _column_strata(column: Column, seed: int) -> tuple[np.ndarray, list[Classes]]:
    values = _most_likely(column.values)
    codes, distinct, first = numbered(cell_hashes(values))
    ranks = _numbers(replace(column, values=values[first]))
    repeated = len(distinct) * FEWEST <= len(codes)
    if ranks is not None and not repeated:
        return _quantiles(ranks[codes]), []
    found = [*single_classes(column.reference, values[first], codes, distinct)] if repeated else []
    order = np.argsort(mixed(distinct, seed) if ranks is None else ranks, kind="stable")
    position = np.empty(len(order), dtype=np.int64)
    position[order] = np.arange(len(order))
    return position[codes], found


def _most_likely(values: np.ndarray) -> np.ndarray:
    """(rows,) the most likely class of distributions and flags, NaN where missing; else the values."""
    if values.ndim < 2:
        return values
    cells = values.reshape(len(values), -1).astype(np.float64)
    if cells.shape[1] == 1:
        return cells[:, 0]
    return np.where(np.isnan(cells).any(axis=1), np.nan, np.nan_to_num(cells).argmax(axis=1))


def _numbers(column: Column) -> np.ndarray | None:
    """The cells as numbers, NaN where missing; None if they are words or lists."""
    values = column.values
    if values.dtype.kind in "mM":
        return np.where(np.isnat(values), np.nan, values.astype(np.int64).astype(np.float64))
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    try:
        return numbers(column).astype(np.float64)
    except (ConfigError, TypeError):
        return None


def _quantiles(cells: np.ndarray) -> np.ndarray:
    edges = np.nanquantile(cells, np.linspace(0, 1, QUANTILES + 1)[1:-1])
    return np.where(np.isnan(cells), QUANTILES, np.searchsorted(edges, cells))
