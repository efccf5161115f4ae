"""The rows of the first source: what tells them apart, and which classes they have.

Both depend on the file alone, not on the columns that inputs and targets name.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from pipeline.data.classes import Classes, find_classes
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.files.number_words import parse_numbers
from pipeline.data.files.stored import Values
from pipeline.data.hashes import cell_hashes, mixed, name_factor
from pipeline.data.long_form import LongSource
from pipeline.data.quotas import Balanced, Quota
from pipeline.data.sources import Sources
from pipeline.data.strata import strata


class FileRows:
    """What a split by fractions needs to know of the rows.

    Args:
        sources: the joined sources, of which the first one has been opened as a whole.
        targets: target -> its columns.
        seed: of the split.
        drawn: whether rows are drawn, so that the classes of the columns are needed.

    Attributes:
        hashes: (rows,) uint64, of the key of a join, else of the values in all columns of the first source.
            Rows that are identical there are told apart by the next source, and so on.
        classes: those in the columns of the first source, and of the columns that `strata` was called for.
    """

    def __init__(
        self, sources: Sources, targets: Mapping[str, Sequence[str]], seed: int, *, drawn: bool
    ) -> None:
        self.sources, self.targets, self.seed = sources, targets, seed
        self.classes: list[Classes] = []
        self.hashes = self._hashes(drawn)

    def group_hashes(self, names: np.ndarray) -> np.ndarray:
        """A hash of each group's name."""
        return cell_hashes(names)

    def ranks(self, hashes: np.ndarray) -> np.ndarray:
        """The order in which rows or groups with these hashes are drawn."""
        return mixed(hashes, self.seed)

    def strata(self, stratify: str | Sequence[str], fractions: Sequence[float]) -> tuple[np.ndarray, Quota]:
        """The number of each row's stratum, and how the strata are divided."""
        found = strata(stratify, self.sources, self.targets, self.seed)
        asked = {classes.column: replace(classes, required=True) for classes in found.classes}
        others = [classes for classes in self.classes if classes.column not in asked]
        self.classes = [*others, *asked.values()]
        return found.numbers, Balanced(fractions, found.members)

    def _hashes(self, drawn: bool) -> np.ndarray:
        first, *others = self.sources.sources
        if self.sources.keys is not None:
            if drawn:
                self._source_hashes(first, collect=True)
            return cell_hashes(self.sources.keys)
        result = self._source_hashes(first, collect=drawn)
        for name in others:
            tied = np.flatnonzero(pd.Series(result).duplicated(keep=False).to_numpy())
            if not len(tied):
                break
            result[tied] = mixed(result[tied]) + self._source_hashes(name, rows=tied)
        return result

    def _source_hashes(
        self, name: str, rows: np.ndarray | slice = slice(None), *, collect: bool = False
    ) -> np.ndarray:
        """The sum of the hashes of all cells of a row, whatever the order of the columns."""
        source = self.sources.sources[name]
        missing = source.missing
        from_text = (source.source if isinstance(source, LongSource) else source).has_text
        total: np.ndarray = np.zeros(1, dtype=np.uint64)
        for column, cells in self.sources.whole_rows(name):
            values = parsed_text(cells, missing, source.number_format) if from_text else cells
            chosen = values if isinstance(rows, slice) else values[rows]
            hashes = cell_hashes(chosen)
            total = total + hashes * name_factor(column)
            if collect:
                self.classes += find_classes(f"{name}.{column}", values, hashes, missing)
        return np.resize(total, len(np.arange(self.sources.rows)[rows]))


def parsed_text(values: Values, missing: Collection[str], number_format: NumberFormat) -> Values:
    """A column of a text file as it would be if its missing cells were empty and its numbers plain.

    Args:
        values: (rows, ...); other columns than those of words, (rows,), are returned as they are.
        missing: words that mean that a cell is missing.
        number_format: how the file writes numbers.
    """
    if not isinstance(values, np.ndarray) or values.ndim > 1 or values.dtype.kind not in "OU":
        return values
    codes, distinct = pd.factorize(values)  # None has the code -1, which picks the last entry
    if not all(isinstance(word, str) for word in distinct):
        return values
    present = np.array([bool(word.strip()) and word not in missing for word in distinct], dtype=bool)
    pairs = [*zip(distinct, present, strict=True)]
    plain = [number_format.plain(word) if there else None for word, there in pairs]
    numbers = parse_numbers(plain)
    if present.any() and not np.isnan(numbers[present]).any():
        return np.asarray(np.append(numbers, np.nan)[codes])
    words = [word if there else None for word, there in pairs]
    return np.asarray(np.array([*words, None], dtype=object)[codes])
