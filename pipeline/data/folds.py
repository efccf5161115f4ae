"""Divides the rows of a split into folds for cross-validation, and says which of them one run takes.

The folds follow from the rows as the split does: from their hashes, the seed, the strata and the groups, or
from their times, but not from the order of the rows or from the inputs and targets.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.data.hashes import mixed
from pipeline.data.quotas import Carried
from pipeline.data.sources import Sources
from pipeline.data.splits import KEY, Rows, cut, drawn_by
from pipeline.data.times import ordered_times
from pipeline.data_options import SPLITS, TESTED
from pipeline.errors import ConfigError

TRAIN, VAL, TEST, UNUSED = range(
    4
)  # codes of the splits; rows later than those of a fold by time are in none


def fold_codes(split: Mapping[str, Any], sources: Sources, rows: Rows, codes: np.ndarray) -> np.ndarray:
    """The split of every row in the run that holds out one fold: 0 train, 1 val, 2 test, 3 none.

    With `tested: fixed` the test rows stay, and the other rows are divided: fold `fold` validates and the
    others train. With `tested: once` all rows are divided: fold `fold` is tested, the next one validates.

    Folds by time are blocks of rows, and no run trains on rows that are later than those it is tested on
    (Hyndman and Athanasopoulos 2021, section 5.10). So the first block is never held out.

    Args:
        split: the config mapping, with `folds`, `fold` and perhaps `tested`.
        sources: the joined sources.
        rows: see `pipeline.data.splits.assign`.
        codes: (rows,) the split of every row without folds.

    Raises:
        ConfigError: there are more folds than groups of rows that can be divided.
    """
    once = split.get("tested", TESTED[0]) == "once"
    free = np.full(len(codes), True) if once else codes != TEST
    if "time" in split:
        result = _by_time(split, sources, free, once=once)
    else:
        parts = _drawn(split, sources, rows, free)
        held = [split["fold"], (split["fold"] + 1) % split["folds"]]
        result = np.full(len(codes), TRAIN)
        for part, code in zip(held, (TEST, VAL) if once else (VAL,), strict=False):
            result[parts == part] = code
    result[~free] = TEST
    for code, name in enumerate(SPLITS):
        if not (result == code).any():
            problem = f"too few rows or groups for so many folds: fold {split['fold']} leaves no {name} row"
            raise ConfigError(f"{KEY}.folds", problem, found=split["folds"], allowed="fewer folds")
    return result


def _drawn(split: Mapping[str, Any], sources: Sources, rows: Rows, free: np.ndarray) -> np.ndarray:
    """(rows,) the fold of each row that is free to be divided; -1 for the others."""
    names, strata, quota = drawn_by(split, sources, rows, [1 / split["folds"]] * split["folds"])
    distinct, groups = np.unique(names[free], return_inverse=True)
    # Other ranks than those that the split was drawn by: its parts are neighbours in them.
    ranks = rows.ranks(mixed(distinct))
    parts = np.full(len(free), -1)
    parts[free] = cut(groups, ranks, strata[free], quota)[groups]
    return parts


def _by_time(split: Mapping[str, Any], sources: Sources, free: np.ndarray, *, once: bool) -> np.ndarray:
    """(rows,) the code of each row: a fold trains on all blocks of rows before those that it holds out."""
    blocks = split["folds"] + (2 if once else 1)
    column = sources.column(split["time"], f"{KEY}.time")
    times, _ = ordered_times(column, {}, split.get("day_first"), KEY)
    distinct, groups = np.unique(times[free], return_inverse=True)
    strata, quota = np.zeros(len(groups), dtype=int), Carried([1 / blocks] * blocks)
    block = cut(groups, np.arange(len(distinct)), strata, quota)[groups]
    later = [TRAIN, VAL, TEST, UNUSED] if once else [TRAIN, VAL, UNUSED]
    result = np.full(len(free), TEST)
    result[free] = np.array(later)[np.clip(block - split["fold"], 0, len(later) - 1)]
    return result
