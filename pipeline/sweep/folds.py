"""Fold sets: the trials that hold out each fold of the same rows once, with one config and one seed.

A sweep has several sets if it varies anything else than the fold.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.config.naming import FOLD
from pipeline.sweep.trials import Trial

HELD_OUT = {"fixed": "val", "once": "test"}  # what the split of the rows that a fold holds out is called


@dataclass(frozen=True)
class FoldSet:
    """Trials that hold out each fold of the same rows once.

    Args:
        name: of the config and its seeds.
        number: of folds.
        tested: `fixed` or `once`, see `pipeline.data.folds`.
        trials: fold -> the finished trial that holds it out.
    """

    name: str
    number: int
    tested: str
    trials: dict[int, Trial]

    @property
    def missing(self) -> list[int]:
        """The folds without a finished trial."""
        return [fold for fold in range(self.number) if fold not in self.trials]


def fold_sets(trials: Sequence[Trial]) -> list[FoldSet]:
    """The fold sets of a sweep, in the order of their first trials; empty if its trials are no folds."""
    found: dict[tuple[object, ...], list[Trial]] = {}
    for trial in trials:
        if FOLD in trial.varied and trial.folds:
            others = tuple((name, value) for name, value in trial.varied.items() if name != FOLD)
            found.setdefault((trial.config, others, trial.folds, trial.tested), []).append(trial)
    names = [_name(members[0]) for members in found.values()]
    return [
        FoldSet(
            name if names.count(name) == 1 else f"{name} {place + 1}",
            members[0].folds,
            members[0].tested,
            {int(trial.varied[FOLD]): trial for trial in members if trial.status == "FINISHED"},
        )
        for place, (name, members) in enumerate(zip(names, found.values(), strict=True))
    ]


def _name(trial: Trial) -> str:
    """The name of a trial without its fold, which is among the words at its end."""
    words = trial.name.split(" ")
    return " ".join(word for word in words if not re.fullmatch(r"([\w.]+\.)?fold=\d+", word)) or "folds"
