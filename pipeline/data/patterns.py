"""Columns that a pattern such as `x_*` names together, in the order in which people count."""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase

import numpy as np


def is_pattern(column: str, columns: Collection[str]) -> bool:
    """Whether a name stands for several columns; a column may also have a star in its name."""
    return "*" in column and column not in columns


def matching(pattern: str, columns: Collection[str]) -> list[str]:
    """The columns that match a pattern, x_2 before x_10."""
    # Only the star has a meaning; brackets may be in the names of columns.
    literal = "*".join(re.sub(r"([\[?])", r"[\1]", part) for part in pattern.split("*"))
    return sorted((name for name in columns if fnmatchcase(name, literal)), key=natural)


def natural(name: str) -> list[tuple[int, str]]:
    """A key to sort names by, in which runs of digits are numbers."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def side_by_side(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Columns (rows,) as one array (rows, columns): of objects if one of them is text."""
    if all(values.dtype.kind in "fbiu" for values in columns):
        return np.stack(columns, axis=-1)
    return np.stack([values.astype(object) for values in columns], axis=-1)


def shortened(names: Sequence[str]) -> str:
    """The first and the last of many names."""
    return ", ".join(names if len(names) <= 5 else [*names[:3], "…", names[-1]])
