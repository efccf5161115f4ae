"""Files with a row for each step of a series: their key, their order, and what is the same in all steps."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipeline.data.guess.cells import Cells, SampledSource
from pipeline.data.guess.inputs import InputGuess
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import TIMES, names_group, says, valid_name
from pipeline.data.guess.words import are_times

STEPS = 2  # rows per key from which on the rows of a key may be steps of a series
FEWEST_KEYS = 10  # fewer cannot be split into rows to train, validate and test
ORDERS = TIMES | {"step", "order", "index", "idx", "seq", "sequence", "position", "pos", "frame", "tick", "i"}


def order_of(keys: np.ndarray, source: SampledSource) -> str | None:
    """The column that has another number or date in each row of a key; one that is called so comes first.

    Args:
        keys: (rows,) the keys of all rows, as text.
        source: the source of these rows.
    """
    if not len(keys) or (keys == "").any() or pd.Series(keys).nunique() * STEPS > len(keys):
        return None
    sampled = keys[source.sample(source.rows)]
    fitting = []
    for name, cells in source.cells.items():
        if cells.values.ndim == 1 and cells.present.all() and _may_be_order(cells):
            pairs = pd.DataFrame({"key": sampled, "order": cells.words})
            if not pairs.duplicated().any() and pairs["order"].nunique() < len(pairs):
                fitting.append(name)
    return min(fitting, key=lambda name: not says(name, ORDERS), default=None)


def _may_be_order(cells: Cells) -> bool:
    numeric = cells.values.dtype.kind in "iuf"
    return (numeric and says(cells.name, ORDERS)) or cells.values.dtype.kind in "iu" or are_times(cells)


def steps_input(
    source: SampledSource, meanings: Mapping[str, Meaning], key: str, order: str, but: Sequence[str] = ()
) -> tuple[InputGuess, dict[str, str]]:
    """The series of a source whose rows are steps, and the columns that are left out: column -> why.

    Args:
        source: the rows.
        meanings: of its columns, by their names.
        key: the column that says which series a row belongs to.
        order: the column that they are sorted by.
        but: columns that are no steps.
    """
    columns, left_out = [], {}
    for name, meaning in meanings.items():
        reference = source.cells[name].reference
        if name in (key, order) or name in but:
            continue
        if meaning.kind in ("number", "flag"):
            columns.append((reference, meaning.comment))
        else:
            left_out[reference] = f"no number: {meaning.why}"
    why = f"{source.rows:,} rows are steps of series: many for each {key}, in the order of {order}"
    options = {"order": f"{source.name}.{order}"}
    return InputGuess(valid_name(source.name), "series", why, options, {"columns": columns}), left_out


@dataclass(frozen=True)
class StepsAndFacts:
    """A file of steps in which some columns, the facts, have one value for each key.

    Args:
        facts: the source with the facts only, a row for each key.
        key, order: columns of the source.
        series: the input that the other columns of numbers become.
        left_out: column -> why.
    """

    facts: SampledSource
    key: str
    order: str
    series: InputGuess
    left_out: Mapping[str, str]


def steps_and_facts(
    source: SampledSource, meanings: Mapping[str, Meaning], targets: Sequence[str]
) -> StepsAndFacts | None:
    """How a single file is divided into series and facts; None if its targets differ from row to row.

    Args:
        source: the file.
        meanings: of its columns, by their names.
        targets: names of columns.
    """
    if not all(cells.complete for cells in source.cells.values()):
        return None
    for key in _keys(source, meanings):
        words = source.cells[key].words
        order = order_of(words, source)
        codes = pd.factorize(words)[0]
        facts = [name for name, cells in source.cells.items() if _is_fact(cells, codes)]
        if order is None or not {*targets} <= {*facts}:
            continue
        series, left_out = steps_input(source, meanings, key, order, but=facts)
        if series.columns["columns"]:
            return StepsAndFacts(_first_rows(source, facts, codes), key, order, series, left_out)
    return None


def _keys(source: SampledSource, meanings: Mapping[str, Meaning]) -> list[str]:
    return [
        name
        for name, meaning in meanings.items()
        if meaning.kind in ("identifier", "class", "number")
        and names_group(name)
        and meaning.distinct >= FEWEST_KEYS
        and meaning.repeats >= STEPS
        and source.cells[name].present.all()
    ]


def _is_fact(cells: Cells, codes: np.ndarray) -> bool:
    """Whether a column has one value for each key."""
    if cells.values.ndim > 1 or len(cells.values) != len(codes):
        return False
    return bool((pd.Series(cells.words).groupby(codes).nunique() == 1).all())


def _first_rows(source: SampledSource, names: Sequence[str], codes: np.ndarray) -> SampledSource:
    rows = np.unique(codes, return_index=True)[1]
    facts = copy.copy(source)
    facts.cells = {
        name: replace(source.cells[name], column=source.cells[name].column.take(rows), rows=len(rows))
        for name in names
    }
    return facts
