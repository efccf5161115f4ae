"""Files read in chunks of rows within bounded memory, for predictions on possibly millions of rows.

A row that cannot be read keeps its place, with all its cells missing, so that rows and predictions line up.
"""

import itertools
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.files import FORMATS, SEPARATORS, Columns, format_suffix, unknown_format
from pipeline.data.files.arrow import ARROW, Feather, field_of, parquet_columns, parquet_fields
from pipeline.data.files.arrow_cells import to_array
from pipeline.data.files.delimited_chunks import Chunk, DelimitedChunks
from pipeline.data.files.file_errors import check_column_names, check_not_empty, reading
from pipeline.data.files.json_rows import JSON, numbered_rows
from pipeline.data.files.npz import NpzMember, npz_columns
from pipeline.data.files.records import Records
from pipeline.data.files.stored import map_npy
from pipeline.data.files.workbook import Sheet
from pipeline.data_options import WORKBOOKS
from pipeline.errors import ConfigError

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
FILE = "file"  # the only column of a folder of pictures


class Chunks(Protocol):
    """The columns of a file, read in chunks of rows."""

    columns: list[str]

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]: ...


def open_chunks(path: Path, key: str) -> Chunks:
    """Opens a file, or a folder of pictures, for reading in chunks.

    Args:
        path: a file of one of the `FORMATS`, or a folder of pictures.
        key: the config key to name in messages.

    Raises:
        ConfigError: the format is unknown, the file is empty or unreadable, or the folder has no pictures.
    """
    if path.is_dir():
        return PictureFolder(path, key)
    check_not_empty(path, key)
    suffix = format_suffix(path)
    if suffix in SEPARATORS:
        return DelimitedChunks(path, key, separator=SEPARATORS[suffix])
    readers: dict[str, Callable[[Path, str], Chunks]] = {
        ".parquet": ParquetChunks,
        **dict.fromkeys(ARROW, lambda path, key: WholeColumns(Feather(path, key))),
        **dict.fromkeys(WORKBOOKS, lambda path, key: WholeColumns(Sheet(path, key, needed=None))),
        **dict.fromkeys(JSON, JsonChunks),
        ".npz": NpzChunks,
        ".npy": NpyChunks,
    }
    if suffix not in readers:
        raise unknown_format(path, key, [*FORMATS, "a folder of pictures"])
    return readers[suffix](path, key)


class PictureFolder:
    """The pictures in a folder and its subfolders, one per row, sorted by path."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.columns = path, [FILE]
        self.files = sorted(file for file in path.rglob("*") if file.suffix.lower() in PICTURES)
        if not self.files:
            raise ConfigError(key, f"the folder {path} contains no pictures", allowed=sorted(PICTURES))

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        paths = np.array([str(file.relative_to(self.path)) for file in self.files], dtype=object)
        for first in range(0, len(paths), rows):
            part = paths[first : first + rows]
            yield Chunk({FILE: part}, (first + len(part)) / len(paths))


class ParquetChunks:
    """One parquet file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.columns = [*parquet_columns(path, key), *parquet_fields(path, key)]

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        with reading(self.path, self.key), pq.ParquetFile(self.path) as file:
            total, done = file.metadata.num_rows, 0
            for batch in file.iter_batches(rows, columns=list(names)):
                done += len(batch)
                table = pa.Table.from_batches([batch])
                arrays = {name: to_array(field_of(table, name)) for name in names}
                yield Chunk(arrays, done / total)


class WholeColumns:
    """A file whose columns are read as a whole: a .feather or .arrow file, which is mapped, or a workbook."""

    def __init__(self, file: Columns) -> None:
        self.file, self.columns = file, file.columns

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        columns = {name: self.file.read(name) for name in names}
        total = len(next(iter(columns.values())))
        for first in range(0, total, rows):
            part = {name: values[first : first + rows] for name, values in columns.items()}
            yield Chunk(part, min(1.0, (first + rows) / total))


class JsonChunks:
    """A JSON file. It is read twice, as any line may have a new column."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        names: dict[str, None] = {}
        self.rows = 0
        with reading(path, key):
            for self.rows, (_, record) in enumerate(numbered_rows(path, key), start=1):
                names |= dict.fromkeys(record) if isinstance(record, dict) else {}
        self.columns = list(names)
        check_column_names(self.columns, path, key)

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        done = 0
        with reading(self.path, self.key):
            numbered = numbered_rows(self.path, self.key)
            while part := list(itertools.islice(numbered, rows)):
                records, invalid = Records(names), {}
                records.add(dict.fromkeys(names))  # columns that this chunk lacks
                for row, (_, record) in enumerate(part):
                    if not isinstance(record, dict):
                        invalid[row] = f"no JSON object: {record}"
                    records.add(record if isinstance(record, dict) else {})
                records.finish()
                done += len(part)
                yield Chunk({name: records.column(name)[1:] for name in names}, done / self.rows, invalid)


class NpyChunks:
    """One memory-mapped array."""

    def __init__(self, path: Path, key: str) -> None:
        self.columns, self.array = [""], map_npy(path, key)

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        for first in range(0, len(self.array), rows):
            part = np.array(self.array[first : first + rows])
            yield Chunk({"": part}, (first + len(part)) / len(self.array))


class NpzChunks:
    """Named arrays, decompressed while they are read: NumPy would decompress each array as a whole."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.columns = npz_columns(path, key)

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        with reading(self.path, self.key), zipfile.ZipFile(self.path) as archive:
            members = {name: NpzMember(archive, name, self.path, self.key) for name in names}
            for name, member in members.items():
                if not member.shape:
                    raise ValueError(f"{name}: a single value, not a column")
            lengths = {name: member.shape[0] for name, member in members.items()}
            if len(set(lengths.values())) > 1:
                raise ConfigError(
                    self.key,
                    f"the arrays of {self.path} have different lengths",
                    found=lengths,
                    allowed="one length",
                )
            total = next(iter(lengths.values()))
            for first in range(0, total, rows):
                count = min(rows, total - first)
                arrays = {name: member.take(count) for name, member in members.items()}
                yield Chunk(arrays, (first + count) / total)
