"""The classes that the rows have in a column, whatever a config takes the column for."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.data.columns import text_of
from pipeline.data.files.stored import Values
from pipeline.data.files.words import coded, remembers
from pipeline.data.hashes import MISSING, cell_hashes, numbered
from pipeline.times import are_times

# A column has classes if each occurs three times on average, so that it can be in all three splits, and if it
# has at most as many distinct values. Whole numbers are measurements more often than words are, so they are
# classes only if they are fewer.
FEWEST, MOST_WORDS = 3, 1000
FEWEST_NUMBERS, MOST_NUMBERS = 10, 50
MOST_CELLS = 20_000  # distinct cells that are searched for several labels
MOST_FLAGS = 100  # columns of an array; one with more columns is no array of flags
SEPARATORS = ("|", ";", ",")
WORDS_TRIED = 100  # words that show that a column has dates, or numbers with decimals
FRACTION = re.compile(r"[-+]?[\d.,' ]*[.,]\d+")
ENOUGH = 10  # times as many rows as a question needs at least usually answer it
SAMPLE = 4096  # rows that can show that a column has too many values


@dataclass(frozen=True)
class Classes:
    """The classes of the rows in one column.

    Args:
        column: its name, for messages.
        names: the name of each class.
        codes: the class of each row, -1 where missing; or of each row in `rows`.
        rows: a row number for each code, if a row may have several classes or none; None: all rows in order.
        required: whether the classes were asked for, so that they matter however many there are.
    """

    column: str
    names: Sequence[str]
    codes: np.ndarray
    rows: np.ndarray | None = None
    required: bool = False

    def spread(self, groups: np.ndarray) -> bool:
        """Whether a class is in three groups of rows on average, so that all splits can have it."""
        owners = groups if self.rows is None else groups[self.rows]
        present = self.codes >= 0
        pairs = owners[present] * len(self.names) + self.codes[present]
        fewest = FEWEST * len(self.names)
        # Few rows usually show it.
        return any(len(pd.unique(some)) >= fewest for some in (pairs[: ENOUGH * fewest], pairs))

    def absent(self, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The rows, with their class, of the classes that no training row has.

        Args:
            training: (rows,) whether each row trains.
        """
        trained = training if self.rows is None else training[self.rows]
        present = np.zeros(len(self.names) + 1, dtype=bool)
        present[self.codes[trained]] = True
        present[-1] = True  # missing cells
        places = np.flatnonzero(~present[self.codes])
        return (places if self.rows is None else self.rows[places]), self.codes[places]


def find_classes(
    reference: str, values: Values, hashes: np.ndarray, missing: Collection[str] = ()
) -> Iterator[Classes]:
    """The classes of a column of words, whole numbers, booleans, flags, or cells with several labels.

    Args:
        reference: the column's name.
        values: (rows, ...), in memory or on disk.
        hashes: (rows,) of its cells.
        missing: words that are no class, as they mean that a cell is missing.
    """
    kind, dimensions = values.dtype.kind, len(values.shape)
    if dimensions == 2 and kind in "biu" and values.shape[1] <= MOST_FLAGS:
        flags = values[:]
        for position in range(flags.shape[1]):
            column = flags[:, position]
            yield from find_classes(f"{reference}[{position}]", column, cell_hashes(column))
    if dimensions > 1 or kind not in "biufOUS":
        return
    if kind in "OUS" and _are_fractions(values[:WORDS_TRIED]):
        return  # numbers with a decimal comma, which the options of their source turn into numbers later
    fewest, most = (FEWEST_NUMBERS, MOST_NUMBERS) if kind in "iuf" else (FEWEST, MOST_WORDS)
    most = min(most, len(hashes) // fewest)
    if _count(pd.unique(hashes[:SAMPLE])) <= most:
        codes, distinct, first = numbered(hashes)
        if _count(distinct) <= most:
            yield from single_classes(reference, values[first], codes, distinct, missing)
    if kind in "OUS":
        yield from _several_classes(reference, values, hashes, missing)


def _are_fractions(cells: np.ndarray) -> bool:
    """Whether most words are numbers with decimals, such as -0,65 or 1.480,02."""
    words = [cell for cell in cells if isinstance(cell, str) and cell.strip()]
    fractions = sum(FRACTION.fullmatch(word.strip()) is not None for word in words)
    return 2 * fractions > len(words)


def single_classes(
    reference: str,
    cells: np.ndarray,
    codes: np.ndarray,
    distinct: np.ndarray,
    missing: Collection[str] = (),
) -> Iterator[Classes]:
    """The classes of a column with one class per row, unless the cells are fractional numbers or lists.

    Args:
        cells: the distinct cells.
        codes: (rows,) the number of each row's cell.
        distinct: the hashes of the cells.
        missing: as for `find_classes`.
    """
    present = distinct != MISSING
    if cells.dtype.kind in "OU":
        present &= [not (isinstance(cell, str) and cell in missing) for cell in cells]
    cells = cells[present]
    fractional = cells.dtype.kind == "f" and (np.floor(cells) != cells).any()
    if fractional or any(isinstance(cell, (list, dict, np.ndarray)) for cell in cells):
        return
    if cells.dtype == object and are_times(cells[:WORDS_TRIED]):
        return  # dates that repeat are no classes
    number = np.where(present, np.cumsum(present) - 1, -1).astype(np.int32)
    yield Classes(reference, [_name(cell) for cell in cells], number[codes])


def _count(distinct: np.ndarray) -> int:
    """The number of hashes that are not that of missing cells."""
    return int((distinct != MISSING).sum())


def _name(cell: object) -> str:
    return cell.decode(errors="replace") if isinstance(cell, bytes) else text_of(cell)


def _several_classes(
    reference: str, values: Values, hashes: np.ndarray, missing: Collection[str]
) -> Iterator[Classes]:
    """The labels of cells that hold lists of labels, or several labels with a separator."""
    sample = _sample(values)
    lists = any(isinstance(cell, (list, np.ndarray)) for cell in sample)
    words = [cell for cell in sample if isinstance(cell, str)]
    separator = next((sign for sign in SEPARATORS if any(sign in word for word in words)), None)
    if not lists and separator is None:
        return
    codes, distinct, first = numbered(hashes)
    if len(distinct) > MOST_CELLS:
        return
    labels = [_labels(cell, separator) for cell in values[first]]
    labels = [[label for label in cell if label not in missing] for cell in labels]
    names = sorted({label for cell in labels for label in cell})
    if 0 < len(names) <= min(MOST_WORDS, len(hashes) // FEWEST):
        pairs = pd.Series(labels).iloc[codes].reset_index(drop=True).explode().dropna()
        yield Classes(reference, names, np.searchsorted(names, pairs.to_numpy(str)), pairs.index.to_numpy())


def _sample(values: Values) -> np.ndarray:
    """The cells of the first rows; of text whose words are known, each word once."""
    if not isinstance(values, np.ndarray) or not remembers(values):
        return values[:SAMPLE]
    codes, words = coded(values)
    return words[np.bincount(codes[:SAMPLE][codes[:SAMPLE] >= 0], minlength=len(words)) > 0]


def _labels(cell: object, separator: str | None) -> list[str]:
    if isinstance(cell, (list, np.ndarray)):
        return [text_of(label) for label in cell if isinstance(label, (str, int, np.integer))]
    if isinstance(cell, str) and separator is not None:
        return [label.strip() for label in cell.split(separator) if label.strip()]
    return []
