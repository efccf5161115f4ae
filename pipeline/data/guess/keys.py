"""How the rows of several sources are matched: by a column that all of them have, or by position."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from pipeline.data.columns import Column, strings
from pipeline.data.guess.cells import SampledSource, shown
from pipeline.data.guess.names import names_identifier
from pipeline.data.guess.steps import order_of
from pipeline.errors import ConfigError

ENOUGH = 0.5  # share of the first source's keys that every other source must have


@dataclass(frozen=True)
class Matching:
    """How rows are matched.

    Args:
        join: the column with the keys; None: by position.
        why: the reason, as a comment.
        orders: source -> for each row of the first source, the row of this source, -1 where it has none.
        steps: source with many rows for a key -> the column that these rows are sorted by.
    """

    join: str | None
    why: str
    orders: Mapping[str, np.ndarray]
    steps: Mapping[str, str] = field(default_factory=dict)


def match(sources: Sequence[SampledSource]) -> Matching:
    """Finds out how the rows of the sources belong together.

    Raises:
        ConfigError: they have no common key and different numbers of rows.
    """
    first, others = sources[0], sources[1:]
    if not others:
        return Matching(None, "", {first.name: np.arange(first.rows)})
    shared = [name for name in first.cells if all(_may_be_key(source, name) for source in sources)]
    keys = {name: {source.name: _keys(source, name) for source in sources} for name in shared}
    steps = {name: _steps(by_source, sources) for name, by_source in keys.items()}
    fitting = {
        name: _overlap(by_source, first.name)
        for name, by_source in keys.items()
        if _is_unique(by_source[first.name])
        and all(source in steps[name] or _is_unique(values) for source, values in by_source.items())
    }
    best = max(fitting, key=lambda name: (fitting[name], names_identifier(name)), default=None)
    if best is not None and fitting[best] >= ENOUGH:
        why = (
            f"{fitting[best]:.0%} of the rows of {first.name} are in the other sources"
            if (fitting[best] < 1)
            else "every row has a key of its own, and all sources have it"
        )
        alone = {source: values for source, values in keys[best].items() if source not in steps[best]}
        return Matching(best, why, _orders(alone, first.name), steps[best])
    if len({source.rows for source in sources}) == 1:
        why = "no join: rows are matched by position, because all sources have the same number of rows"
        return Matching(None, why, {source.name: np.arange(first.rows) for source in sources})
    raise _no_match(sources, keys)


def _may_be_key(source: SampledSource, name: str) -> bool:
    cells = source.cells.get(name)
    return cells is not None and cells.values.ndim == 1 and cells.rows == source.rows


def _keys(source: SampledSource, name: str) -> np.ndarray:
    """The whole column as text; no key, (0,), if it holds no single values."""
    text = (lambda: source.source.read_text(name)) if source.source.has_text else None
    values = source.source.read(name, "data.join")
    try:
        return strings(Column(name, "data.join", values, source.source.place, text=text))
    except ConfigError:
        return np.zeros(0, dtype=object)


def _is_unique(keys: np.ndarray) -> bool:
    return len(keys) > 0 and pd.Series(keys, dtype=object).is_unique and not (keys == "").any()


def _steps(keys: Mapping[str, np.ndarray], sources: Sequence[SampledSource]) -> dict[str, str]:
    """Source with many rows for a key -> the column that tells the order of these rows."""
    orders = {source.name: order_of(keys[source.name], source) for source in sources[1:]}
    return {name: order for name, order in orders.items() if order is not None}


def _overlap(keys: Mapping[str, np.ndarray], first: str) -> float:
    """The smallest share of the first source's keys that another source has."""
    return float(min(np.isin(keys[first], others).mean() for others in keys.values()))


def _orders(keys: Mapping[str, np.ndarray], first: str) -> dict[str, np.ndarray]:
    return {name: pd.Index(others).get_indexer(keys[first]) for name, others in keys.items()}


def _no_match(sources: Sequence[SampledSource], keys: Mapping[str, Mapping[str, np.ndarray]]) -> ConfigError:
    rows = ", ".join(f"{source.name} {source.rows:,} rows" for source in sources)
    if not keys:
        found = "; ".join(f"{source.name} has {shown(source.cells, 8, 200)}" for source in sources)
        problem = f"the sources have different numbers of rows ({rows}) and no column in common"
        allowed = "a column of the same name in every source that says which rows belong together, such as id"
        return ConfigError("sources", problem, found=found, allowed=allowed)
    reasons = []
    for name, by_source in keys.items():
        repeated = [source for source, values in by_source.items() if not _is_unique(values)]
        if repeated:
            reasons.append(f"{name} has the same value in several rows of {', '.join(repeated)}, or none")
        else:
            share = _overlap(by_source, sources[0].name)
            reasons.append(f"only {share:.0%} of the values of {name} are in every source")
    problem = f"the sources have different numbers of rows ({rows}) and no common key"
    allowed = (
        "one row per key in every source. Summarise the rows of a key, or merge a source into another, for "
        "example with pandas' groupby and merge; the first source needs one row per example"
    )
    return ConfigError("sources", problem, found="; ".join(reasons), allowed=allowed)
