"""Columns that stay on disk, of which only the requested rows are read.

All of them are indexed like arrays: by a slice, an array of row numbers, or one row number.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow.parquet as pq

from pipeline.data.files.arrow_cells import dtype_of, fit_float64, has_small_numbers, to_array
from pipeline.data.files.file_errors import reading

BLOCK_BYTES = 32 * 2**20  # read at a time when all rows are processed in order
CELL_BYTES = 64  # estimate of the memory that a string or a list takes
Index = int | slice | np.ndarray


class LazyArray(Protocol):
    """Values (rows, ...) that are read when they are indexed."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> np.dtype: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Index) -> np.ndarray: ...


class Stored(LazyArray, Protocol):
    """A column on disk. A row group is the smallest part of it that can be read, as in parquet files."""

    @property
    def group_starts(self) -> np.ndarray:
        """The first row of each row group."""


Values = np.ndarray | Stored


class StoredNpy:
    """The array of an .npy file, mapped anew for each read, so that memory does not keep what was read."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        array = map_npy(path, key)
        self.shape: tuple[int, ...] = array.shape
        self.dtype, self.group_starts = array.dtype, np.zeros(1, int)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index) -> np.ndarray:
        with reading(self.path, self.key):
            values = map_npy(self.path, self.key)[index]
        # A slice is a view of the mapped file; other results are already copies.
        return np.array(values) if isinstance(index, slice) else np.asarray(values)


class StoredParquet:
    """A column of a parquet file; a row group is read whole if it contains a requested row."""

    def __init__(self, path: Path, column: str, key: str) -> None:
        self.path, self.column, self.key = path, column, key
        with reading(path, key):
            file = pq.ParquetFile(path)
            groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
            self.ends = np.cumsum([group.num_rows for group in groups])
            chunks = _chunks(groups, column)
            self.dtype = dtype_of(file.schema_arrow.field(column).type, chunks)
        self.small = self.dtype.kind not in "iu" or all(has_small_numbers(one.statistics) for one in chunks)
        self.group_starts = np.concatenate([[0], self.ends[:-1]]).astype(int)
        self.shape: tuple[int, ...] = (int(self.ends[-1]) if len(groups) else 0,)
        self.latest: tuple[int, np.ndarray] = -1, np.zeros(0)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index) -> np.ndarray:
        with reading(self.path, self.key):
            return _gather(index, self.ends, self.shape, self.dtype, self._row_group)

    def _row_group(self, number: int, rows: np.ndarray) -> np.ndarray:
        # The next request is usually for the same row group.
        latest, cells = self.latest
        if latest != number:
            file = pq.ParquetFile(self.path)
            cells = to_array(file.read_row_group(number, columns=[self.column]).column(self.column))
            self.latest = number, cells
        return np.asarray(cells[rows])


class ChainedColumn:
    """The columns of several files of one source, one after the other."""

    def __init__(self, parts: Sequence[Values]) -> None:
        self.parts = list(parts)
        self.ends = np.cumsum([len(part) for part in parts])
        starts = np.concatenate([[0], self.ends[:-1]]).astype(int)
        self.shape: tuple[int, ...] = (int(self.ends[-1]), *parts[0].shape[1:])
        self.dtype = joined_dtype(parts)
        self.group_starts = np.concatenate(
            [start + group_starts(part) for start, part in zip(starts, parts, strict=True)]
        )

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index) -> np.ndarray:
        return _gather(index, self.ends, self.shape, self.dtype, self._rows)

    def _rows(self, part: int, rows: np.ndarray) -> np.ndarray:
        values = self.parts[part][rows]
        return as_objects(values) if self.dtype.kind == "O" else values


class ColumnsSideBySide:
    """Several columns (rows,) of a source as one column (rows, columns)."""

    def __init__(self, parts: Sequence[Values]) -> None:
        self.parts = list(parts)
        self.shape: tuple[int, ...] = (len(parts[0]), len(parts))
        self.dtype: np.dtype = np.result_type(*(part.dtype for part in parts))
        self.group_starts = group_starts(parts[0])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Index) -> np.ndarray:
        return np.stack([part[index] for part in self.parts], axis=-1).astype(self.dtype, copy=False)


class ReorderedColumn:
    """A column whose rows are in another order, for example that of a join; -1 stands for a missing row."""

    def __init__(self, values: Stored, order: np.ndarray) -> None:
        self.values, self.order = values, order
        self.shape = (len(order), *values.shape[1:])
        first = np.zeros((1, *values.shape[1:]), values.dtype)
        self.dtype = _blank(first, np.array([True])).dtype if (order < 0).any() else values.dtype
        # Rows that are neighbours on disk need not be neighbours here.
        in_order = len(order) < 2 or bool((np.diff(order) == 1).all())
        self.group_starts = values.group_starts if in_order else np.zeros(1, int)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: Index) -> np.ndarray:
        positions = np.asarray(self.order[index])
        if positions.ndim == 0:
            return self[np.array([index])][0]  # type: ignore[no-any-return]
        return reorder(self.values, positions).astype(self.dtype, copy=False)


def joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays one after the other, in a type that changes no value."""
    dtype = joined_dtype(parts)
    return np.concatenate([as_objects(part) for part in parts] if dtype.kind == "O" else parts, dtype=dtype)


