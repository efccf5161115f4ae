"""The inputs that columns become: tables, vectors, series, images and texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.data.guess.arrays import is_series
from pipeline.data.guess.cells import Cells
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import LENGTHS, says, valid_name
from pipeline.data.patterns import natural

Known = Sequence[tuple[Cells, Meaning]]
NUMBERED = re.compile(r"(\D*?)[\W_]*\d+([\W_]+\d+)*")  # x_0, x1, pixel_3_7
WIDE = 8  # numbered columns from which on they are one vector
MANY = 60  # columns of numbers from which on they are a vector: a table has one input of the model for each
OPTION_OF_KIND = {"number": "numeric", "class": "categorical", "flag": "categorical", "date": "dates"}
BLANKS = (" ", ", ", ",")


@dataclass(frozen=True)
class InputGuess:
    """One input of a config.

    Args:
        name: in the config.
        kind: the kind of input.
        why: the reason, as a comment.
        options: of the kind, but for the lists of columns.
        columns: option -> a list of columns with their comments.
    """

    name: str
    kind: str
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)


def as_inputs(
    known: Known, taken: Sequence[str], table_options: Sequence[str]
) -> tuple[list[InputGuess], dict[str, str]]:
    """The inputs that columns become.

    Args:
        known: the columns and their meanings, without targets and identifiers.
        taken: names of targets, which inputs do not repeat.
        table_options: options of a table that name columns.

    Returns:
        The inputs, and the columns that become none: column -> why.
    """
    left_out: dict[str, str] = {}
    inputs: list[InputGuess] = []
    names = [*taken]

    def add(name: str, *arguments: Any, **more: Any) -> None:
        names.append(valid_name(name, names))
        inputs.append(InputGuess(names[-1], *arguments, **more))

    lengths = _lengths(known)
    known = [(cells, meaning) for cells, meaning in known if cells.reference not in lengths.values()]
    wide = _wide(known)
    for prefix, members in wide.items():
        add(prefix, *_meaning_of_wide(members))
    single = {cells.reference for members in wide.values() for cells, _ in members}
    tables: dict[str, list[tuple[Cells, Meaning]]] = {}
    for cells, meaning in known:
        if cells.reference in single:
            continue
        option = OPTION_OF_KIND.get(meaning.kind)
        if option in table_options and not cells.in_array:
            tables.setdefault(cells.source, []).append((cells, meaning))
        elif found := _own_input(cells, meaning, lengths):
            add(cells.name or cells.source, found[0], meaning.comment, options=found[1])
        else:
            left_out[cells.reference] = _why_not(meaning)
    for source, members in tables.items():
        for one in _tables(members):
            name = "table" if len(tables) == 1 else f"{source}_table"
            add(name, *one[:2], columns=one[2])
    return inputs, left_out


def _own_input(
    cells: Cells, meaning: Meaning, lengths: Mapping[str, str]
) -> tuple[str, dict[str, Any]] | None:
    """The kind and options of an input of one column; None if no kind of input takes it."""
    kinds = {"flags": "vector", "parts": "vector", "number": "vector", "flag": "vector"}
    kind = kinds.get(meaning.kind, meaning.kind)
    options = {"column": cells.reference, **meaning.options}
    if meaning.kind == "labels" and meaning.options.get("separator") in BLANKS:
        return "text", {"column": cells.reference}
    if cells.reference in lengths:
        options["length"] = lengths[cells.reference]
    return (kind, options) if kind in ("image", "series", "vector", "text") else None


def _why_not(meaning: Meaning) -> str:
    if meaning.kind == "labels":
        return f"{meaning.why}; no kind of input takes several labels: give each a column of 0 and 1"
    if meaning.kind == "date":
        return f"{meaning.why}; write parts of it, such as year and month, as columns of numbers"
    return meaning.comment


def _lengths(known: Known) -> dict[str, str]:
    """Series -> the column of its lengths: steps from there on are all 0 or all missing."""
    found = {}
    for cells, meaning in known:
        if meaning.kind != "series" or cells.values.ndim not in (2, 3):
            continue
        for other, _ in known:
            if (
                other.source == cells.source
                and says(other.name, LENGTHS)
                and _are_lengths(other, cells.values)
            ):
                found[cells.reference] = other.reference
    return found


def _are_lengths(cells: Cells, series: np.ndarray) -> bool:
    lengths, steps = cells.values, series.shape[1]
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu" or len(lengths) != len(series):
        return False
    if lengths.min() < 0 or lengths.max() > steps:
        return False
    after = np.arange(steps)[None, :] >= lengths[:, None]
    rest = series.reshape(len(series), steps, -1)[after].astype(np.float32)
    return bool(after.any() and (np.isnan(rest) | (rest == 0)).all())


def _wide(known: Known) -> dict[str, list[tuple[Cells, Meaning]]]:
    """Numbered columns of numbers, such as x_0 to x_49, by the beginning of their names."""
    groups: dict[tuple[str, str], list[tuple[Cells, Meaning]]] = {}
    for cells, meaning in known:
        match = NUMBERED.fullmatch(cells.name)
        if (
            match
            and meaning.kind in ("number", "flag", "constant")
            and cells.values.dtype.kind in "biuf"
            and not cells.in_array
        ):
            groups.setdefault((cells.source, match.group(1) or cells.source), []).append((cells, meaning))
    return {prefix: members for (_, prefix), members in groups.items() if len(members) >= WIDE}


def _meaning_of_wide(members: Known) -> tuple[str, str, dict[str, Any], dict[str, list[tuple[str, str]]]]:
    """The kind, the reason, the options and the columns of the input that numbered columns become."""
    members = sorted(members, key=lambda one: natural(one[0].name))
    references = [(cells.reference, "") for cells, _ in members]
    first, last = members[0][0].name, members[-1][0].name
    values = np.column_stack([cells.values.astype(np.float64) for cells, _ in members])
    why = f"{len(members)} numbered columns, {first} to {last}"
    alike = is_series(values[~np.isnan(values).any(axis=1)])
    if alike:
        why = f"{why}: steps of a series, as neighbours are alike; a vector, if not"
        return "series", why, {}, {"columns": references}
    return "vector", why, {}, {"column": references}


def _tables(members: Known) -> list[tuple[str, str, dict[str, list[tuple[str, str]]]]]:
    """The kind, the reason and the columns of the tables, or of the vector, of one source."""
    by_option: dict[str, list[tuple[str, str]]] = {}
    for cells, meaning in members:
        by_option.setdefault(OPTION_OF_KIND[meaning.kind], []).append((cells.reference, meaning.comment))
    result = []
    if len(by_option.get("numeric", [])) > MANY:
        columns = [(reference, "") for reference, _ in by_option.pop("numeric")]
        result.append(("vector", f"{len(columns)} columns of numbers", {"column": columns}))
    if by_option:
        order = [option for option in ("numeric", "categorical", "dates") if option in by_option]
        result.append(("table", "", {option: by_option[option] for option in order}))
    return result
