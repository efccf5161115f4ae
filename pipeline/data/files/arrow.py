"""Columns that Arrow reads: parquet files, and the folders in which Hugging Face `datasets` are saved."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.files.checked import distinct, reading
from pipeline.data.files.stored import StoredParquet
from pipeline.errors import ConfigError


class Parquet:
    """One parquet file."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key):
            self.columns = pq.read_schema(path).names
        distinct(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key):
            return pq.read_table(self.path, columns=[column], partitioning=None).column(column).to_numpy()

    def stored(self, column: str) -> StoredParquet:
        return StoredParquet(self.path, column, self.key)


class Folder:
    """What `Dataset.save_to_disk` wrote: its arrow files in order; of a `DatasetDict`, a column `split`."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key):
            self.files = _arrow_files(path, key)
            with pa.memory_map(str(self.files[0][1])) as file:
                self.columns = pa.ipc.open_stream(file).schema.names
        self.named = (path / "dataset_dict.json").exists()
        if self.named:
            self.columns = [*self.columns, "split"]
        distinct(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key):
            return np.concatenate([self._read(split, file, column) for split, file in self.files])

    def _read(self, split: str, path: Path, column: str) -> np.ndarray:
        with pa.memory_map(str(path)) as file:
            table = pa.ipc.open_stream(file).read_all()
            if self.named and column == "split":
                return np.full(len(table), split, dtype=object)
            return table.column(column).to_numpy()


def _arrow_files(path: Path, key: str) -> list[tuple[str, Path]]:
    if (path / "dataset_dict.json").exists():
        splits = json.loads((path / "dataset_dict.json").read_text())["splits"]
        return [(split, file) for split in splits for _, file in _arrow_files(path / split, key)]
    if not (path / "state.json").exists():
        raise ConfigError(
            key,
            "a folder that holds no saved data set",
            found=str(path),
            allowed="a file, a glob, or a folder with state.json or dataset_dict.json",
        )
    state = json.loads((path / "state.json").read_text())
    return [("", path / one["filename"]) for one in state["_data_files"]]
