"""Arrow's cells as arrays of NumPy, in types that change no value."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.data.files.words import from_codes

SAMPLE = 65_536  # cells that show whether texts are repeated
LARGEST_EXACT = 2**53  # float64 has all whole numbers up to this one


def to_array(cells: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Arrow's cells as an array; whole numbers with missing cells are floats if those have enough digits.

    Texts that are repeated are one Python object, which saves time and memory.
    """
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_integer(cells.type) and cells.null_count and not fit_float64(pc.min_max(cells).as_py()):
        return np.array(cells.to_pylist(), dtype=object)
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return _texts(cells)
    array = cells.to_numpy() if isinstance(cells, pa.ChunkedArray) else cells.to_numpy(zero_copy_only=False)
    return np.asarray(array)


def _texts(cells: pa.Array | pa.ChunkedArray) -> np.ndarray:
    sample = cells.slice(0, SAMPLE)
    if 2 * pc.count_distinct(sample).as_py() > len(sample):
        whole = pa.chunked_array([cells]) if isinstance(cells, pa.Array) else cells
        return np.asarray(whole.to_numpy())
    encoded = cells.dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return from_codes(codes, np.array(encoded.dictionary.to_pylist(), dtype=object))


def fit_float64(bounds: Mapping[str, int | None]) -> bool:
    """Whether float64 has enough digits for whole numbers within bounds."""
    return all(bound is None or abs(bound) <= LARGEST_EXACT for bound in bounds.values())


def has_small_numbers(statistics: Any) -> bool:
    """Whether float64 has enough digits for all whole numbers of a part."""
    known = statistics is not None and statistics.has_min_max
    return known and fit_float64({"min": statistics.min, "max": statistics.max})


def _may_have_nulls(statistics: Any) -> bool:
    return statistics is None or not statistics.has_null_count or bool(statistics.null_count)


def dtype_of(arrow_type: pa.DataType, chunks: Sequence[Any]) -> np.dtype:
    """The dtype of the whole column in NumPy, so that row groups with and without nulls agree."""
    dtype: np.dtype = np.dtype(object)
    nulls = any(_may_have_nulls(chunk.statistics) for chunk in chunks)
    if pa.types.is_integer(arrow_type) and nulls:
        small = all(has_small_numbers(chunk.statistics) for chunk in chunks)
        dtype = np.dtype(np.float64 if small else object)
    elif pa.types.is_floating(arrow_type) or pa.types.is_integer(arrow_type):
        dtype = np.dtype(arrow_type.to_pandas_dtype())
    elif pa.types.is_boolean(arrow_type) and not nulls:
        dtype = np.dtype(bool)
    elif pa.types.is_temporal(arrow_type):
        dtype = pa.array([], arrow_type).to_numpy(zero_copy_only=False).dtype
    return dtype
