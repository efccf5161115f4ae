"""Which rows train, validate and test: by a column, by fractions, or by time."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, missing, numbers, strings, text_of
from pipeline.data.files.stored import BLOCK_BYTES, blocks, row_bytes
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

SPLITS = ("train", "val", "test")
OPTIONS = {
    "column": {"column", "train", "val", "test", "group"},
    "fractions": {"fractions", "stratify", "group", "seed"},
    "time": {"time", "fractions", "val", "test", "group"},
}
KEY = "data.split"
CHUNK = 16_384  # rows whose bytes are put side by side at a time, fewer where rows are long
SHORT = 64  # bytes of a cell whose hash is remembered, because it may come again


@dataclass(frozen=True)
class Stratum:
    """What `stratify` needs of a target: its columns; `numeric` ones are cut into tenths."""

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
        contents: (rows,) a hash of each row, which stands in for its position, so that the same rows fall
            into the same splits in any order and on any machine.
        targets: target name -> its columns and whether they hold numbers, for `stratify`.
        seed: used where the split has none of its own.

    Raises:
        ConfigError: an unknown option, a value that no split names, fractions that do not add up,
            an empty split.
    """
    way = next((name for name in ("column", "time", "fractions") if name in split), None)
    if way is None:
        raise ConfigError(KEY, "no way to split", found=dict(split), allowed=OPTIONS)
    for option in split:
        if option not in OPTIONS[way]:
            raise ConfigError(f"{KEY}.{option}", "no such option", found=option, allowed=sorted(OPTIONS[way]))
    if way == "column":
        codes = _by_column(split, sources)
    elif way == "time":
        codes = _by_time(split, sources)
    else:
        codes = _by_fractions(split, sources, contents, targets, seed)
    for code, name in enumerate(SPLITS):
        if not (codes == code).any():
            raise ConfigError(f"{KEY}.{name}", "an empty split", found="0 rows", allowed="at least one row")
    return codes


def fingerprint(contents: np.ndarray, codes: np.ndarray) -> str:
    """sha256 over each row's hash and split, in the order of the hashes: the rows' order does not matter.

    Args:
        contents: (rows,) hash of each row.
        codes: (rows,) its split.
    """
    order = np.lexsort((codes, contents))
    digest = hashlib.sha256(contents[order].tobytes())
    digest.update(codes[order].astype(np.uint8).tobytes())
    return digest.hexdigest()


