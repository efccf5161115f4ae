"""The board's sections on folds, with each head's means over them, and on the ensemble."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.page.elements import Section, Table
from pipeline.sweep.board.fold_means import fold_table, is_folds, titles
from pipeline.sweep.board.groups import Group

NOTE = (
    "Every run held out another fold of the rows. The standard error is that of the mean over the folds; as "
    "their runs share most of the training rows, it is somewhat too small."
)
EPOCH_NOTE = (
    "The rows that a run held out also chose its epoch and its temperature, so their results are slightly "
    "too good; those of the test rows are not. With data.split.tested=once, other rows choose."
)


def folds_section(groups: Sequence[Group], order: Sequence[str] = ()) -> Iterator[Section]:
    """A table for each configuration whose trials are folds, and each split; nothing without folds.

    Args:
        order: the heads in the order of the config.
    """
    of_folds = [group for group in groups if is_folds(group)]
    if not of_folds:
        return
    tables = {}
    for place, group in enumerate(of_folds):
        for split, title in titles(group).items():
            header, *rows = fold_table(group, split, order)
            name = f"folds_{split}" if len(of_folds) == 1 else f"folds_{split}_{place + 1}"
            caption = f"{group.name}: {title}."
            tables[name] = Table(header, [list(row) for row in rows], caption)
    notes = [NOTE, EPOCH_NOTE] if any(group.trials[0].tested != "once" for group in of_folds) else [NOTE]
    yield Section("Folds", notes, tables=tables)


def ensemble_section(facts: Mapping[str, Any]) -> Iterator[Section]:
    """What the ensemble is made of, and its gains.

    Args:
        facts: those of `ensemble.json`; empty without an ensemble.
    """
    if not facts:
        return
    header, *rows = facts["table"]
    caption = (
        "Gain: how much better the ensemble is than the mean of its single models on the same rows; its 95 % "
        "interval is a paired bootstrap over the rows."
    )
    tables = {"ensemble": Table(header, [list(row) for row in rows], caption)} if rows else {}
    sentences = [f"{line[0].upper()}{line[1:]}".removesuffix(":") + "." for line in facts["sentences"]]
    yield Section("Ensemble", sentences, tables=tables)
