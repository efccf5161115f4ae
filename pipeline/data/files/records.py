"""Rows of Python values, as JSON files and workbooks hold them, gathered to typed columns."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, time, timedelta
from itertools import chain
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from pipeline.data.files.arrow_cells import LARGEST_EXACT, to_array
from pipeline.data.patterns import is_pattern, matching

BLOCK_ROWS = 1 << 14  # rows that are Python objects at a time; typed columns take far less memory
TYPES: dict[type, pa.DataType] = {
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    str: pa.string(),
    datetime: pa.timestamp("us"),
    time: pa.time64("us"),
    timedelta: pa.duration("us"),
}
Block: TypeAlias = pa.Array | list[object]  # cells of one type, or of several


class Records:
    """Rows that are added one by one; a column that a row lacks is missing there.

    Args:
        needed: the columns that are kept, which may be patterns such as `x_*`; None: all.

    Attributes:
        columns: the names of all columns, in the order in which they came.
    """

    def __init__(self, needed: Collection[str] | None = None) -> None:
        self.needed = needed
        self.columns: list[str] = []
        self.rows = 0
        self._open: dict[str, list[object]] = {}  # the cells that are in no block yet
        self._blocks: dict[str, list[Block]] = {}

    def begin(self, columns: Iterable[str]) -> None:
        """Names the first columns, which are there even if no row has them."""
        for name in columns:
            self._new_column(name)

    def add(self, record: Mapping[str, object]) -> None:
        """Appends a row, column -> cell."""
        filled = self.rows % BLOCK_ROWS
        for name, value in record.items():
            if name not in self._open:
                self._new_column(name)
            cells = self._open[name]
            if len(cells) < filled:
                cells.extend([None] * (filled - len(cells)))
            cells.append(value)
        self.rows += 1
        if filled + 1 == BLOCK_ROWS:
            self._close_block(BLOCK_ROWS)

    def finish(self) -> None:
        """Closes the last block; after that columns can be taken."""
        if self.rows % BLOCK_ROWS:
            self._close_block(self.rows % BLOCK_ROWS)

    def column(self, name: str) -> np.ndarray:
        """The cells of a column that is kept, (rows,)."""
        return _joined(self._blocks[name])

    def keeps(self, name: str) -> bool:
        """Whether a column is kept."""
        return name in self._blocks

    def keep(self, columns: Collection[str]) -> None:
        """Frees the memory of all columns but these."""
        self.needed = columns
        self._blocks = {name: blocks for name, blocks in self._blocks.items() if self._is_needed(name)}

    def _is_needed(self, name: str) -> bool:
        if self.needed is None or name in self.needed:
            return True
        patterns = [one for one in self.needed if is_pattern(one, self.columns)]
        return any(matching(pattern, [name]) for pattern in patterns)

    def _new_column(self, name: str) -> None:
        self.columns.append(name)
        self._open[name] = []
        if self._is_needed(name):
            full = self.rows // BLOCK_ROWS
            self._blocks[name] = [pa.nulls(BLOCK_ROWS) for _ in range(full)]

    def _close_block(self, rows: int) -> None:
        for name, cells in self._open.items():
            if name in self._blocks:
                cells.extend([None] * (rows - len(cells)))
                self._blocks[name].append(_block(cells))
            self._open[name] = []


def _block(cells: list[object]) -> Block:
    kinds = {type(cell) for cell in cells} - {type(None)}
    if not kinds:
        return pa.nulls(len(cells))
    if kinds == {int, float} and _are_exact([cell for cell in cells if type(cell) is int]):
        kinds = {float}
    (kind,) = kinds if len(kinds) == 1 else (None,)
    if kind in TYPES:
        try:
            return pa.array(cells, TYPES[kind])
        except (pa.ArrowInvalid, OverflowError):  # more digits than int64 has
            pass
    return [_compact(cell) for cell in cells]


def _are_exact(cells: Collection[object]) -> bool:
    return all(isinstance(cell, int) and abs(cell) <= LARGEST_EXACT for cell in cells)


def _compact(cell: object) -> object:
    """A list of numbers as an array; any other cell as it is."""
    if isinstance(cell, list):
        try:
            array = np.asarray(cell)
        except ValueError:  # lists of different lengths
            return cell
        return array if array.dtype.kind in "if" else cell
    return cell


def _joined(blocks: list[Block]) -> np.ndarray:
    arrays = [block for block in blocks if isinstance(block, pa.Array)]
    types = {array.type for array in arrays} - {pa.null()}
    if types == {pa.int64(), pa.float64()}:
        whole = (array for array in arrays if array.type == pa.int64())
        if all(_are_exact([cell for cell in array.to_pylist() if cell is not None]) for array in whole):
            types = {pa.float64()}
    if len(arrays) == len(blocks) and len(types) <= 1:
        kind = next(iter(types), pa.string())
        return to_array(pa.chunked_array([array.cast(kind) for array in arrays], kind))
    result = np.empty(sum(map(len, blocks)), dtype=object)
    cells = chain.from_iterable(
        block.to_pylist() if isinstance(block, pa.Array) else block for block in blocks
    )
    for row, cell in enumerate(cells):  # NumPy would make a matrix of lists of one length
        result[row] = cell
    return result
