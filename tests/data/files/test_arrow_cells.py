"""Arrow's cells become arrays whose values are unchanged."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from pipeline.data.files.arrow_cells import to_array


@pytest.mark.parametrize("chunks", [1, 3])
def test_repeated_texts_of_an_arrow_column_are_one_object(chunks: int) -> None:
    words = ["a", None, "bc", "", "a", "bc"] * 5
    column = pa.chunked_array([pa.array(words)] * chunks)
    array = to_array(column)
    assert array.tolist() == words * chunks
    assert array.dtype == object
    assert len({id(cell) for cell in array}) == 4


@pytest.mark.parametrize(
    ("values", "arrow_type"),
    [([], pa.string()), (["a", "b", None], pa.string()), ([1, None], pa.int64()), ([[1], [2]], None)],
)
def test_other_arrow_columns_are_arrays_as_arrow_gives_them(values: list[Any], arrow_type: Any) -> None:
    column = pa.chunked_array([pa.array(values, arrow_type)])
    np.testing.assert_array_equal(to_array(column), column.to_numpy())


@pytest.mark.parametrize(
    ("largest", "kind"), [(2**53, np.float64), (2**53 + 1, object), (-(2**53) - 1, object)]
)
def test_whole_numbers_beside_missing_cells_stay_exact(largest: int, kind: type) -> None:
    array = to_array(pa.array([largest, None, 3]))
    assert array.dtype == kind
    assert int(array[0]) == largest
    assert array[1] is None or np.isnan(array[1])
