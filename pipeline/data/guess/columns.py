"""The meaning of one column, by its cells and its name."""

import re
from dataclasses import replace

import numpy as np

from pipeline.data.guess import arrays, numeric, pictures, words
from pipeline.data.guess.cells import Cells, shown
from pipeline.data.guess.meaning import Meaning
from pipeline.data.missing import is_missing
from pipeline.errors import ConfigError

FEWEST_VALUES = 5  # with fewer, training rows may have none
CODE = re.compile(r"0\d+")  # 007 is a code, 7 may be a number


def meaning_of(cells: Cells, roots: pictures.Roots) -> Meaning:
    """The meaning of a column.

    Args:
        cells: its sampled rows.
        roots: where picture files are looked for.
    """
    values = int(cells.present.sum())
    if values < min(FEWEST_VALUES, len(cells.present)):
        why = f"only {values} of {len(cells.present)} cells have a value" if values else "no cell has a value"
        return Meaning("empty", why)
    found = _meaning(cells, roots)
    missing = int((~cells.present).sum())
    if missing and found.kind not in ("empty", "other"):
        share = f"{missing:,}" if cells.complete else f"{missing / len(cells.present):.0%}"
        found = replace(found, why=f"{found.why}; {share} missing")
    return found


def _meaning(cells: Cells, roots: pictures.Roots) -> Meaning:
    values = cells.values
    if values.dtype.kind in "cV":
        return Meaning("other", f"{values.dtype} is neither a number nor text")
    if values.ndim > 1:
        return arrays.meaning_of_array(cells)
    first = values[cells.present][0]
    if isinstance(first, (list, tuple, np.ndarray)):
        return arrays.meaning_of_lists(cells)
    if isinstance(first, dict) or (isinstance(first, bytes) and pictures.is_picture(first)):
        return pictures.meaning_of_contents(cells)
    return _meaning_of_single_values(cells, roots)


def _meaning_of_single_values(cells: Cells, roots: pictures.Roots) -> Meaning:
    try:
        counts = cells.counts
    except ConfigError as error:
        return Meaning("other", error.problem.partition(": ")[0])
    if len(counts) == 1 and cells.present.all():
        return Meaning("constant", f"every row has the same value, {shown(counts.index)}")
    if words.are_times(cells):
        return words.meaning_of_times(cells)
    if {*counts.index} == {"true", "false"}:
        return numeric.flag("true and false", counts)
    if _are_codes(list(counts.index)):
        return words.meaning_of_codes(cells, "leading zeros")
    parsed = cells.numbers
    if isinstance(parsed, ConfigError):
        if "infinite" in parsed.problem:
            return Meaning("other", f"{parsed.problem.partition(': ')[0]}: {parsed.found}")
        return words.meaning_of_words(cells, roots)
    if words.have_units(cells):
        unit = words.known_unit(cells, list(counts.index))
        if not unit:
            return words.meaning_of_words(cells, roots)  # 12b and 7b may be codes
        found = numeric.meaning_of_numbers(cells, parsed[~is_missing(parsed)])
        return replace(found, why=f"numbers with {unit}, read without it: {shown(counts.index, 2)}")
    return numeric.meaning_of_numbers(cells, parsed[~is_missing(parsed)])


def _are_codes(words: list[str]) -> bool:
    """Whether all words are digits, some of them with leading zeros."""
    return any(CODE.fullmatch(word) for word in words) and all(word.isdigit() for word in words)
