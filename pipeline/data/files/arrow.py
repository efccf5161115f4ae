"""Files that Arrow reads: parquet, Feather, and the folders in which Hugging Face `datasets` are saved."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.data.files.arrow_cells import to_array
from pipeline.data.files.file_errors import check_column_names, check_unpacked, reading
from pipeline.data.files.stored import StoredParquet, joined
from pipeline.errors import ConfigError
from pipeline.paths import locate_inside

ARROW = (".feather", ".arrow")
WIDTHS = {"INT32": 4, "INT64": 8, "INT96": 12, "FLOAT": 4, "DOUBLE": 8}  # bytes of a value in parquet
FIRST_BYTES = b"ARROW1"  # of a file; a stream has none


class Feather:
    """One file of Arrow's own format, which is mapped into memory."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key), pa.memory_map(str(path)) as file:
            self.columns = _open_arrow(file).schema.names
        check_column_names(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key), pa.memory_map(str(self.path)) as file:
            return to_array(_cells(_open_arrow(file), column, self.path, self.key))


def _open_arrow(file: pa.NativeFile) -> pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader:
    begins = file.read(len(FIRST_BYTES))
    file.seek(0)
    return pa.ipc.open_file(file) if begins == FIRST_BYTES else pa.ipc.open_stream(file)


def _cells(
    reader: pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader, column: str, path: Path, key: str
) -> pa.ChunkedArray:
    """One column, batch by batch, as long as what the batches unpack to fits into the memory."""
    place, kept, size = reader.schema.get_field_index(column), [], 0
    for batch in _batches(reader):
        size += batch.column(place).nbytes
        check_unpacked(size, path, key)
        kept.append(batch.column(place))
    cells = pa.chunked_array(kept, reader.schema.field(place).type)
    cells.validate(full=True)  # Arrow would follow damaged offsets out of the file
    return cells


def _batches(
    reader: pa.ipc.RecordBatchFileReader | pa.ipc.RecordBatchStreamReader,
) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchStreamReader):
        yield from reader
    else:
        yield from map(reader.get_batch, range(reader.num_record_batches))


class Parquet:
    """One parquet file; the fields of a column with named fields are columns too: `a.x` and `a.y`."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.top = parquet_columns(path, key)
        self.columns = [*self.top, *parquet_fields(path, key)]

    def unique(self) -> list[str]:
        """The columns, without the fields of some of them."""
        return self.top

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key):
            whole = next(
                (name for name in self.top if name == column or column.startswith(f"{name}.")), column
            )
            check_unpacked(_unpacked_size(self.path, whole), self.path, self.key)
            table = pq.read_table(self.path, columns=[whole], partitioning=None)
            return to_array(field_of(table, column))

    def stored(self, column: str) -> StoredParquet | np.ndarray:
        return StoredParquet(self.path, column, self.key) if column in self.top else self.read(column)


class SavedDataset:
    """A folder written by `save_to_disk`: its Arrow files in order.

    A `DatasetDict` gets an additional column `split` with the name of each row's split.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key):
            self.files = _arrow_files(path, key)
            with pa.memory_map(str(self.files[0][1])) as file:
                self.columns = pa.ipc.open_stream(file).schema.names
        self.has_splits = (path / "dataset_dict.json").exists()
        if self.has_splits:
            self.columns = [*self.columns, "split"]
        check_column_names(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key):
            return joined([self._read_part(split, file, column) for split, file in self.files])

    def _read_part(self, split: str, path: Path, column: str) -> np.ndarray:
        with pa.memory_map(str(path)) as file:
            stream = pa.ipc.open_stream(file)
            if self.has_splits and column == "split":
                return np.full(sum(map(len, stream)), split, dtype=object)
            return to_array(_cells(stream, column, path, self.key))


def _unpacked_size(path: Path, column: str) -> int:
    """The bytes of a column and its fields once read; packed numbers count as what each of them takes."""
    groups = pq.read_metadata(path)
    size = 0
    for group in map(groups.row_group, range(groups.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema == column or chunk.path_in_schema.startswith(f"{column}."):
                width = WIDTHS.get(chunk.physical_type, 1)
                size += max(chunk.total_uncompressed_size, chunk.num_values * width)
    return size


def parquet_columns(path: Path, key: str) -> list[str]:
    with reading(path, key):
        names: list[str] = pq.read_schema(path).names
    check_column_names(names, path, key)
    return names


def parquet_fields(path: Path, key: str) -> list[str]:
    """The fields of columns with named fields, `column.field`, at any depth."""
    with reading(path, key):
        schema = pq.read_schema(path)
    return [name for one in schema for name in _fields(one.type, one.name)]


def _fields(kind: pa.DataType, name: str) -> list[str]:
    if not pa.types.is_struct(kind):
        return []
    return [
        found for one in kind for found in (_fields(one.type, f"{name}.{one.name}") or [f"{name}.{one.name}"])
    ]


def field_of(table: pa.Table, column: str) -> pa.ChunkedArray:
    """A column of a table, or a field of one."""
    if column in table.column_names:
        return table.column(column)
    first = next(name for name in table.column_names if column.startswith(f"{name}."))
    cells = table.column(first)
    for name in column.removeprefix(f"{first}.").split("."):
        cells = pc.struct_field(cells, name)
    return cells


def _arrow_files(path: Path, key: str) -> list[tuple[str, Path]]:
    if (path / "dataset_dict.json").exists():
        splits = json.loads((path / "dataset_dict.json").read_text(encoding="utf-8"))["splits"]
        return [(split, file) for split in splits for _, file in _arrow_files(_inside(path, split), key)]
    if not (path / "state.json").exists():
        raise ConfigError(
            key,
            "the folder does not contain a saved data set",
            found=str(path),
            allowed="a file, a glob, or a folder with state.json or dataset_dict.json",
        )
    state = json.loads((path / "state.json").read_text(encoding="utf-8"))
    return [("", _inside(path, entry["filename"])) for entry in state["_data_files"]]


def _inside(folder: Path, name: str) -> Path:
    """What a saved data set names lies in its folder."""
    return locate_inside(str(folder / name), [folder], name)
