"""Which rows train, validate and test: by a column, by fractions, or by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, is_missing, numbers, strings, text_of
from pipeline.data.hashes import row_hashes
from pipeline.data.sources import Sources
from pipeline.data_options import SPLIT_FORMS, SPLITS
from pipeline.errors import ConfigError

KEY = "data.split"


@dataclass(frozen=True)
class Stratum:
    """The columns of a target that `stratify` uses; numbers are divided into ten classes of equal size."""

    columns: list[str]
    numeric: bool


def assign(
    split: Mapping[str, Any],
    sources: Sources,
    *,
    contents: np.ndarray,
    targets: Mapping[str, Stratum],
    seed: int,
) -> np.ndarray:
    """The split of every row: 0 train, 1 val, 2 test.

    Args:
        split: the config mapping, by `column`, by `fractions`, or by `time`.
        sources: the joined sources.
        contents: (rows,) a hash of each row. It takes the place of the row's position, so that the same rows
            are in the same splits in any order and on any machine.
        targets: target name -> its columns and whether they hold numbers, for `stratify`.
        seed: used if the split has no seed.

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
        codes = _by_fractions(split, sources, contents, targets, seed)
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
    known = sorted({*SPLIT_FORMS[form].required, *SPLIT_FORMS[form].optional})
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
    for word in np.unique(words):
        if word not in code_of:
            problem = "the value belongs to no split" if word else "the row has no split"
            raise column.error(int(np.argmax(words == word)), problem, ", ".join(code_of))
    return np.array([code_of[word] for word in words], dtype=np.int8)


def _by_time(split: Mapping[str, Any], sources: Sources) -> np.ndarray:
    column = sources.column(split["time"], f"{KEY}.time")
    times = _times(column)
    if "fractions" in split:
        # Rows of the same time are in the same split.
        distinct, groups = np.unique(times, return_inverse=True)
        return _cut(groups, np.arange(len(distinct)), np.zeros(len(times), dtype=int), split["fractions"])
    val, test = (_start(split, name, numeric=column.values.dtype.kind in "iuf") for name in ("val", "test"))
    if val >= test:
        raise ConfigError(
            f"{KEY}.test", "test starts before val", found=split["test"], allowed=f"after {split['val']}"
        )
    codes: np.ndarray = (times >= val).astype(np.int8) + (times >= test)
    return codes


def _start(split: Mapping[str, Any], name: str, *, numeric: bool) -> float:
    key, value = f"{KEY}.{name}", split.get(name)
    if value is None or isinstance(value, (int, float)) != numeric:
        allowed = "a number, as in the time column" if numeric else "a date such as 2024-05-31"
        problem = "the start of this split is missing" if value is None else "not a start of this split"
        raise ConfigError(key, problem, found=value, allowed=f"{allowed}; or fractions instead")
    cells = np.array([value if numeric else str(value)])
    start: float = _times(Column(name, key, cells, lambda row: "the config"))[0]
    return start


def _times(column: Column) -> np.ndarray:
    missing = is_missing(column.values)
    if missing.any():
        raise column.error(int(np.argmax(missing)), "the row has no time", "a date or a number in every row")
    if column.values.dtype.kind in "iuf":
        return column.values
    parsed = pd.to_datetime(pd.Series(column.values), errors="coerce", format="ISO8601", utc=True)
    if parsed.isna().any():
        row = int(np.argmax(parsed.isna().to_numpy()))
        raise column.error(row, "not a date", "ISO dates such as 2024-05-31 or 2024-05-31T12:00")
    return np.asarray(parsed.dt.as_unit("us").astype("int64").to_numpy())


def _by_fractions(
    split: Mapping[str, Any],
    sources: Sources,
    contents: np.ndarray,
    targets: Mapping[str, Stratum],
    seed: int,
) -> np.ndarray:
    strata = np.zeros(len(contents), dtype=int)
    if split.get("stratify") is not None:
        strata = _strata(split["stratify"], sources, targets)
    # Identical rows are in the same split, because in different splits they would be a leak.
    names = contents
    if split.get("group") is not None:
        names = row_hashes([group_names(split["group"], sources)])
    distinct, groups = np.unique(names, return_inverse=True)
    ranks = row_hashes([distinct], seed=split.get("seed", seed))
    return _cut(groups, ranks, strata, split["fractions"])


def _cut(groups: np.ndarray, ranks: np.ndarray, strata: np.ndarray, fractions: object) -> np.ndarray:
    """Sorts the groups of each stratum by rank and cuts them at the fractions.

    Args:
        groups: (rows,) the number of each row's group; a group stays together.
        ranks: (groups,) what the groups are sorted by.
        strata: (rows,) the number of each row's stratum; a group belongs to its most frequent one.
        fractions: the shares of train, val and test.
    """
    shares = np.cumsum(_check_fractions(fractions))[:2]
    sizes = np.bincount(groups)
    counts = np.zeros((len(sizes), strata.max() + 1), dtype=int)
    np.add.at(counts, (groups, strata), 1)
    stratum_of = counts.argmax(axis=1)
    codes = np.zeros(len(sizes), dtype=np.int8)
    remainder = np.zeros(2)
    for stratum in range(counts.shape[1]):
        members = np.flatnonzero(stratum_of == stratum)
        members = members[np.argsort(ranks[members], kind="stable")]
        ends = np.cumsum(sizes[members])
        total = ends[-1] if len(ends) else 0
        # Rounding errors carry over to the next stratum, so that many small strata match the fractions as a
        # whole. Each stratum has at least one training row, or its class could not be learned.
        bounds = np.maximum.accumulate(np.clip(np.round(shares * total + remainder), min(total, 1), total))
        remainder = np.clip(remainder + shares * total - bounds, -1, 1)
        middles = ends - sizes[members] / 2
        codes[members] = (middles >= bounds[0]).astype(np.int8) + (middles >= bounds[1])
    return np.asarray(codes[groups])


def _strata(stratify: str, sources: Sources, targets: Mapping[str, Stratum]) -> np.ndarray:
    """The number of each row's stratum; rows with missing values form strata of their own."""
    key = f"{KEY}.stratify"
    if stratify not in targets and "." not in stratify:
        raise ConfigError(key, "there is no such target", found=stratify, allowed=list(targets))
    chosen = targets.get(stratify, Stratum([stratify], numeric=False))
    words = [_words(sources.column(column, key), numeric=chosen.numeric) for column in chosen.columns]
    joined = np.array(["\t".join(row) for row in zip(*words, strict=True)], dtype=object)
    return np.unique(joined, return_inverse=True)[1]


def _words(column: Column, *, numeric: bool) -> np.ndarray:
    """A text for each row that is the same for all rows of one stratum."""
    values = column.values
    if values.ndim == 2 and values.shape[1] > 1:
        values = np.argmax(np.nan_to_num(values), axis=1)
    column = replace(column, values=values.reshape(len(values)))
    if not numeric:
        return strings(column)
    cells = numbers(column)
    edges = np.nanquantile(cells, np.linspace(0.1, 0.9, 9))
    return np.where(np.isnan(cells), "", np.searchsorted(edges, cells).astype(str))


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
