"""Files that Arrow reads: parquet, and the folders in which Hugging Face `datasets` are saved."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.files.file_errors import check_column_names, reading
from pipeline.data.files.stored import StoredParquet, to_array
from pipeline.errors import ConfigError
from pipeline.paths import locate_inside


class Parquet:
    """One parquet file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.columns = parquet_columns(path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key):
            table = pq.read_table(self.path, columns=[column], partitioning=None)
            return to_array(table.column(column))

    def stored(self, column: str) -> StoredParquet:
        return StoredParquet(self.path, column, self.key)


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
            return np.concatenate([self._read_part(split, file, column) for split, file in self.files])

    def _read_part(self, split: str, path: Path, column: str) -> np.ndarray:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_stream(file).read_all()
            if self.has_splits and column == "split":
                return np.full(len(table), split, dtype=object)
            return to_array(table.column(column))


def parquet_columns(path: Path, key: str) -> list[str]:
    with reading(path, key):
        names: list[str] = pq.read_schema(path).names
    check_column_names(names, path, key)
    return names


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
