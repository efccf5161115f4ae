"""Which rows of several sources belong together, by a key that they have in common."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, strings
from pipeline.data_options import JOINS
from pipeline.errors import ConfigError

Join = str | Mapping[str, str]
SHOWN = 5  # keys in a message
LOOKED_AT = 10_000  # keys without a partner, to find out how they differ
NO_KEY = "\0no key of row "  # begins the key of a row that has none, which no other row has
logger = logging.getLogger(__name__)


class Keyed(Protocol):
    """What a join needs of a source."""

    name: str

    def is_written(self, column: str) -> bool: ...

    def read(self, column: str, key: str) -> np.ndarray: ...

    def read_text(self, column: str) -> np.ndarray: ...

    def place(self, row: int) -> str: ...


def split_join(join: Join | None) -> tuple[str | None, str]:
    """The column of a join, and how rows without a partner are treated."""
    if isinstance(join, Mapping):
        return join["key"], join.get("how", JOINS[0])
    return join, JOINS[0]


def match_rows(sources: Mapping[str, Keyed], join: str, how: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Matches the rows of all sources.

    Args:
        join: the column with the keys, in every source.
        how: "left" keeps the rows of the first source, "inner" those that all have, "exact" refuses others.

    Returns:
        The keys (rows,) that are kept, and for each source its row with each key, -1 where it has none.

    Raises:
        ConfigError: a row has no key, a key occurs twice, or the sources do not match as `how` demands.
    """
    first = next(iter(sources))
    keys = {
        name: _keys(source, join, optional=how != "exact" and name != first)
        for name, source in sources.items()
    }
    for name, others in keys.items():
        # pandas looks keys up by their hashes; NumPy would compare each key with all others.
        unused = others[~pd.Index(others).isin(keys[first])]
        unused = unused[[not key.startswith(NO_KEY) for key in unused]]
        lacking = keys[first][~pd.Index(keys[first]).isin(others)]
        if how == "exact":
            _check_matched(unused.tolist(), name, first, join)
            _check_matched(lacking.tolist(), first, name, join)
        if how == "left" and len(lacking) == len(keys[first]):
            raise _nothing_shared(keys[first], others, first, name, join)
        if how == "left" and (len(unused) or len(lacking)):
            logger.warning(
                "data.join: %s of %s rows of %s are not in %s, so their cells of %s are missing; "
                "%s rows of %s have other keys and are left out%s",
                *(f"{len(lacking):,}", f"{len(keys[first]):,}", first, name, name, f"{len(unused):,}", name),
                _differences(lacking[:LOOKED_AT], unused[:LOOKED_AT]),
            )
    kept = _shared_keys(keys, first) if how == "inner" else keys[first]
    return kept, {name: pd.Index(others).get_indexer(kept) for name, others in keys.items()}


def _nothing_shared(keys: np.ndarray, others: np.ndarray, first: str, name: str, join: str) -> ConfigError:
    """The error if two sources have no key in common, with what would make their keys alike."""
    return ConfigError(
        "data.join",
        f"no value of '{join}' in source {first} is in source {name}",
        found=f"{', '.join(keys[:SHOWN])}, … in {first}; {', '.join(others[:SHOWN])}, … in {name}",
        allowed=f"the same keys in both{_differences(keys, others)}",
    )


def _differences(keys: np.ndarray, others: np.ndarray) -> str:
    """What would make some of the keys alike, as the end of a sentence; "" if nothing."""
    changes = {
        "leading zeros": lambda word: word.lstrip("0"),
        "blanks": str.strip,
        "capitals": str.lower,
    }
    pairs = {
        what: next((pair for pair in _alike(keys, others, change)), None) for what, change in changes.items()
    }
    hints = [what for what, pair in pairs.items() if pair]
    example = next((" and ".join(map(repr, pair)) for pair in pairs.values() if pair), "")
    return f"; they differ by {' and '.join(hints)}: {example}" if hints else ""


def _alike(keys: np.ndarray, others: np.ndarray, change: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    changed = {change(other): other for other in others}
    return ((key, changed[change(key)]) for key in keys if change(key) in changed)


def _shared_keys(keys: Mapping[str, np.ndarray], first: str) -> np.ndarray:
    """The keys that all sources have, in the order of the first one."""
    everywhere = np.all([pd.Index(keys[first]).isin(others) for others in keys.values()], axis=0)
    shared = keys[first][everywhere]
    if not len(shared):
        raise ConfigError("data.join", "no key is in every source", found=", ".join(keys[first][:SHOWN]))
    if len(shared) < len(keys[first]):
        logger.warning(
            "data.join: %s of %s rows of %s are in every source", len(shared), len(keys[first]), first
        )
    return np.asarray(shared)


def key_texts(source: Keyed, join: str, *, optional: bool = False) -> Column:
    """The column of a source's keys, as text.

    Args:
        optional: whether rows may have none; each of these gets a key that no other row has.

    Raises:
        ConfigError: a row has no key.
    """
    values = source.read(join, "data.join")
    text = (lambda: source.read_text(join)) if source.is_written(join) else None
    column = Column(f"{source.name}.{join}", "data.join", values, source.place, text=text)
    keys = strings(column)
    without = np.flatnonzero(keys == "")
    if optional and len(without):
        keys = keys.copy()
        keys[without] = [f"{NO_KEY}{row}" for row in without]
        logger.warning(
            "data.join: %s rows of %s have no %s and are left out", f"{len(without):,}", source.name, join
        )
    elif len(without):
        raise column.error(int(np.argmax(keys == "")), "the row has no key", "a key in every row")
    return replace(column, values=keys, text=None)


def _keys(source: Keyed, join: str, *, optional: bool = False) -> np.ndarray:
    column = key_texts(source, join, optional=optional)
    doubled = pd.Index(column.values).duplicated()
    if doubled.any():
        repeated = np.unique(column.values[doubled])
        row = int(np.flatnonzero(column.values == repeated[0])[1])
        problem = f"keys that occur more than once: {len(repeated)}"
        allowed = "each key once; if the rows are the steps of series, name their `order` in the input"
        raise column.error(row, problem, allowed, ", ".join(repeated[:SHOWN]))
    return column.values


def _check_matched(unmatched: list[str], source: str, other: str, join: str) -> None:
    if unmatched:
        raise ConfigError(
            "data.join",
            f"values of '{join}' in source {source} but not in source {other}: {len(unmatched)}",
            found=", ".join(unmatched[:SHOWN]) + (", …" if len(unmatched) > SHOWN else ""),
            allowed="the same keys in every source; or how: left, which leaves cells missing",
        )
