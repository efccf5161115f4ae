"""The kinds of the targets, and which columns may be targets."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.data.guess.cells import Cells, SampledSource, parsed
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.names import AMOUNTS, CODES, says
from pipeline.data.guess.numeric import FEW, FEWEST_REPEATS
from pipeline.data.kinds.label_scales import spans_magnitudes
from pipeline.errors import ConfigError

MOST_CODES = 12  # classes whose codes count from 0 or 1 without a hint in the name
LIKELY = {
    *("target", "label", "class", "y", "outcome", "response", "result", "species", "price", "survived"),
    *("quality", "diagnosis", "status", "category", "score", "churn", "default", "rating", "grade"),
}
NO = re.compile(
    r"(no|not|non|un|in|never|without|negative|false|neg|absent|normal|healthy|benign|ham)\b|no[tn]?[ _-]"
    # No in other languages, as a whole cell.
    r"|(nein|nej|nee|nei|não|nao|nie|ne|ni|ei|nem|nu|hayır|hayir|нет|ні|не|όχι|falsch|faux|falso|否|いいえ|아니요|아니오|لا)$"
)


@dataclass(frozen=True)
class TargetGuess:
    """What a column is as a target.

    Args:
        cells: the column.
        kind: the kind of target; "" if it cannot be one.
        why: the reason, as a comment.
        options: of the kind: `yes`, `separator`, `names`.
        name: in the config.
    """

    cells: Cells
    kind: str
    why: str
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""


def as_target(cells: Cells, meaning: Meaning) -> TargetGuess:
    """What a column of some meaning is as a target."""
    why = meaning.comment
    if meaning.kind == "number":
        if _are_codes(cells, meaning):
            return TargetGuess(cells, "category", f"{meaning.why}; number, if their distances mean something")
        return _number(cells, meaning)
    if meaning.kind == "class" and "names" in meaning.options:
        return TargetGuess(cells, "category", meaning.why, meaning.options)
    if meaning.kind == "class" and meaning.distinct == 2:
        return _two_classes(cells, meaning)
    if meaning.kind in ("identifier", "text") and meaning.repeats >= 2:
        return TargetGuess(cells, "category", why)
    if meaning.kind == "labels":
        return TargetGuess(cells, "labels", why, meaning.options)
    if meaning.kind == "series" and cells.values.ndim == 2:
        return TargetGuess(cells, "number", meaning.why)
    kinds = {
        "flag": "binary",
        "class": "category",
        "flags": "labels",
        "parts": "category",
        "vector": "number",
    }
    return TargetGuess(cells, kinds.get(meaning.kind, ""), why)


def _number(cells: Cells, meaning: Meaning) -> TargetGuess:
    values = cells.numbers
    if not isinstance(values, ConfigError) and spans_magnitudes(values[~np.isnan(values)]):
        why = f"{meaning.why}; log, as the largest are many times the median"
        return TargetGuess(cells, "number", why, {"scale": "log"})
    return TargetGuess(cells, "number", meaning.why)


def _are_codes(cells: Cells, meaning: Meaning) -> bool:
    """Whether whole numbers are codes of classes: few, each in several rows, counting from 0 or 1."""
    values = parsed(cells.counts.index, cells.column.number_format)
    if meaning.distinct > FEW or meaning.repeats < FEWEST_REPEATS or (values != np.floor(values)).any():
        return False
    if says(cells.name, CODES):
        return True
    if says(cells.name, AMOUNTS):
        return False
    in_sequence = values.min() in (0, 1) and values.max() - values.min() + 1 == meaning.distinct
    return meaning.distinct == 2 or (in_sequence and meaning.distinct <= MOST_CODES)


def _two_classes(cells: Cells, meaning: Meaning) -> TargetGuess:
    """Two words or codes; `yes` is the one that does not deny, else the rarer one."""
    words = sorted(cells.counts.index, key=lambda word: (cells.counts[word], word))
    denying = [word for word in words if NO.match(word.strip().lower())]
    yes, no = (
        (words[0], words[1])
        if len(denying) != 1
        else (next(w for w in words if w not in denying), denying[0])
    )
    why = f"two words: yes is {yes!r} ({cells.counts[yes]:,} rows), no is {no!r} ({cells.counts[no]:,})"
    return TargetGuess(cells, "binary", why, {"yes": yes})


def find(name: str, sources: Sequence[SampledSource]) -> Cells:
    """The column that a target names, as `column` or as `source.column`.

    Raises:
        ConfigError: no column, or several columns have this name.
    """
    columns = [cells for source in sources for cells in source.cells.values()]
    found = [cells for cells in columns if name in (cells.name, cells.reference) and name]
    exact = [cells for cells in found if cells.reference == name]
    if len(found) == 1 or len(exact) == 1:
        return (exact or found)[0]
    unread = {
        reason
        for source in sources
        for column, reason in source.unread.items()
        if name in (column, f"{source.name}.{column}")
    }
    if unread:
        raise ConfigError("targets", f"this column cannot be used: {unread.pop()}", found=name)
    if not found:
        names = [cells.name or cells.reference for cells in columns]
        raise ConfigError("targets", "there is no such column", found=name, allowed=dict.fromkeys(names))
    allowed = [cells.reference for cells in found]
    raise ConfigError("targets", "several sources have this column", found=name, allowed=allowed)


def likely(targets: Sequence[TargetGuess]) -> TargetGuess:
    """The candidate that is most often meant: by its name, else the last column."""
    by_name = [target for target in targets if says(target.cells.name, LIKELY)]
    return by_name[0] if by_name else targets[-1]
