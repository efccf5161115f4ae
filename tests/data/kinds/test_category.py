"""Categories: names, codes and distributions."""

from typing import Any

import numpy as np
import pytest

from pipeline import data
from tests.data.small_data import NAN, ROWS, all_rows, load_target, objects, refuse_target

ENTRY = {"kind": "category", "column": "s.a"}


def labels(dataset: data.Dataset) -> np.ndarray:
    return all_rows(dataset, "labels", "y")


def decoded(dataset: data.Dataset) -> list[Any]:
    return dataset.targets["y"].decode(labels(dataset)).tolist()


def test_classes_without_names_are_the_sorted_training_values() -> None:
    dataset = load_target(ENTRY, a=objects("b", "a", None, "c", "", "b", *"abcabc"))
    assert dataset.targets["y"].names == ["a", "b", "c"]
    assert labels(dataset).tolist() == [1, 0, -1, 2, -1, 1, 0, 1, 2, 0, 1, 2]
    assert labels(dataset).dtype == np.int32
    assert decoded(dataset)[:3] == ["b", "a", None]


@pytest.mark.parametrize("cells", [np.array([10, 9, -1] * 4), np.array([[10.0], [9.0], [-1.0]] * 4)])
def test_whole_numbers_are_sorted_as_numbers(cells: np.ndarray) -> None:
    dataset = load_target(ENTRY, a=cells)
    assert dataset.targets["y"].names == ["-1", "9", "10"]
    assert labels(dataset)[:3].tolist() == [2, 1, 0]


def test_whole_numbers_with_names_are_codes_unless_the_names_are_whole_numbers_too() -> None:
    codes = np.array([1, 0, NAN] * 4)
    named = load_target(ENTRY | {"names": ["no", "yes", "never"]}, a=codes)
    assert decoded(named)[:3] == ["yes", "no", None]
    assert named.targets["y"].units == 3
    numbered = load_target(ENTRY | {"names": [7, 1, 0]}, a=codes)
    assert labels(numbered)[:3].tolist() == [1, 2, -1]


def test_names_may_be_a_column_and_set_the_order_of_the_classes() -> None:
    dataset = load_target(
        ENTRY | {"names": "s.names"}, a=np.array(["x", "y"] * 6), names=np.array(["y", "x", "z"])
    )
    assert labels(dataset)[:2].tolist() == [1, 0]


def test_booleans_are_classes() -> None:
    assert load_target(ENTRY, a=np.arange(ROWS) % 2 == 1).targets["y"].names == ["false", "true"]


def test_distributions_are_kept_and_missing_if_a_cell_is_missing() -> None:
    shares = np.tile([0.2, 0.5, 0.3], (ROWS, 1))
    shares[1, 0] = NAN
    dataset = load_target(ENTRY, a=shares)
    assert dataset.targets["y"].names == ["0", "1", "2"]
    assert labels(dataset).dtype == np.float32
    assert np.isnan(labels(dataset)[1]).all()
    np.testing.assert_allclose(labels(dataset)[0], shares[0], rtol=1e-6)
    assert decoded(dataset)[:3] == ["1", None, "1"]


@pytest.mark.parametrize(
    "cells",
    [
        np.eye(3, dtype=np.int64)[np.arange(ROWS) % 3],
        np.eye(3, dtype=bool)[np.arange(ROWS) % 3],
        objects(*np.eye(3)[np.arange(ROWS) % 3]),
        objects(*np.eye(3, dtype=int)[np.arange(ROWS) % 3].tolist()),
        objects(*map(str, np.eye(3)[np.arange(ROWS) % 3].tolist())),
    ],
    ids=["whole numbers", "booleans", "arrays in cells", "lists in cells", "lists in text"],
)
def test_one_hot_codes_are_distributions(cells: np.ndarray) -> None:
    dataset = load_target(ENTRY, a=cells)
    assert dataset.targets["y"].names == ["0", "1", "2"]
    assert labels(dataset).tolist() == np.eye(3)[np.arange(ROWS) % 3].tolist()


