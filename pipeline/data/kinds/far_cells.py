"""Numbers that lie far from all others of their column, such as a sensor's error or a typing mistake."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from pipeline.data.columns import ColumnReader
from pipeline.data.kinds.scaling import FAR

SHOWN = 20  # columns in messages

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """One column of numbers, and how far from its median its cells usually are.

    Args:
        reference: the column in its source.
        label: its name, for messages.
        values: (rows, …) of one split, NaN = missing.
        centre, spread: the median and the robust spread of the training rows.
    """

    reference: str
    label: str
    values: np.ndarray
    centre: float
    spread: float

    def furthest(self) -> tuple[int, int, float] | None:
        """The number of cells that are far out, and row and value of the furthest; None without any."""
        reach = FAR * self.spread
        low, high = (reduce(self.values, axis=None) for reduce in (np.fmin.reduce, np.fmax.reduce))
        if not (low < self.centre - reach or high > self.centre + reach):
            return None
        value = high if high - self.centre > self.centre - low else low
        row = int(np.argmax((self.values == value).reshape(len(self.values), -1).any(axis=1)))
        return int((np.abs(self.values - self.centre) > reach).sum()), row, float(value)


def report_far(
    parts: Mapping[str, Iterator[Measured]], rows: Mapping[str, np.ndarray], sources: ColumnReader, key: str
) -> None:
    """Logs a warning for each column with cells that are far out: how many, and which is the furthest.

    Args:
        parts: split -> the same columns in the same order.
        rows: split -> row numbers.
        sources: tell the file and the row of a cell.
        key: the config key of the input or target.
    """
    shown = 0
    for columns in zip(*parts.values(), strict=True):
        found = {split: far for split, one in zip(parts, columns, strict=True) if (far := one.furthest())}
        shown += bool(found)
        if shown > SHOWN:
            logger.warning("%s: more columns have cells that are far out", key)
            return
        if found:
            _report(columns[0], found, rows, sources, key)


def _report(
    column: Measured,
    found: Mapping[str, tuple[int, int, float]],
    rows: Mapping[str, np.ndarray],
    sources: ColumnReader,
    key: str,
) -> None:
    def distance(value: float) -> float:
        return abs(value - column.centre) / column.spread

    split, (_, row, value) = max(found.items(), key=lambda item: distance(item[1][2]))
    place = sources.part(column.reference, key, rows[split][[row]]).place(0)
    count = sum(cells for cells, _, _ in found.values())
    cells = "1 cell of column" if count == 1 else f"{count:,} cells of column"
    logger.warning(
        "%s: %s %s more than %g spreads from the median; the furthest is %.6g, %s spreads away (%s, %s)",
        *(key, f"{cells} {column.label}", "is" if count == 1 else "are", FAR),
        *(value, f"{distance(value):,.4g}", split, place),
    )
