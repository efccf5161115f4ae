"""Targets: labels encoded, decoded, and refused with the row that is wrong."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline import data
from pipeline.errors import ConfigError

ROWS = 12
SPLIT = np.repeat([0, 1, 2], [6, 3, 3])
NAN = np.nan
NUMBERS = np.random.default_rng(0).normal(4000, 800, (ROWS, 2))


def objects(*cells: Any) -> np.ndarray:
    result = np.empty(len(cells), dtype=object)
    result[:] = cells
    return result


def loaded(entry: dict[str, Any], **columns: Any) -> Any:
    """A data set of one target `y`, 6 training, 3 validation and 3 test rows."""
    return data.load(
        {"s": {**columns, "split": SPLIT}},
        {},
        {"y": entry},
        {"column": "s.split", "train": 0, "val": 1, "test": 2},
    )


def labels(dataset: Any) -> np.ndarray:
    return np.concatenate([split.labels["y"] for split in dataset.splits.values()])


def decoded(dataset: Any) -> list[Any]:
    return dataset.targets["y"].decode(labels(dataset)).tolist()


def test_classes_without_names_are_the_sorted_training_values() -> None:
    dataset = loaded(
        {"kind": "category", "column": "s.a"}, a=objects("b", "a", None, "c", "", "b", *"abcabc")
    )
    assert dataset.targets["y"].names == ["a", "b", "c"]
    assert labels(dataset).tolist() == [1, 0, -1, 2, -1, 1, 0, 1, 2, 0, 1, 2]
    assert labels(dataset).dtype == np.int32
    assert decoded(dataset)[:3] == ["b", "a", None]


@pytest.mark.parametrize("cells", [np.array([10, 9, -1] * 4), np.array([[10.0], [9.0], [-1.0]] * 4)])
def test_whole_numbers_are_sorted_as_numbers(cells: np.ndarray) -> None:
    dataset = loaded({"kind": "category", "column": "s.a"}, a=cells)
    assert dataset.targets["y"].names == ["-1", "9", "10"]
    assert labels(dataset)[:3].tolist() == [2, 1, 0]


def test_whole_numbers_with_names_are_codes_unless_the_names_are_numbers_too() -> None:
    codes = np.array([1, 0, NAN] * 4)
    named = loaded({"kind": "category", "column": "s.a", "names": ["no", "yes", "never"]}, a=codes)
    assert decoded(named)[:3] == ["yes", "no", None]
    assert named.targets["y"].units == 3
    numbered = loaded({"kind": "category", "column": "s.a", "names": [7, 1, 0]}, a=codes)
    assert labels(numbered)[:3].tolist() == [1, 2, -1]


def test_names_may_be_a_column_and_give_strings_their_order() -> None:
    entry = {"kind": "category", "column": "s.a", "names": "s.names"}
    dataset = loaded(entry, a=np.array(["x", "y"] * 6), names=np.array(["y", "x", "z"]))
    assert labels(dataset)[:2].tolist() == [1, 0]


def test_booleans_are_classes() -> None:
    assert loaded({"kind": "category", "column": "s.a"}, a=np.arange(ROWS) % 2 == 1).targets["y"].names == [
        "false",
        "true",
    ]


def test_distributions_stay_and_a_row_with_a_gap_is_missing() -> None:
    shares = np.tile([0.2, 0.5, 0.3], (ROWS, 1))
    shares[1, 0] = NAN
    dataset = loaded({"kind": "category", "column": "s.a"}, a=shares)
    assert dataset.targets["y"].names == ["0", "1", "2"]
    assert labels(dataset).dtype == np.float32
    assert np.isnan(labels(dataset)[1]).all()
    np.testing.assert_allclose(labels(dataset)[0], shares[0], rtol=1e-6)
    assert decoded(dataset)[:3] == ["1", None, "1"]


def test_numbers_are_standardised_by_training_rows_and_come_back_in_their_unit() -> None:
    values = NUMBERS.copy()
    values[2, 1] = NAN
    dataset = loaded({"kind": "number", "column": ["s.a", "s.b"]}, a=values[:, 0], b=values[:, 1])
    target = dataset.targets["y"]
    assert (target.names, target.units) == (["a", "b"], 2)
    np.testing.assert_allclose(target.mean, np.nanmean(values[:6], axis=0))
    np.testing.assert_allclose(target.scale, np.nanstd(values[:6], axis=0))
    np.testing.assert_allclose(np.nanmean(labels(dataset)[:6], axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(decoded(dataset), values, rtol=1e-6)
    assert np.isnan(labels(dataset)[2, 1])
    tensor = keras.Input((2,))
    presented = keras.Model(tensor, target.present(tensor))(np.nan_to_num(labels(dataset)))
    np.testing.assert_allclose(presented[3], values[3], rtol=1e-5)


def test_numbers_may_stay_unscaled() -> None:
    dataset = loaded({"kind": "number", "column": "s.a", "scale": "none"}, a=NUMBERS)
    np.testing.assert_allclose(labels(dataset), NUMBERS, rtol=1e-6)
    assert dataset.targets["y"].names == ["a.0", "a.1"]


def test_a_constant_number_keeps_a_scale_of_1() -> None:
    assert loaded({"kind": "number", "column": "s.a"}, a=np.full(ROWS, 7.1)).targets["y"].scale.tolist() == [
        1.0
    ]


@pytest.mark.parametrize(
    "cells",
    [objects(True, False, None), np.array([1, 0, NAN]), objects(1, "0", NAN)],
)
def test_yes_and_no_are_1_and_0_however_they_are_written(cells: np.ndarray) -> None:
    dataset = loaded({"kind": "binary", "column": "s.a"}, a=np.tile(cells, 4))
    np.testing.assert_array_equal(labels(dataset)[:3], [[1], [0], [NAN]])
    assert (dataset.targets["y"].names, dataset.targets["y"].units) == (["a"], 1)


def test_several_labels_keep_their_columns_and_gaps() -> None:
    dataset = loaded(
        {"kind": "labels", "column": ["s.a", "s.b"]}, a=np.arange(ROWS) % 2, b=np.array([NAN, 1, 0] * 4)
    )
    np.testing.assert_array_equal(labels(dataset)[:3], [[0, NAN], [1, 1], [0, 0]])
    assert dataset.targets["y"].names == ["a", "b"]


def test_outputs_other_than_numbers_are_presented_as_they_are() -> None:
    tensor = keras.Input((2,))
    for entry in ({"kind": "category"}, {"kind": "binary"}, {"kind": "labels"}):
        target = loaded(entry | {"column": "s.a"}, a=np.arange(ROWS) % 2).targets["y"]
        assert target.present(tensor) is tensor


@pytest.mark.parametrize(
    ("entry", "cells", "problem", "found"),
    [
        (
            {"kind": "category"},
            np.array([*"ab" * 5, "a", "c"]),
            "no training row has, only rows of test.*row 11",
            "c",
        ),
        (
            {"kind": "category", "names": ["a", "b"]},
            np.array([*"ab" * 5, "a", "c"]),
            "beyond its names.*row 11",
            "c",
        ),
        ({"kind": "category", "names": ["a", "b"]}, np.array([0, 1, 2] * 4), "beyond its names.*row 2", "2"),
        (
            {"kind": "category", "names": ["a", "b"]},
            np.array([0, 1, -1] * 4),
            "beyond its names.*row 2",
            "-1",
        ),
        ({"kind": "category", "names": ["a", "a"]}, np.array([0, 1, 0] * 4), "names that stand twice", "a"),
        ({"kind": "category", "names": 3}, np.array([0, 1, 0] * 4), "no names of classes", "3"),
        ({"kind": "category"}, np.array([0, 1, 0.5] * 4), "fraction.*row 2", "0.5"),
        ({"kind": "category"}, np.array([""] * ROWS), "no training row has a label", "s.a"),
        ({"kind": "category"}, np.tile([0.2, 0.5], (ROWS, 1)), "not a distribution.*row 0", "0.5"),
        ({"kind": "category", "names": ["a"]}, np.tile([0.5, 0.5], (ROWS, 1)), "not one name per class", "1"),
        ({"kind": "category"}, np.zeros((ROWS, 2, 2)), "more than one value a row", "(12, 2, 2)"),
        ({"kind": "number"}, np.array(["1", "2", "x"] * 4), "text where numbers are due.*row 2", "x"),
        ({"kind": "number"}, np.array([1, 2, np.inf] * 4), "infinite.*row 2", "inf"),
        (
            {"kind": "number"},
            np.where(np.arange(ROWS) < 6, NAN, 1),
            "no training row has a label",
            "column a",
        ),
        ({"kind": "number", "scale": "auto"}, NUMBERS, "no such scaling", "auto"),
        ({"kind": "binary"}, np.array([0, 1, 2] * 4), "neither 0 nor 1.*row 2", "2"),
        ({"kind": "binary"}, np.array(["MALE", "FEMALE"] * 6), "text where numbers are due.*row 0", "MALE"),
        ({"kind": "binary"}, np.zeros((ROWS, 2)), "has one column", "a.0, a.1"),
        ({"kind": "labels"}, np.tile([0, 3], (ROWS, 1)), "neither 0 nor 1.*row 0", "3"),
        ({"kind": "labels"}, np.tile([0, NAN], (ROWS, 1)), "no training row has a label", "a.1"),
    ],
)
def test_a_wrong_label_is_named_with_its_row(
    entry: dict[str, Any], cells: np.ndarray, problem: str, found: str
) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        loaded(entry | {"column": "s.a"}, a=cells)
    assert caught.value.key.startswith("data.targets.y")
    assert found in str(caught.value.found)
