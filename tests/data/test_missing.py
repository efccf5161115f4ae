"""Missing cells are found in every type, and words that mean them are counted."""

import numpy as np
import pandas as pd
import pytest

from pipeline.data.missing import is_missing, report_words, without_words
from tests.data.small_data import objects


@pytest.mark.parametrize(
    "cells",
    [
        np.array([1.0, np.nan]),
        np.array(["2024-01-01", "NaT"], dtype="datetime64[s]"),
        np.array([3, "NaT"], dtype="timedelta64[s]"),
        np.array(["a", " "]),
        objects("a", None),
        objects(1, pd.NA),
        objects([1], float("nan")),
    ],
)
def test_the_second_cell_is_missing_in_every_type(cells: np.ndarray) -> None:
    assert is_missing(cells).tolist() == [False, True]


def test_words_are_replaced_and_counted_but_blank_cells_are_not() -> None:
    values, counts = without_words(objects("NA", "a", "NA", "-", "", 5), ["NA", "-", ""])
    assert values.tolist() == [None, "a", None, None, "", 5]
    assert counts == {"NA": 2, "-": 1}


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (np.array([1, -999, 3]), [1, None, 3]),
        (np.array([1.5, -999.0, 3], np.float32), [1.5, None, 3]),
        (np.array([2**60, -999]), [2**60, None]),
        (objects(2**60, -999, None, True), [2**60, None, None, True]),
        (objects("1", "-999", "-999.0", "-9990"), ["1", None, None, "-9990"]),
        (np.array([[1, -999], [2, 3]]), [1, None, 2, 3]),
    ],
)
def test_words_that_are_numbers_mean_the_number(cells: np.ndarray, kept: list[object]) -> None:
    values, counts = without_words(cells, ["", "-999", "NA"])
    assert [None if pd.isna(cell) else cell for cell in values.ravel()] == kept
    assert sum(counts.values()) == kept.count(None) - int(is_missing(cells).sum())
    numbers = np.array([1, 2])
    assert without_words(numbers, ["", "NA", "-999"])[0] is numbers


def test_the_shape_of_an_array_of_words_stays() -> None:
    values, counts = without_words(np.array([["a", "NA"], ["NA", "b"]]), ["NA"])
    assert values.tolist() == [["a", None], [None, "b"]]
    assert counts == {"NA": 2}


def test_the_message_names_column_words_and_key(caplog: pytest.LogCaptureFixture) -> None:
    report_words("s.a", {"NA": 1200, "-": 1}, "data.sources.s")
    assert caplog.messages == [
        "s.a: 1,200 cells are NA, 1 cells are -, taken as missing (data.sources.s.missing)"
    ]
