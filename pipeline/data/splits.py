"""Which rows train, validate and test: by a column, by fractions, or by time."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from pipeline.data.classes import Classes
from pipeline.data.columns import strings, text_of
from pipeline.data.files.words import coded
from pipeline.data.quotas import Carried, Quota
from pipeline.data.rare import complete_training
from pipeline.data.sources import Sources
from pipeline.data.times import ordered_times
from pipeline.data_options import SPLIT_FORMS, SPLITS, optional_options
from pipeline.errors import ConfigError

KEY = "data.split"


class Rows(Protocol):
    """What a split by fractions needs to know of the rows; see `FileRows` and `NamedRows`."""

    hashes: np.ndarray

    @property
    def classes(self) -> Sequence[Classes]: ...

    def group_hashes(self, names: np.ndarray) -> np.ndarray: ...

    def ranks(self, hashes: np.ndarray) -> np.ndarray: ...

    def strata(
        self, stratify: str | Sequence[str], fractions: Sequence[float]
    ) -> tuple[np.ndarray, Quota]: ...


def assign(
    split: Mapping[str, Any],
    sources: Sources,
    rows: Rows,
) -> np.ndarray:
    """The split of every row: 0 train, 1 val, 2 test.

    Args:
        split: the config mapping, by `column`, by `fractions`, or by `time`.
        sources: the joined sources.
        rows: the hash of each row takes the place of its position, so that the same rows are in the same
            splits in any order and on any machine.

    Raises:
        ConfigError: an unknown option, a value that belongs to no split, fractions that do not add up to 1,
            or an empty split.
    """
    form = _check_options(split)
    if form == "column":
        codes = _by_column(split, sources)
    elif form == "time":
        codes = _by_time(split, sources)
    else:
        codes = _by_fractions(split, sources, rows)
    if "folds" in split:
        return codes  # `pipeline.data.folds` divides these rows anew
    for code, name in enumerate(SPLITS):
        if not (codes == code).any():
            raise ConfigError(
                f"{KEY}.{name}", "the split is empty", found="0 rows", allowed="at least one row"
            )
    return codes


def group_names(reference: str, sources: Sources) -> np.ndarray:
    """The group of every row as text, (rows,) objects.

    Raises:
        ConfigError: a row has no group.
    """
    column = sources.column(reference, f"{KEY}.group")
    names = strings(column)
    if (names == "").any():
        raise column.error(int(np.argmax(names == "")), "the row has no group", "a value in every row")
    return names


def _check_options(split: Mapping[str, Any]) -> str:
    """The name of the split's form."""
    form = next((name for name in SPLIT_FORMS if name in split), None)
    if form is None:
        raise ConfigError(KEY, "the split needs one of these options", found=dict(split), allowed=SPLIT_FORMS)
    known = sorted({*SPLIT_FORMS[form].required, *optional_options(form, folds="folds" in split)})
    for option in split:
        if option not in known:
            raise ConfigError(f"{KEY}.{option}", "there is no such option", found=option, allowed=known)
    return form


def _by_column(split: Mapping[str, Any], sources: Sources) -> np.ndarray:
    column = sources.column(split["column"], f"{KEY}.column")
    code_of: dict[str, int] = {}
    for code, name in enumerate(SPLITS):
        if name not in split:
            raise ConfigError(
                f"{KEY}.{name}", "the value of this split is missing", allowed="the value that its rows have"
            )
        values = split[name] if isinstance(split[name], (list, tuple)) else [split[name]]
        code_of |= {text_of(value): code for value in values}
    words = strings(column)
    codes, distinct = coded(words)
    for word in sorted(distinct):
        if word not in code_of:
            problem = "the value belongs to no split" if word else "the row has no split"
            raise column.error(int(np.argmax(words == word)), problem, ", ".join(code_of))
    return np.asarray(np.array([code_of[word] for word in distinct], dtype=np.int8)[codes])


