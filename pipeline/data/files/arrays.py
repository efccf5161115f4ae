"""Arrays: .npz and .npy files, and arrays or data frames in memory."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.data.files.arrow_cells import to_array
from pipeline.data.files.file_errors import check_column_names, reading
from pipeline.data.files.npz import NpzMember, npz_columns
from pipeline.data.files.stored import StoredNpy, map_npy, reorder


class Npz:
    """Named arrays. Arrays of Python objects are refused, because reading them would run the file's code."""

    def __init__(self, path: Path, key: str) -> None:
        self.path, self.key = path, key
        self.columns = npz_columns(path, key)

    def read(self, column: str) -> np.ndarray:
        with reading(self.path, self.key), zipfile.ZipFile(self.path) as archive:
            return NpzMember(archive, column, self.path, self.key).whole()


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
    """Converts a pandas column to the types that files have; see `arrow_cells.to_array`."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return reorder(series_to_array(dtype.categories.to_series()), series.cat.codes.to_numpy(np.int64))
    if isinstance(dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_convert("UTC").dt.tz_localize(None)
    elif isinstance(dtype, pd.PeriodDtype):
        series = series.dt.to_timestamp()
    elif isinstance(dtype, pd.SparseDtype):
        return series_to_array(series.sparse.to_dense())
    elif isinstance(dtype, pd.IntervalDtype):
        series = series.astype(str).where(series.notna(), None).astype(object)
    elif pd.api.types.is_string_dtype(dtype) and not isinstance(dtype, np.dtype):
        series = series.astype(object).where(series.notna(), None)
    elif not isinstance(dtype, np.dtype):
        return to_array(pa.array(series, from_pandas=True))
    return np.asarray(series.to_numpy())
