"""Cells become numbers or strings, or are named with their row."""

from typing import Any

import numpy as np
import pytest

from pipeline.data.columns import Column, RowError, numbers, strings, text_of
from pipeline.data.missing import is_missing
from pipeline.errors import ConfigError
from tests.data.small_data import objects


def column(cells: Any) -> Column:
    return Column("s.a", "data.inputs.x.column", cells, lambda row: f"a.csv, row {row}")


@pytest.mark.parametrize(
    ("cells", "problem", "found"),
    [
        (objects("1", "two", "3"), "text instead of a number", "two"),
        (np.array(["1", "two", "3"]), "text instead of a number", "two"),
        (np.array([1.0, np.inf, 2.0]), "infinite", "inf"),
        (np.array([1.0, 1e300, 2.0]), "too large", "1e+300"),
        (np.array(["2024-01-01"] * 3, dtype="datetime64[D]"), "a date instead of a number", "2024"),
        (objects(1, [2], 3), "a list instead of a number", "[2]"),
        (np.array([1, 2j, 3]), "complex128 instead of a number", "1"),
    ],
)
def test_a_cell_that_is_not_a_number_is_shown_with_its_row(
    cells: np.ndarray, problem: str, found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        numbers(column(cells))
    assert caught.value.key == "data.inputs.x.column"
    assert problem in caught.value.problem
    assert "row" in caught.value.problem
    assert found in str(caught.value.found)


def test_nan_none_and_empty_cells_are_missing_in_numbers_and_strings() -> None:
    cells = column(objects(1, None, "", " ", np.nan, "NA", "2"))
    np.testing.assert_array_equal(numbers(cells), [1] + [np.nan] * 5 + [2])
    assert strings(cells).tolist() == ["1", "", "", "", "", "NA", "2"]


def test_missing_cells_are_found_in_arrays_of_every_type() -> None:
    days = np.array(["2024-01-01", "NaT"], dtype="datetime64[D]")
    for cells in (np.array([1.0, np.nan]), days, np.array(["a", " "]), objects([1], None)):
        assert is_missing(cells).tolist() == [False, True]
    assert not is_missing(np.zeros((2, 3), int)).any()


def test_bytes_are_text_and_must_be_utf_8() -> None:
    assert strings(column(np.array([b"x", b""]))).tolist() == ["x", ""]
    with pytest.raises(ConfigError, match=r"not UTF-8.*row 1"):
        strings(column(np.array([b"x", b"\xff"])))


def test_equal_values_of_different_types_have_the_same_text() -> None:
    assert {text_of(value) for value in (3, 3.0, "3", np.int8(3), b"3")} == {"3"}
    assert {text_of(value) for value in (True, "True", "TRUE", "true", np.True_)} == {"true"}


def test_an_error_in_a_row_has_its_reason_without_the_place() -> None:
    error = RowError(
        "key", "text instead of a number", column="s.a", place="a.csv, row 3", found="'x'", allowed="numbers"
    )
    assert error.reason == "text instead of a number; found: 'x'; allowed: numbers"
    assert "column 's.a', a.csv, row 3 (counting from 0)" in str(error)
