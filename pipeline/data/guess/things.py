"""Which columns name things with several rows each: patients, machines, wells, houses."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.guess.cells import Cells
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import (
    AMOUNTS,
    IDENTIFIERS,
    ROWS,
    TIMES,
    names_group,
    names_thing,
    says,
    words_of,
)

Known = Sequence[tuple[Cells, Meaning]]
FEWEST = 10  # things: with fewer, validation or test would have one or none
REPEATS = 1.5  # rows per thing from which on rows of one thing repeat
LARGEST = 0.3  # share of the rows that one thing may have
FEW_CLASSES = 20  # words or numbers that are not written like codes may be classes if they are so few
EVEN = 0.9  # share of the things that have the same number of rows
CODE = re.compile(r"[^\W\d_]{0,12}[ _.#/-]{0,2}\d+([_.-]\d+)?[^\W\d_]?")  # s01, Well 3, A12, 007


@dataclass(frozen=True)
class Things:
    """A column that names things.

    Args:
        named: whether its name says so; else only its cells do.
        why: what the cells say, for a comment; "" if only the name tells.
    """

    cells: Cells
    meaning: Meaning
    named: bool
    why: str = ""


def find_things(known: Known) -> list[Things]:
    """The columns that name things with several rows each, the likeliest first."""
    found = []
    for cells, meaning in known:
        if not _may_name(cells, meaning):
            continue
        same = _same_in_all_rows(cells, known)
        why = f"{' and '.join(same[:2])} {'are' if len(same) > 1 else 'is'} the same in all rows of one"
        if _is_named(cells, meaning, same):
            found.append(Things(cells, meaning, True, why if same else ""))
        elif cells.complete and (more := _looks_so(cells, meaning, same)):
            found.append(Things(cells, meaning, False, why if same else more))
    ordered = sorted(found, key=lambda one: (not names_thing(one.cells.name), one.meaning.distinct))
    return sorted(ordered, key=lambda one: not one.named)


def _may_name(cells: Cells, meaning: Meaning) -> bool:
    whole = meaning.kind != "number" or cells.values.dtype.kind in "iu"
    return (
        meaning.kind in ("identifier", "class", "number")
        and cells.values.ndim == 1
        and not cells.in_array
        and bool(cells.present.all())
        and meaning.distinct >= FEWEST
        and meaning.repeats >= REPEATS
        and whole
        and bool(cells.counts.iloc[0] <= LARGEST * cells.counts.sum())
    )


def _is_named(cells: Cells, meaning: Meaning, same: Sequence[str]) -> bool:
    """Whether the name tells: `patient`, `id`, or `house_id` of things with few rows or a description."""
    if meaning.kind == "number":
        return False
    if names_thing(cells.name) or (meaning.kind == "identifier" and names_group(cells.name)):
        return True
    alone = [word for word in words_of(cells.name) if word not in IDENTIFIERS] == []
    return names_group(cells.name) and (alone or bool(same))


def _looks_so(cells: Cells, meaning: Meaning, same: Sequence[str]) -> str:
    """What shows that values name things; "" if they may be classes or amounts.

    Things have the same number of rows each, or columns that are the same in all rows of one describe them.
    """
    if says(cells.name, TIMES | AMOUNTS) or {*words_of(cells.name)[-1:]} & ROWS:
        return ""
    counts = cells.counts
    even = bool((counts == counts.mode().iloc[0]).mean() >= EVEN) and counts.iloc[0] > 1
    codes = meaning.kind != "number" and all(CODE.fullmatch(str(word).strip()) for word in counts.index)
    if codes and (even or same):
        return "each has the same number of rows" if even else "they are described"
    return "each has the same number of rows" if even and same and meaning.distinct > FEW_CLASSES else ""


def _same_in_all_rows(cells: Cells, known: Known) -> list[str]:
    """Other columns that have one value for each value of this one, and several values in all.

    Columns that repeat the beginning of a code do not count: grade A of sub-grade A1 describes no thing.
    """
    codes = pd.factorize(cells.words)[0]
    found = []
    for other, meaning in known:
        if other is cells or other.values.ndim != 1 or len(other.values) != len(codes):
            continue
        if meaning.kind not in ("number", "class", "flag") or meaning.distinct < 2:
            continue
        values = pd.factorize(other.words)[0]
        first = np.zeros(codes.max() + 1, dtype=values.dtype)
        first[codes] = values
        if (first[codes] == values).all() and not _begins(cells, other):
            found.append(other.name)
    return found


def _begins(code: Cells, part: Cells) -> bool:
    """Whether each word of `code` begins with that of `part`."""
    pairs = pd.DataFrame({"code": code.words, "part": part.words}).drop_duplicates()
    return all(str(row.code).strip().startswith(str(row.part).strip()) for row in pairs.itertuples())