def test_a_missing_list_is_a_missing_distribution() -> None:
    cells = objects(*np.eye(3)[np.arange(ROWS) % 3])
    cells[1] = None
    assert decoded(load_target(ENTRY, a=cells))[:3] == ["0", None, "2"]


@pytest.mark.parametrize(
    ("options", "cells", "problem", "found"),
    [
        (
            {"unseen": "error"},
            np.array([*"ab" * 3, *"cdc", *"eab"]),
            "no training row has these classes",
            "c (2), d (1), e (1)",
        ),
        ({"names": ["a", "b"]}, np.array([*"ab" * 5, "a", "c"]), "not one of the classes.*row 11", "c"),
        ({"names": ["a", "b"]}, np.array([0, 1, 2] * 4), "not one of the classes.*row 2", "2"),
        ({"names": ["a", "b"]}, np.array([0, 1, -1] * 4), "not one of the classes.*row 2", "-1"),
        ({"names": ["a", "a"]}, np.array([0, 1, 0] * 4), "duplicate class names", "a"),
        ({"names": 3}, np.array([0, 1, 0] * 4), "not a list of class names", "3"),
        ({}, np.arange(ROWS) / 2, "fractional number.*row 1", "0.5"),
        ({}, np.array([""] * ROWS), "no training row has a label", "s.a"),
        ({}, np.tile([0.2, 0.5], (ROWS, 1)), "not a distribution.*row 0", "0.5"),
        ({"names": ["a"]}, np.tile([0.5, 0.5], (ROWS, 1)), "number of names differs", "1"),
        ({}, np.zeros((ROWS, 2, 2)), "more than one value per row", "(12, 2, 2)"),
    ],
)
def test_wrong_labels_and_names_are_refused(
    options: dict[str, Any], cells: np.ndarray, problem: str, found: str
) -> None:
    refuse_target({"kind": "category"} | options, cells, problem, found)


def test_classes_that_no_training_row_has_are_missing_in_other_rows_and_listed_together(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = load_target(ENTRY, a=np.array([*"ab" * 3, *"cdc", *"eab"]))
    assert dataset.targets["y"].names == ["a", "b"]
    assert decoded(dataset)[6:] == [None, None, None, None, "a", "b"]
    assert caplog.messages == [
        "y: 4 labels of 3 classes that no training row has are taken as missing (data.targets.y.unseen): "
        "c (2), d (1), e (1)"
    ]


def test_floats_that_hold_whole_numbers_are_whole_numbers() -> None:
    assert load_target(ENTRY, a=np.array([7.0, -3.0, NAN, 12.0] * 3)).targets["y"].names == ["-3", "7", "12"]


def test_integers_of_any_size_stay_apart() -> None:
    close = np.array([103241243500726324, 103241243500726320, 2**63 - 1, 2**63 - 2] * 3)
    dataset = load_target(ENTRY, a=close)
    assert sorted(dataset.targets["y"].names) == sorted(map(str, close[:4]))
    assert decoded(dataset) == [str(value) for value in close]


def test_fractional_numbers_that_repeat_are_classes() -> None:
    assert load_target(ENTRY, a=np.array([36.5, 37, 37.5] * 4)).targets["y"].names == ["36.5", "37", "37.5"]


@pytest.mark.parametrize("words", [["Yes", "yes"], ["a", " a"], ["\u00e9", "e\u0301"]])
def test_classes_that_look_alike_are_said(words: list[str], caplog: pytest.LogCaptureFixture) -> None:
    dataset = load_target(ENTRY, a=np.array([*words, "b"] * 4))
    assert len(dataset.targets["y"].names) == 3
    assert [message.partition(" are ")[0] for message in caplog.messages] == [
        "s.a: classes that differ only by blanks, capitals or accents"
    ]
