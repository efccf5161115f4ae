"""Columns that stay on the disk: of each, only the rows that are asked for are read.

All of them are indexed like arrays: by a slice, an array of row numbers, or one row number.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.files.checked import reading

BLOCK_BYTES = 32 * 2**20  # read at a time where rows are gone through one after the other
CELL_BYTES = 64  # what a string or a list is taken to need


class Stored(Protocol):
    """Rows of one column, (rows, ...); `pieces` are the first rows of what can only be read as a whole."""

    shape: tuple[int, ...]
    dtype: np.dtype
    pieces: np.ndarray

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> np.ndarray: ...


class StoredNpy:
    """The array of an .npy file, mapped anew for each read, so that what was read does not stay resident."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        array = self._mapped()
        self.shape, self.dtype, self.pieces = array.shape, array.dtype, np.zeros(1, int)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        with reading(self.path, self.key):
            found = self._mapped()[index]
        # A slice is a view of the mapped file, the rest are copies already.
        return np.array(found) if isinstance(index, slice) else np.asarray(found)

    def _mapped(self) -> np.ndarray:
        return np.load(self.path, mmap_mode="r", allow_pickle=False)


class StoredParquet:
    """A column of a parquet file, read by row groups: those that hold a wanted row are read whole."""

    def __init__(self, path: Path, column: str, key: str) -> None:
        self.path, self.column, self.key = path, column, key
        with reading(path, key):
            file = pq.ParquetFile(path)
            groups = [file.metadata.row_group(place) for place in range(file.num_row_groups)]
            self.ends = np.cumsum([group.num_rows for group in groups])
            self.dtype = _dtype(file.schema_arrow.field(column).type, _has_nulls(groups, column))
        self.pieces = np.concatenate([[0], self.ends[:-1]]).astype(int)
        self.shape = (int(self.ends[-1]) if len(groups) else 0,)
        self.last: tuple[int, np.ndarray] = -1, np.zeros(0)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        rows = np.arange(len(self))[index]
        wanted = np.atleast_1d(rows)
        result = np.empty(len(wanted), self.dtype)
        homes = np.searchsorted(self.ends, wanted, side="right")
        with reading(self.path, self.key):
            for group in np.unique(homes):
                here = homes == group
                result[here] = self._group(int(group))[wanted[here] - self.pieces[group]]
        return result if np.ndim(rows) else result[0]

    def _group(self, group: int) -> np.ndarray:
        # Rows are mostly asked for in turn, so that the next ones are in the group of the last ones.
        known, cells = self.last
        if known != group:
            file = pq.ParquetFile(self.path)
            cells = file.read_row_group(group, columns=[self.column]).column(self.column).to_numpy()
            self.last = group, cells
        return cells


class Chained:
    """Columns one after the other, as those of the files of one source."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = list(parts)
        self.ends = np.cumsum([len(part) for part in parts])
        self.starts = np.concatenate([[0], self.ends[:-1]]).astype(int)
        self.shape = (int(self.ends[-1]), *parts[0].shape[1:])
        self.dtype = np.result_type(*(part.dtype for part in parts))
        starts = zip(self.starts, parts, strict=True)
        self.pieces = np.concatenate([start + np.asarray(pieces_of(part)) for start, part in starts])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> np.ndarray:
        rows = np.arange(len(self))[index]
        wanted = np.atleast_1d(rows)
        result = np.empty((len(wanted), *self.shape[1:]), self.dtype)
        homes = np.searchsorted(self.ends, wanted, side="right")
        for home in np.unique(homes):
            here = homes == home
            result[here] = self.parts[home][wanted[here] - self.starts[home]]
        return result if np.ndim(rows) else result[0]


class Ordered:
    """A column in another order of its rows, as a join on a key makes it."""

    def __init__(self, values: Any, order: np.ndarray) -> None:
        self.values, self.order = values, order
        self.shape, self.dtype = (len(order), *values.shape[1:]), values.dtype
        # Rows that lie together on the disk need not do so here.
        in_order = len(order) < 2 or bool((np.diff(order) == 1).all())
        self.pieces = values.pieces if in_order else np.zeros(1, int)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self.values[self.order[index]]


def pieces_of(values: Any) -> np.ndarray:
    """The first rows of what can only be read as a whole; of an array in memory just row 0."""
    return getattr(values, "pieces", np.zeros(1, int))


def row_bytes(values: Any) -> int:
    """What a row needs in memory, about."""
    cell = CELL_BYTES if values.dtype == object else values.dtype.itemsize
    return max(1, int(np.prod(values.shape[1:])) * cell)


def spans(rows: int, bytes_of_row: int, block: int | None = None) -> Iterator[slice]:
    """Rows 0 … rows - 1 in blocks of about so many bytes, `BLOCK_BYTES` if none are given."""
    step = max(1, (block or BLOCK_BYTES) // bytes_of_row)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def blocks(values: Any) -> Iterator[np.ndarray]:
    """An array as it is; what stays on the disk in blocks of rows, each read when it is its turn."""
    if isinstance(values, np.ndarray):
        yield values
        return
    for span in spans(len(values), row_bytes(values)):
        yield values[span]


def _has_nulls(groups: Sequence[Any], column: str) -> bool:
    for group in groups:
        for place in range(group.num_columns):
            one = group.column(place)
            if one.path_in_schema == column:
                known = one.statistics is not None and one.statistics.has_null_count
                if not known or one.statistics.null_count:
                    return True
    return False


def _dtype(kind: pa.DataType, nulls: bool) -> np.dtype:
    """What Arrow gives as numpy for the column as a whole, so that row groups without a gap agree."""
    if pa.types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    if pa.types.is_integer(kind):
        return np.dtype(np.float64) if nulls else np.dtype(kind.to_pandas_dtype())
    if pa.types.is_boolean(kind) and not nulls:
        return np.dtype(bool)
    if pa.types.is_temporal(kind):
        return pa.array([], kind).to_numpy(zero_copy_only=False).dtype
    return np.dtype(object)