def _by_time(split: Mapping[str, Any], sources: Sources) -> np.ndarray:
    column = sources.column(split["time"], f"{KEY}.time")
    names = () if "fractions" in split else ("val", "test")
    starts = {name: split.get(name) for name in names}
    times, begins = ordered_times(column, starts, split.get("day_first"), KEY)
    if "fractions" in split:
        # Rows of the same time are in the same split.
        distinct, groups = np.unique(times, return_inverse=True)
        strata, fractions = np.zeros(len(times), dtype=int), _check_fractions(split["fractions"])
        return cut(groups, np.arange(len(distinct)), strata, Carried(fractions))[groups]
    val, test = begins["val"], begins["test"]
    if val >= test:
        raise ConfigError(
            f"{KEY}.test", "test starts before val", found=split["test"], allowed=f"after {split['val']}"
        )
    codes: np.ndarray = (times >= val).astype(np.int8) + (times >= test)
    return codes


def drawn_by(
    split: Mapping[str, Any], sources: Sources, rows: Rows, fractions: Sequence[float]
) -> tuple[np.ndarray, np.ndarray, Quota]:
    """What rows are drawn by: hashes (rows,) of what stays together, strata (rows,), and a quota of these."""
    strata = np.zeros(len(rows.hashes), dtype=int)
    quota: Quota = Carried(fractions)
    if split.get("stratify"):
        strata, quota = rows.strata(split["stratify"], fractions)
    # Identical rows are in the same part, because in different parts they would be a leak.
    names = rows.hashes
    if split.get("group") is not None:
        names = rows.group_hashes(group_names(split["group"], sources))
    return names, strata, quota


def _by_fractions(split: Mapping[str, Any], sources: Sources, rows: Rows) -> np.ndarray:
    names, strata, quota = drawn_by(split, sources, rows, _check_fractions(split["fractions"]))
    distinct, groups = np.unique(names, return_inverse=True)
    ranks = rows.ranks(distinct)
    codes = cut(groups, ranks, strata, quota)
    told: tuple[str, ...] = SPLITS
    if "folds" in split:  # the folds divide training and validation anew, and perhaps the test rows too
        told = () if split.get("tested") == "once" else ("test",)
    return complete_training(codes, groups, ranks, rows.classes, told)[groups]


def cut(groups: np.ndarray, ranks: np.ndarray, strata: np.ndarray, quota: Quota) -> np.ndarray:
    """Sorts the groups of each stratum by rank and cuts them at its quota.

    Args:
        groups: (rows,) the number of each row's group; a group stays together.
        ranks: (groups,) what the groups are sorted by.
        strata: (rows,) the number of each row's stratum; a group belongs to its most frequent one.
        quota: how many rows of each stratum are in each part.

    Returns:
        (groups,) the number of each group's part, which is a split or a fold.
    """
    sizes = np.bincount(groups)
    stratum_of = _most_frequent(strata, groups)
    order = np.argsort(ranks, kind="stable")
    order = order[np.argsort(stratum_of[order], kind="stable")]  # faster than `np.lexsort`
    codes = np.zeros(len(sizes), dtype=np.int16)
    for members in np.split(order, np.flatnonzero(np.diff(stratum_of[order])) + 1):
        stratum, ends = int(stratum_of[members[0]]), np.cumsum(sizes[members])
        bounds = quota.bounds(stratum, int(ends[-1]))
        middles = ends - sizes[members] / 2
        codes[members] = np.searchsorted(bounds, middles, side="right")
        counts = np.bincount(codes[members], weights=sizes[members], minlength=len(bounds) + 1)
        quota.given(stratum, [int(count) for count in counts])
    return codes


def _most_frequent(strata: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """(groups,) the stratum that most rows of each group have, of several the lowest."""
    number = int(groups.max()) + 1
    if not strata.any():
        return np.zeros(number, dtype=int)
    if number == len(groups):  # each row is a group
        result = np.empty(number, dtype=strata.dtype)
        result[groups] = strata
        return result
    pairs, counts = np.unique(groups * (strata.max() + 1) + strata, return_counts=True)
    owners, members = np.divmod(pairs, strata.max() + 1)
    order = np.lexsort((members, -counts, owners))
    first = np.unique(owners[order], return_index=True)[1]
    return np.asarray(members[order][first])


def _check_fractions(value: object) -> list[float]:
    fractions: list[float] = []
    if isinstance(value, Sequence) and not isinstance(value, str):
        fractions = [float(fraction) for fraction in value]
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"{KEY}.fractions",
            "the fractions must add up to 1",
            found=value,
            allowed="three numbers >= 0 that add up to 1",
        )
    return fractions
