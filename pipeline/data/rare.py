"""Classes that training would lack: some of their rows are moved to training."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from pipeline.data.classes import Classes
from pipeline.data_options import SPLITS
from pipeline.errors import WORD, shortened

SHOWN = 20  # classes in a message
# A column whose rare classes take more of the rows than this is one of names or the like, and is left alone.
MOST_MOVED = 0.05
MOST_LOST = 0.2  # share of the rows of validation or test that all columns together may move
logger = logging.getLogger(__name__)


def complete_training(
    splits: np.ndarray,
    groups: np.ndarray,
    ranks: np.ndarray,
    classes: Sequence[Classes],
    told: Sequence[str] = SPLITS,
) -> np.ndarray:
    """Moves one group of rows of each class that no training row has to training, and logs a warning.

    Args:
        splits: (groups,) the split of each group.
        groups: (rows,) the group of each row; a group stays together.
        ranks: (groups,) of the groups with a class, the first one is moved.
        classes: of the columns that are looked at.
        told: the warning names only rows that leave these splits.

    Returns:
        The new split of each group. The last group of a split stays there.
    """
    reasons = _reasons(splits, groups, ranks, classes)
    moved = _movable(sorted(reasons, key=lambda group: ranks[group]), splits)
    if not moved:
        return splits
    named = [group for group in moved if SPLITS[splits[group]] in told]
    if named:
        counts = Counter(SPLITS[split] for split in splits[groups[np.isin(groups, named)]])
        _report(counts, sorted({reason for group in named for reason in reasons[group]}))
    result = splits.copy()
    result[moved] = 0
    return result


def _reasons(
    splits: np.ndarray, groups: np.ndarray, ranks: np.ndarray, classes: Sequence[Classes]
) -> dict[int, list[str]]:
    """The groups to move, each with its classes that training lacks."""
    training, sizes = splits[groups] == 0, np.bincount(groups)
    lost = np.maximum(1, MOST_LOST * np.bincount(splits, sizes, len(SPLITS)))
    wanted = [
        (column, _lacking(column, training, groups, ranks))
        for column in classes
        if column.required or column.spread(groups)
    ]

    def rows(moved: Iterable[int]) -> int:
        return int(sizes[list(moved)].sum())

    # Columns that move few rows come first, whatever their order in the file.
    wanted.sort(key=lambda pair: (not pair[0].required, rows(pair[1]), pair[0].column))
    result: dict[int, list[str]] = {}
    for column, lacking in wanted:
        union = [*{*result, *lacking}]
        taken = np.bincount(splits[union], sizes[union], len(SPLITS))
        few = rows(lacking) <= MOST_MOVED * len(groups) and (taken <= lost).all()
        if column.required or few:
            for group, names in lacking.items():
                result.setdefault(group, []).extend(names)
    return result


def _lacking(
    column: Classes, training: np.ndarray, groups: np.ndarray, ranks: np.ndarray
) -> dict[int, list[str]]:
    """The first group of each class that no training row has, with these classes."""
    rows, codes = column.absent(training)
    order = np.lexsort((ranks[groups[rows]], codes))
    result: dict[int, list[str]] = {}
    for place in order[np.unique(codes[order], return_index=True)[1]]:
        result.setdefault(int(groups[rows[place]]), []).append(
            f"{column.column} {column.names[codes[place]]}"
        )
    return result


def _movable(candidates: Sequence[int], splits: np.ndarray) -> list[int]:
    """The groups that can be moved to training without leaving a split empty."""
    left = np.bincount(splits, minlength=len(SPLITS))
    moved = []
    for group in candidates:
        if left[splits[group]] > 1:
            left[splits[group]] -= 1
            moved.append(group)
    return moved


def _report(counts: Counter[str], classes: Sequence[str]) -> None:
    logger.warning(
        "data.split: %s %s moved to training, as no other training row had these classes: %s",
        " and ".join(f"{count:,} {split}" for split, count in sorted(counts.items())),
        "row was" if counts.total() == 1 else "rows were",
        ", ".join(shortened(word, WORD) for word in classes[:SHOWN])
        + (f", … {len(classes)} classes" if len(classes) > SHOWN else ""),
    )