def joined_dtype(parts: Sequence[Values]) -> np.dtype:
    """The type of values one after the other: objects where floats have too few digits for whole numbers."""
    kinds = {part.dtype.kind for part in parts}
    if len(kinds) > 1 and kinds & {*"OUSmM"} and not kinds <= {"U", "S"}:
        return np.dtype(object)
    dtype = np.result_type(*(part.dtype for part in parts))
    whole = [part for part in parts if part.dtype.kind in "iu" and part.dtype.itemsize == 8]
    if dtype.kind == "f" and not all(_are_small(part) for part in whole):
        return np.dtype(object)
    return dtype


def _are_small(values: Values) -> bool:
    if isinstance(values, np.ndarray):
        return fit_float64({"min": int(values.min()), "max": int(values.max())} if values.size else {})
    return getattr(values, "small", True)


def as_objects(values: np.ndarray) -> np.ndarray:
    """Values as Python objects; dates stay dates, which NumPy would turn into numbers."""
    if values.dtype.kind not in "mM":
        return values.astype(object, copy=False)
    result = np.empty(values.shape, dtype=object)
    result[...] = list(values)
    return result


def reorder(values: Values, order: np.ndarray) -> np.ndarray:
    """The rows of `values` in an order; -1 gives a row of missing cells."""
    missing = order < 0
    if not missing.any():
        return values[order]
    return _blank(values[np.where(missing, 0, order)], missing)


def _blank(values: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The values with missing rows, in a type that has a missing value."""
    kind = values.dtype.kind
    if kind not in "fmMO":
        # Whole numbers stay exact as objects; arrays of them become floats.
        values = values.astype(object) if values.ndim == 1 else values.astype(np.float32)
    result = values.copy()
    result[missing] = (
        None if result.dtype == object else np.array("NaT", result.dtype) if kind in "mM" else np.nan
    )
    return result


def map_npy(path: Path, key: str) -> np.ndarray:
    """Memory-maps an .npy file without reading its rows."""
    with reading(path, key):
        # `np.load` would also open an archive of this name.
        array: np.ndarray = np.lib.format.open_memmap(path, mode="r")
        if not array.ndim:
            raise ValueError("a single value, not a column")
        return array


def group_starts(values: Values) -> np.ndarray:
    """The first row of each row group; an array in memory is a single group."""
    return np.zeros(1, int) if isinstance(values, np.ndarray) else values.group_starts


def row_bytes(values: np.ndarray | LazyArray) -> int:
    """An estimate of the memory that one row takes."""
    cell = CELL_BYTES if values.dtype == object else values.dtype.itemsize
    return max(1, int(np.prod(values.shape[1:])) * cell)


def spans(rows: int, bytes_of_row: int, block: int | None = None) -> Iterator[slice]:
    """Slices that together cover `rows` rows, each of about `block` bytes (by default `BLOCK_BYTES`)."""
    step = max(1, (block or BLOCK_BYTES) // bytes_of_row)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def blocks(values: np.ndarray | LazyArray) -> Iterator[np.ndarray]:
    """Yields an array in memory as a whole, and a column on disk in blocks of rows, read one by one."""
    if isinstance(values, np.ndarray):
        yield values
        return
    for span in spans(len(values), row_bytes(values)):
        yield values[span]


def _gather(
    index: Index,
    ends: np.ndarray,
    shape: tuple[int, ...],
    dtype: np.dtype,
    read: Callable[[int, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Collects rows from several parts.

    Args:
        index: the requested rows.
        ends: the row after the last one of each part.
        shape: of the whole column.
        dtype: of the result.
        read: reads rows of a part, both given by number; the rows are counted from the part's first.
    """
    positions = np.asarray(np.arange(shape[0])[index])
    requested = np.atleast_1d(positions)
    result = np.empty((len(requested), *shape[1:]), dtype)
    parts = np.searchsorted(ends, requested, side="right")
    for part in np.unique(parts):
        inside = parts == part
        start = ends[part - 1] if part else 0
        result[inside] = read(int(part), requested[inside] - start)
    return result if positions.ndim else np.asarray(result[0])


def _chunks(groups: Sequence[Any], column: str) -> list[Any]:
    """The parts of a column, one for each row group."""
    chunks = [group.column(number) for group in groups for number in range(group.num_columns)]
    return [chunk for chunk in chunks if chunk.path_in_schema == column]
