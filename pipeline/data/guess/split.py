"""How the rows are split: as a column says, by groups, by time, or at random."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.data.guess.cells import Cells, shown
from pipeline.data.guess.copies import Answer
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import SPLIT_NAMES, TIMES, says, words_of
from pipeline.data.guess.targets import TargetGuess
from pipeline.data.guess.things import find_things
from pipeline.data.guess.words import moments
from pipeline.data_options import SPLITS

Known = Sequence[tuple[Cells, Meaning]]
WORDS = {
    "train": {"train", "training", "tr", "learn"},
    "val": {"val", "valid", "validation", "dev", "eval"},
    "test": {"test", "testing", "te", "holdout"},
}
SMALL, LARGE = 300, 50_000  # rows: few need larger shares for validation and test, many smaller ones
FRACTIONS = {"small": [0.6, 0.2, 0.2], "usual": [0.7, 0.15, 0.15], "large": [0.8, 0.1, 0.1]}
FEWEST_TIMES = 30  # rows of a history
OWN_TIME = 0.9  # share of the rows that have a time of their own, in a history
REGULAR = 0.8  # share of the steps that are as long as the usual one, but for the lengths of months
SAME_STEP = 0.12
FOLLOWS = 0.3  # correlation of a target with itself one row before, from which on neighbours give it away
PER_CLASS = 3  # rows per class on average, so that stratifying makes sense


@dataclass(frozen=True)
class SplitGuess:
    """The split of a config.

    Args:
        options: of `data.split`.
        why: the reason, as a comment.
        others: other splits, as comments.
        used: columns that are no inputs because of the split: column -> why.
    """

    options: Mapping[str, Any]
    why: str
    others: Sequence[str] = ()
    used: Mapping[str, str] = field(default_factory=dict)


def guess_split(
    known: Known, targets: Sequence[TargetGuess], answers: Sequence[Answer], rows: int
) -> SplitGuess:
    """The split of the rows.

    Args:
        known: the columns of the first source, and their meanings.
        targets: the targets with their names.
        answers: their labels.
        rows: the number of rows.
    """
    used: dict[str, str] = {}
    for cells, _ in known:
        if not names_split(cells.name):
            continue
        found = _by_column(cells)
        if found:
            return SplitGuess(
                found, "the file says which rows are for what", used={cells.reference: "it is the split"}
            )
        if _words_of_splits(cells):
            listed = shown(cells.counts.index)
            used[cells.reference] = f"it names splits ({listed}), but not all of train, val and test"
    fractions = FRACTIONS["small" if rows < SMALL else "usual" if rows <= LARGE else "large"]
    options: dict[str, Any] = {"fractions": fractions}
    classes = _stratified(targets, rows)
    strata = {"stratify": classes.name} if classes else {}
    others = []
    groups = find_things(known)
    histories, dates = _times_of_rows(known, answers)
    if groups:
        best = groups[0]
        used[best.cells.reference] = "its rows belong together: see the split"
        others += [f"or group: {one.cells.reference}" for one in groups[1:]]
        others += [
            f"or by time, if later rows are to be predicted: {{time: {one}, fractions: {fractions}}}"
            for one in dates
        ]
        facts = [f"{best.meaning.distinct} of them, {best.meaning.repeats:.3g} rows each", best.why]
        why = f"rows of one {best.cells.name} stay together ({'; '.join(filter(None, facts))})"
        if not best.named:
            others.append("or without group, if rows of one tell nothing about each other")
        return SplitGuess(options | strata | {"group": best.cells.reference, "seed": 0}, why, others, used)
    if histories:
        reference, reason = histories[0]
        other = "or at random, if the order of the rows means nothing: " + _written(
            options | strata | {"seed": 0}
        )
        why = f"a history ({reason}): the latest rows test"
        return SplitGuess({"time": reference, "fractions": fractions}, why, [other], used)
    others += [
        f"or by time, if later rows are to be predicted: {{time: {one}, fractions: {fractions}}}"
        for one in dates
    ]
    why = f"at random, each part with the same shares of {classes.name}" if classes else "at random"
    return SplitGuess(options | strata | {"seed": 0}, why, others, used)


def names_split(name: str) -> bool:
    words = words_of(name)
    return bool(words) and words[-1] in SPLIT_NAMES


def _words_of_splits(cells: Cells) -> bool:
    known = set().union(*WORDS.values())
    return cells.values.ndim == 1 and all(str(word).lower() in known for word in cells.counts.index)


def _by_column(cells: Cells) -> dict[str, Any] | None:
    """The split that a column tells: in words, or as 0, 1 and 2."""
    if cells.values.ndim != 1 or not cells.present.all():
        return None
    values = [str(word) for word in cells.counts.index]
    if {*values} == {"0", "1", "2"} and words_of(cells.name)[-1] == "split":
        return {"column": cells.reference, "train": 0, "val": 1, "test": 2}
    named = {split: [word for word in values if word.lower() in WORDS[split]] for split in SPLITS}
    if not all(named.values()) or sum(map(len, named.values())) < len(values):
        return None
    chosen = {split: words[0] if len(words) == 1 else words for split, words in named.items()}
    return {"column": cells.reference, **chosen}


def _stratified(targets: Sequence[TargetGuess], rows: int) -> TargetGuess | None:
    """The first target of classes that have several rows each."""
    for target in targets:
        if target.kind not in ("category", "binary") or target.cells.values.ndim > 2:
            continue
        distinct = len(target.cells.counts) if target.cells.values.ndim == 1 else target.cells.values.shape[1]
        if rows >= PER_CLASS * distinct:
            return target
    return None


def _times_of_rows(known: Known, answers: Sequence[Answer]) -> tuple[list[tuple[str, str]], list[str]]:
    """Columns by which rows are a history, with the reason, and other columns of dates."""
    histories, dates = [], []
    for cells, meaning in known:
        if meaning.kind != "date" and not (meaning.kind == "number" and says(cells.name, TIMES)):
            continue
        times = _times(cells)
        if times is None:
            continue
        reason = _history(times, answers)
        if reason:
            histories.append((cells.reference, f"{cells.name} {reason}"))
        elif meaning.kind == "date":
            dates.append(cells.reference)
    return histories, dates


def _times(cells: Cells) -> np.ndarray | None:
    """(rows,) the times as numbers; None if a row has none."""
    if not cells.present.all() or cells.in_array:
        return None
    if cells.values.dtype.kind in "iuf":
        return cells.values.astype(np.float64)
    return moments(cells)


def _history(times: np.ndarray, answers: Sequence[Answer]) -> str:
    """Why rows are a history: sorted, with regular steps or with targets that change slowly."""
    steps = np.diff(times)
    if len(times) < FEWEST_TIMES or not ((steps >= 0).all() or (steps <= 0).all()):
        return ""
    if len(np.unique(times)) < OWN_TIME * len(times):
        return ""
    usual = np.median(np.abs(steps))
    if (np.abs(np.abs(steps) - usual) <= SAME_STEP * usual).mean() >= REGULAR:
        return "rises by equal steps"
    following = [one.name for one in answers if one.numeric and _follows(one.codes)]
    return f"is sorted, and {following[0]} changes slowly" if following else ""


def _follows(values: np.ndarray) -> bool:
    present = ~np.isnan(values[1:]) & ~np.isnan(values[:-1])
    before, after = values[:-1][present], values[1:][present]
    if len(before) < FEWEST_TIMES or before.std() == 0 or after.std() == 0:
        return False
    return bool(np.corrcoef(before, after)[0, 1] >= FOLLOWS)


def _written(options: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in options.items()) + "}"
