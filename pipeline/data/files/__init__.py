"""One class per file format: which columns it has, and the values of one of them. Nothing else is read."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pipeline.data.files.arrow import Folder, Parquet
from pipeline.data.files.checked import distinct, reading
from pipeline.data.files.delimited import COMPRESSED, Delimited
from pipeline.data.files.stored import StoredNpy
from pipeline.errors import ConfigError

SEPARATORS = {".csv": ",", ".tsv": "\t"}
FORMATS = [".npz", ".npy", ".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.bz2", ".csv.xz", ".parquet"]


class Columns(Protocol):
    """What a source's file, or an object that stands for one, can do."""

    columns: list[str]

    def read(self, column: str) -> np.ndarray: ...


def open_file(path: Path, key: str, wanted: Collection[str]) -> Columns:
    """The file's columns, not yet read.

    Args:
        path: an existing file, or the folder of a saved Hugging Face data set.
        key: the config key to name in messages.
        wanted: the columns that will be asked for: a text file is parsed once, for these alone.

    Raises:
        ConfigError: an unknown format, an empty, truncated or unreadable file, columns of the same name.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    kind = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] in COMPRESSED else (suffixes or [""])[-1]
    if path.is_file() and path.stat().st_size == 0:
        raise ConfigError(key, f"{path} is empty", found="0 bytes")
    if path.is_dir():
        return Folder(path, key)
    if kind == ".parquet":
        return Parquet(path, key)
    if kind == ".npz":
        return Npz(path, key)
    if kind == ".npy":
        return Npy(path, key)
    if kind in SEPARATORS:
        return Delimited(path, key, separator=SEPARATORS[kind], wanted=wanted)
    raise ConfigError(key, "unknown format", found=path.name, allowed=FORMATS)


class Npz:
    """Arrays by name. Arrays of Python objects are refused: reading them would run code of the file's."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key), path.open("rb") as file, np.load(file) as archive:
            self.columns = list(archive.files)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key), self.path.open("rb") as file, np.load(file) as archive:
            return archive[column]


class Npy:
    """One array, mapped from the disk: the source has one column, and its name is the source's."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key, self.columns = path, key, [""]
        with reading(path, key):
            self.array = np.load(path, mmap_mode="r", allow_pickle=False)

    def read(self, column: str) -> np.ndarray:
        return self.array

    def stored(self, column: str) -> StoredNpy:
        return StoredNpy(self.path, self.key)


class Memory:
    """Arrays by name that a `_target_` gave, or a pandas DataFrame."""

    def __init__(self, arrays: Mapping[str, object], key: str) -> None:
        self.arrays = arrays
        self.columns = [str(name) for name in arrays]
        distinct(self.columns, "what the source's _target_ gives", key)

    def read(self, column: str) -> np.ndarray:
        values = self.arrays[column]
        if isinstance(values, pd.Series):
            return array_of(values)
        try:
            return np.asarray(values)
        except ValueError:  # lists of different lengths
            cells: list[Any] = list(values)  # type: ignore[call-overload]
            result = np.empty(len(cells), dtype=object)
            result[:] = cells
            return result


def array_of(series: pd.Series) -> np.ndarray:
    """A pandas column as numpy: strings and what may be empty as objects, numbers as they are."""
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    if pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.astype(object).where(series.notna(), None).to_numpy(dtype=object)