def row_hashes(columns: Sequence[Any], *, seed: int = 0) -> np.ndarray:
    """A hash of each row's values over all columns (BLAKE2b, 8 bytes), the same on every machine.

    Args:
        columns: arrays (rows, ...) of numbers, strings or objects, or what is indexed like them.
        seed: another seed, other hashes.

    Returns:
        (rows,) uint64.
    """
    parts = [values if values.dtype.kind in "fiubmM" else _cell_digests(values) for values in columns]
    salt = int(seed).to_bytes(16, "little", signed=True)
    digests: list[bytes] = []
    rows, width = len(parts[0]), sum(row_bytes(values) for values in parts)
    step = max(1, min(CHUNK, BLOCK_BYTES // width))
    for start in range(0, rows, step):
        block = np.concatenate([_row_bytes(values[start : start + step]) for values in parts], axis=1)
        data, width = block.tobytes(), block.shape[1]
        digests += [
            hashlib.blake2b(data[place : place + width], digest_size=8, salt=salt).digest()
            for place in range(0, len(data), width)
        ]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _row_bytes(values: np.ndarray) -> np.ndarray:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little).reshape(len(values), -1).view(np.uint8)


def _cell_digests(values: Any) -> np.ndarray:
    known: dict[bytes, int] = {}
    result = np.empty(len(values), dtype=np.uint64)
    for row, cell in enumerate(cell for block in blocks(values) for cell in block):
        data = _cell_bytes(cell)
        if data not in known:
            digest = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
            if len(data) > SHORT:
                result[row] = digest
                continue
            known[data] = digest
        result[row] = known[data]
    return result


def _cell_bytes(cell: object) -> bytes:
    if isinstance(cell, np.ndarray) and cell.dtype != object:
        return str(cell.shape).encode() + cell.tobytes()
    if isinstance(cell, (list, dict, np.ndarray)):
        return repr(cell).encode()
    return cell if isinstance(cell, bytes) else _cell_text(cell).encode()


def _cell_text(cell: object) -> str:
    return "" if missing(np.array([cell], dtype=object))[0] else text_of(cell)


def _by_column(split: Mapping[str, Any], sources: Sources) -> np.ndarray:
    column = sources.column(split["column"], f"{KEY}.column")
    wanted: dict[str, int] = {}
    for code, name in enumerate(SPLITS):
        if name not in split:
            raise ConfigError(f"{KEY}.{name}", "no value for this split", allowed="the value its rows have")
        value = split[name]
        for one in value if isinstance(value, (list, tuple)) else [value]:
            wanted[text_of(one)] = code
    words = strings(column)
    for word in np.unique(words):
        if word not in wanted:
            problem = "a value that no split names" if word else "a row without a split"
            raise column.error(int(np.argmax(words == word)), problem, ", ".join(wanted))
    return np.array([wanted[word] for word in words], dtype=np.int8)


def _by_time(split: Mapping[str, Any], sources: Sources) -> np.ndarray:
    column = sources.column(split["time"], f"{KEY}.time")
    times = _times(column)
    if "fractions" in split:
        # Rows of the same time stay together.
        distinct, groups = np.unique(times, return_inverse=True)
        return _cut(groups, np.arange(len(distinct)), np.zeros(len(times), dtype=int), split["fractions"])
    starts = [_start(split, name, numeric=column.values.dtype.kind in "iuf") for name in ("val", "test")]
    if starts[0] >= starts[1]:
        raise ConfigError(
            f"{KEY}.test", "test starts before val", found=split["test"], allowed=f"after {split['val']}"
        )
    return (times >= starts[0]).astype(np.int8) + (times >= starts[1])


def _start(split: Mapping[str, Any], name: str, *, numeric: bool) -> float:
    key, value = f"{KEY}.{name}", split.get(name)
    if value is None or isinstance(value, (int, float)) != numeric:
        allowed = "a number, as the time column holds" if numeric else "a date such as 2024-05-31"
        raise ConfigError(key, "no start for this split", found=value, allowed=f"{allowed}; or fractions")
    cells = np.array([value if numeric else str(value)])
    return _times(Column(name, key, cells, lambda row: "the config"))[0]


def _times(column: Column) -> np.ndarray:
    absent = missing(column.values)
    if absent.any():
        raise column.error(int(np.argmax(absent)), "a row without a time", "a date or a number in every row")
    if column.values.dtype.kind in "iuf":
        return column.values
    parsed = pd.to_datetime(pd.Series(column.values), errors="coerce", format="ISO8601", utc=True)
    if parsed.isna().any():
        row = int(np.argmax(parsed.isna().to_numpy()))
        raise column.error(row, "not a date", "ISO dates such as 2024-05-31 or 2024-05-31T12:00")
    return parsed.dt.as_unit("us").astype("int64").to_numpy()


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
    # Rows of the same content stay together as well: apart, they would be a leak.
    names = contents
    if split.get("group") is not None:
        names = row_hashes([group_words(split["group"], sources)])
    distinct, groups = np.unique(names, return_inverse=True)
    ranks = row_hashes([distinct], seed=split.get("seed", seed))
    return _cut(groups, ranks, strata, split["fractions"])


def group_words(reference: str, sources: Sources) -> np.ndarray:
    """The group of every row as text, (rows,) objects.

    Raises:
        ConfigError: a row without a group.
    """
    column = sources.column(reference, f"{KEY}.group")
    words = strings(column)
    if (words == "").any():
        raise column.error(int(np.argmax(words == "")), "a row without a group", "a value in every row")
    return words


def _cut(groups: np.ndarray, ranks: np.ndarray, strata: np.ndarray, given: object) -> np.ndarray:
    """Within each stratum, the groups in the order of their ranks, cut at the fractions.

    Args:
        groups: (rows,) the group's number of each row; a group stays together.
        ranks: (groups,) what groups are sorted by.
        strata: (rows,) the stratum's number of each row; a group belongs to its most frequent one.
        given: the three fractions.
    """
    shares = np.cumsum(_fractions(given))[:2]
    sizes = np.bincount(groups)
    table = np.zeros((len(sizes), strata.max() + 1), dtype=int)
    np.add.at(table, (groups, strata), 1)
    home = table.argmax(axis=1)
    codes = np.zeros(len(sizes), dtype=np.int8)
    owed = np.zeros(2)
    for stratum in range(table.shape[1]):
        members = np.flatnonzero(home == stratum)
        members = members[np.argsort(ranks[members], kind="stable")]
        ends = np.cumsum(sizes[members])
        total = ends[-1] if len(ends) else 0
        # What rounding owes is carried on, so that many small strata add up to the fractions too;
        # one row of each stratum trains, or its class could not be learned.
        bounds = np.maximum.accumulate(np.clip(np.round(shares * total + owed), min(total, 1), total))
        owed = np.clip(owed + shares * total - bounds, -1, 1)
        middles = ends - sizes[members] / 2
        codes[members] = (middles >= bounds[0]).astype(np.int8) + (middles >= bounds[1])
    return codes[groups]


def _strata(stratify: str, sources: Sources, targets: Mapping[str, Stratum]) -> np.ndarray:
    """The stratum's number of each row; missing values form strata of their own."""
    key = f"{KEY}.stratify"
    if stratify not in targets and "." not in stratify:
        raise ConfigError(key, "no such target", found=stratify, allowed=list(targets))
    chosen = targets.get(stratify, Stratum([stratify], numeric=False))
    words = [_stratum_words(sources.column(one, key), numeric=chosen.numeric) for one in chosen.columns]
    joined = np.array(["\t".join(row) for row in zip(*words, strict=True)], dtype=object)
    return np.unique(joined, return_inverse=True)[1]


def _stratum_words(column: Column, *, numeric: bool) -> np.ndarray:
    values = column.values
    if values.ndim == 2 and values.shape[1] > 1:
        values = np.argmax(np.nan_to_num(values), axis=1)
    column = replace(column, values=values.reshape(len(values)))
    if not numeric:
        return strings(column)
    cells = numbers(column)
    edges = np.nanquantile(cells, np.linspace(0.1, 0.9, 9))
    return np.where(np.isnan(cells), "", np.searchsorted(edges, cells).astype(str))


def _fractions(given: object) -> list[float]:
    fractions = (
        [float(one) for one in given] if isinstance(given, Sequence) and not isinstance(given, str) else []
    )
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ConfigError(
            f"{KEY}.fractions",
            "fractions that do not add up",
            found=given,
            allowed="three numbers >= 0 of sum 1",
        )
    return fractions
