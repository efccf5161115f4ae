"""The inputs that columns become: tables, vectors, series, images and texts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pipeline.data.guess.arrays import is_series
from pipeline.data.guess.cells import Cells
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import LENGTHS, says, valid_name
from pipeline.data.patterns import matching, natural

Known = Sequence[tuple[Cells, Meaning]]
NUMBERED = re.compile(r"(\D*?)[\W_]*\d+([\W_]+\d+)*")  # x_0, x1, pixel_3_7
WIDE = 8  # numbered columns from which on they are one vector
MANY = 60  # columns of numbers from which on they are a vector: a table has one input of the model for each
OPTION_OF_KIND = {"number": "numeric", "class": "categorical", "flag": "categorical", "date": "dates"}
ORDER = ("numeric", "categorical", "dates")
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
    known: Known, columns: Sequence[str], taken: Sequence[str], table_options: Sequence[str]
) -> tuple[list[InputGuess], dict[str, str]]:
    """The inputs that columns become.

    Args:
        known: the columns and their meanings, without targets and identifiers.
        columns: all columns of all sources.
        taken: names of targets, which inputs do not repeat.
        table_options: options of a table that name columns.

    Returns:
        The inputs, and the columns that become none: column -> why.
    """
    lengths = _lengths(known)
    known = [(cells, meaning) for cells, meaning in known if cells.reference not in lengths.values()]
    wide = _wide(known)
    inputs = [_wide_input(prefix, members, columns) for prefix, members in wide.items()]
    in_wide = {cells.reference for members in wide.values() for cells, _ in members}
    tables: dict[str, list[tuple[Cells, Meaning]]] = {}
    left_out: dict[str, str] = {}
    for cells, meaning in known:
        if cells.reference in in_wide:
            continue
        if OPTION_OF_KIND.get(meaning.kind) in table_options and not cells.in_array:
            tables.setdefault(cells.source, []).append((cells, meaning))
        elif (own := _own_input(cells, meaning, lengths)) is not None:
            inputs.append(own)
        else:
            left_out[cells.reference] = _why_not(meaning)
    for source, members in tables.items():
        inputs += _tables("table" if len(tables) == 1 else f"{source}_table", members)
    return _with_valid_names(inputs, taken), left_out


def _with_valid_names(inputs: Sequence[InputGuess], taken: Sequence[str]) -> list[InputGuess]:
    names = [*taken]
    for one in inputs:
        names.append(valid_name(one.name, names))
    return [replace(one, name=name) for one, name in zip(inputs, names[len(taken) :], strict=True)]


def _own_input(cells: Cells, meaning: Meaning, lengths: Mapping[str, str]) -> InputGuess | None:
    """The input of one column; None if no kind of input takes it."""
    kinds = {"flags": "vector", "parts": "vector", "number": "vector", "flag": "vector"}
    kind = kinds.get(meaning.kind, meaning.kind)
    options = {"column": cells.reference, **meaning.options}
    if meaning.kind == "labels" and meaning.options.get("separator") in BLANKS:
        kind, options = "text", {"column": cells.reference}
    if cells.reference in lengths:
        options["length"] = lengths[cells.reference]
    if kind not in ("image", "series", "vector", "text"):
        return None
    return InputGuess(cells.name or cells.source, kind, meaning.comment, options)


def _why_not(meaning: Meaning) -> str:
    if meaning.kind == "labels":
        return f"{meaning.why}; no kind of input takes several labels: give each a column of 0 and 1"
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
    return {
        prefix: members
        for (_, prefix), members in groups.items()
        if len(members) >= WIDE and _counted([cells.name for cells, _ in members])
    }


def _counted(names: Sequence[str]) -> bool:
    """Whether the last numbers of names count up: x_1, x_2 … or x_400, x_410 …, not ZNF43, ZNF135 …."""
    steps = np.diff(sorted(int(re.findall(r"\d+", name)[-1]) for name in names))
    return bool(2 * np.unique(steps, return_counts=True)[1].max() >= len(steps))


def _wide_input(prefix: str, members: Known, columns: Sequence[str]) -> InputGuess:
    """The vector of numbered columns, or the series if neighbours are alike."""
    members = sorted(members, key=lambda one: natural(one[0].name))
    names = [cells.name for cells, _ in members]
    values = np.column_stack([cells.values.astype(np.float64) for cells, _ in members])
    alike = is_series(values[~np.isnan(values).any(axis=1)])
    why = f"{len(members)} numbered columns, {names[0]} to {names[-1]}"
    kind, option = ("series", "columns") if alike else ("vector", "column")
    if alike:
        why = f"{why}: steps of a series, as neighbours are alike; a vector, if not"
    source = f"{members[0][0].source}."
    pattern = _pattern(
        names, [column.removeprefix(source) for column in columns if column.startswith(source)]
    )
    if pattern:
        return InputGuess(prefix, kind, why, {option: f"{source}{pattern}"})
    return InputGuess(prefix, kind, why, columns={option: [(f"{source}{name}", "") for name in names]})


def _pattern(names: Sequence[str], columns: Sequence[str]) -> str:
    """A pattern such as `x_*` that names these columns and no others; "" if there is none."""
    start = re.split(r"\d", names[0])[0]
    return f"{start}*" if start and matching(f"{start}*", columns) == list(names) else ""


def _tables(name: str, members: Known) -> list[InputGuess]:
    """The table of one source; many columns of numbers are a vector beside it."""
    by_option: dict[str, list[tuple[str, str]]] = {}
    for cells, meaning in members:
        by_option.setdefault(OPTION_OF_KIND[meaning.kind], []).append((cells.reference, meaning.comment))
    result = []
    if len(by_option.get("numeric", [])) > MANY:
        columns = [(reference, "") for reference, _ in by_option.pop("numeric")]
        why = f"{len(columns)} columns of numbers"
        result.append(InputGuess("numbers", "vector", why, columns={"column": columns}))
    if by_option:
        columns_of = {option: by_option[option] for option in ORDER if option in by_option}
        result.append(InputGuess(name, "table", "", columns=columns_of))
    return result
