"""Arrays: .npz and .npy files, and arrays or data frames in memory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.files.file_errors import check_column_names, reading
from pipeline.data.files.stored import StoredNpy, map_npy


class Npz:
    """Named arrays. Arrays of Python objects are refused, because reading them would run the file's code."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        with reading(path, key), path.open("rb") as file, np.load(file) as archive:
            self.columns = list(archive.files)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key), self.path.open("rb") as file, np.load(file) as archive:
            values: np.ndarray = archive[column]
            return values


class Npy:
    """One memory-mapped array; its only column has the empty name."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key, self.columns = path, key, [""]
        self.array = map_npy(path, key)

    def read(self, column: str) -> np.ndarray:
        return self.array

    def stored(self, column: str) -> StoredNpy:
        return StoredNpy(self.path, self.key)


class Arrays:
    """Named arrays or a pandas DataFrame in memory, as a `_target_` returns them."""

    def __init__(self, arrays: Mapping[str, object], key: str) -> None:
        self.arrays = arrays
        self.columns = [str(name) for name in arrays]
        check_column_names(self.columns, "the result of the source's _target_", key)

    def read(self, column: str) -> np.ndarray:
        values: Any = self.arrays[column]
        if isinstance(values, pd.Series):
            return series_to_array(values)
        try:
            return np.asarray(values)
        except ValueError:  # lists of different lengths
            cells = list(values)
            result = np.empty(len(cells), dtype=object)
            result[:] = cells
            return result


def series_to_array(series: pd.Series) -> np.ndarray:
    """Converts a pandas column: nullable numbers to float64, other pandas types to objects."""
    array: np.ndarray
    if isinstance(series.dtype, np.dtype):
        array = series.to_numpy()
    elif pd.api.types.is_numeric_dtype(series.dtype) and not pd.api.types.is_bool_dtype(series.dtype):
        array = series.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        array = series.astype(object).where(series.notna(), None).to_numpy(dtype=object)
    return array
