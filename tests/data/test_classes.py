"""Which columns have classes, and which classes no training row has."""

from typing import Any

import numpy as np
import pytest

from pipeline.data.classes import Classes, find_classes
from pipeline.data.hashes import cell_hashes

WORDS = np.array(["a", "b", "a", None, "", "b", "a", "b", "a"], dtype=object)


def found(values: Any) -> list[Classes]:
    return list(find_classes("s.a", np.asarray(values), cell_hashes(np.asarray(values))))


def test_missing_cells_are_no_class() -> None:
    (classes,) = found(WORDS)
    assert [*classes.names] == ["a", "b"]
    assert classes.codes.tolist() == [0, 1, 0, -1, -1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "values",
    [
        np.arange(9) // 2,
        np.repeat([0.5, 1.5, 2.5], 19),
        np.repeat([f"w{number}" for number in range(1001)], 3),
        np.repeat(np.arange(51), 10),
        np.repeat(np.arange(40), 9),
        np.repeat(np.array(["2024-01-01", "2024-01-02"], "M8[D]"), 9),
        np.zeros((9, 4, 4), dtype=np.uint8),
        np.zeros((9, 200), dtype=np.uint8),
        np.random.default_rng(0).random((9, 3)),
    ],
    ids=[
        "twice",
        "fractions",
        "many words",
        "many numbers",
        "few of each number",
        "dates",
        "images",
        "wide",
        "distributions",
    ],
)
def test_columns_without_classes(values: np.ndarray) -> None:
    assert found(values) == []


def test_the_labels_of_cells_are_classes_beside_the_cells_as_a_whole() -> None:
    cells = np.array(["x; y", "x", "y;z", None, "x", "x; y", "x", "x", "y;z"] * 2, dtype=object)
    whole, single = found(cells)
    assert sorted(whole.names) == ["x", "x; y", "y;z"]
    assert [*single.names] == ["x", "y", "z"]
    training = np.array([True, True, False] * 6)
    rows, codes = single.absent(training)
    assert rows.tolist() == [2, 8, 11, 17]
    assert codes.tolist() == [2, 2, 2, 2]


def test_a_row_without_a_label_is_absent_from_no_class() -> None:
    (classes,) = found(WORDS)
    rows, codes = classes.absent(np.arange(9) == 0)
    assert rows.tolist() == [1, 5, 7]
    assert codes.tolist() == [1, 1, 1]


def test_classes_are_spread_if_each_is_in_three_groups() -> None:
    (classes,) = found(np.repeat(["a", "b", "c"], 4))
    assert classes.spread(np.arange(12))
    assert not classes.spread(np.arange(12) // 4)


def test_dates_as_text_are_no_classes_as_dates_in_parquet_are_none() -> None:
    assert found(np.repeat(np.array(["5/31/2024", "6/1/2024"], dtype=object), 9)) == []
    assert len(found(np.repeat(np.array(["31", "may"], dtype=object), 9))) == 1


def test_words_that_mean_missing_are_no_class() -> None:
    cells = np.array(["a", "NA", "a;b", "a", "b", "a", "NA", "a;NA", "b"] * 2, dtype=object)
    whole, single = find_classes("s.a", cells, cell_hashes(cells), ["NA"])
    assert sorted(whole.names) == ["a", "a;NA", "a;b", "b"]
    assert (whole.codes == -1).sum() == 4
    assert [*single.names] == ["a", "b"]


@pytest.mark.parametrize(
    "words", [["-0,65", "1,66", "3"], ["1.480,02", "0,5", ""], ["1 318,20", "7,5", "2,0"]]
)
def test_numbers_with_a_decimal_comma_are_no_classes(words: list[str]) -> None:
    assert found(np.array(words * 9, dtype=object)) == []


@pytest.mark.parametrize("words", [["007", "10115", "7"], ["1", "2", "3"], ["a,b", "b", "a"]])
def test_codes_and_labels_are_classes(words: list[str]) -> None:
    assert found(np.array(words * 9, dtype=object))
