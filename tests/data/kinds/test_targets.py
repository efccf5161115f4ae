"""Binary labels and several labels: encoding, decoding and wrong labels."""

from typing import Any

import keras
import numpy as np
import pytest

from pipeline import data
from pipeline.data.columns import Column
from pipeline.errors import ConfigError
from tests.data.small_data import NAN, ROWS, all_rows, load_target, objects, refuse_target


def labels(dataset: data.Dataset) -> np.ndarray:
    return all_rows(dataset, "labels", "y")


@pytest.mark.parametrize("cells", [objects(True, False, None), np.array([1, 0, NAN]), objects(1, "0", NAN)])
def test_binary_labels_are_1_and_0_for_booleans_numbers_and_text(cells: np.ndarray) -> None:
    dataset = load_target({"kind": "binary", "column": "s.a"}, a=np.tile(cells, 4))
    np.testing.assert_array_equal(labels(dataset)[:3], [[1], [0], [NAN]])
    assert (dataset.targets["y"].names, dataset.targets["y"].units) == (["a"], 1)


def test_several_labels_keep_their_columns_and_gaps() -> None:
    dataset = load_target(
        {"kind": "labels", "column": ["s.a", "s.b"]}, a=np.arange(ROWS) % 2, b=np.array([NAN, 1, 0] * 4)
    )
    np.testing.assert_array_equal(labels(dataset)[:3], [[0, NAN], [1, 1], [0, 0]])
    assert dataset.targets["y"].names == ["a", "b"]


@pytest.mark.parametrize("kind", ["category", "binary", "labels"])
def test_only_the_outputs_of_number_heads_are_converted(kind: str) -> None:
    tensor = keras.Input((2,))
    target = load_target({"kind": kind, "column": "s.a"}, a=np.arange(ROWS) % 2).targets["y"]
    assert target.present(tensor) is tensor


@pytest.mark.parametrize(
    ("entry", "cells", "problem", "found"),
    [
        ({"kind": "binary"}, np.array([0, 1, 2] * 4), "neither 0 nor 1.*row 2", "2"),
        ({"kind": "binary"}, np.array(["MALE", "FEMALE"] * 6), "neither yes nor no.*row 0", "MALE"),
        ({"kind": "binary"}, np.zeros((ROWS, 2)), "exactly one column", "a.0, a.1"),
        ({"kind": "labels"}, np.tile([0, 3], (ROWS, 1)), "neither 0 nor 1.*row 0", "3"),
        ({"kind": "labels"}, np.tile([0, NAN], (ROWS, 1)), "no training row has a label", "a.1"),
    ],
)
def test_wrong_labels_are_refused(entry: dict[str, Any], cells: np.ndarray, problem: str, found: str) -> None:
    refuse_target(entry, cells, problem, found)


@pytest.mark.parametrize(
    "words",
    [("Yes", "No"), ("y", "n"), ("T", "F"), ("on", "off"), ("TRUE", "false"), ("1", "0"), (" yes ", "NO")],
)
@pytest.mark.parametrize("kind", ["binary", "labels"])
def test_yes_and_no_may_be_words(kind: str, words: tuple[str, str]) -> None:
    dataset = load_target({"kind": kind, "column": "s.a"}, a=objects(*[*words, None, "NA"] * 3))
    np.testing.assert_array_equal(labels(dataset)[:4], [[1], [0], [NAN], [NAN]])


def test_one_of_two_other_words_is_named_for_yes() -> None:
    cells = objects(*["up", "down", "", "up"] * 3)
    dataset = load_target({"kind": "binary", "column": "s.a", "yes": "up"}, a=cells)
    np.testing.assert_array_equal(labels(dataset)[:4], [[1], [0], [NAN], [1]])
    restored = dataset.targets["y"]
    restored.restore("y", {"names": ["a"]})
    assert restored._truths(column_of(objects("down", "down"))).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("options", "cells", "problem", "found"),
    [
        ({}, ["up", "down"], "(?s)neither yes nor no.*row 0.*`yes: <word>`", "up"),
        ({"yes": "left"}, ["up", "down"], "y.yes: 'left' does not occur in column 's.a'", "down, up"),
        ({"yes": "up"}, ["up", "down", "left"], "'up' is not the only word besides 'down'", "down, left"),
    ],
)
def test_words_that_are_neither_yes_nor_no_are_refused(
    options: dict[str, str], cells: list[str], problem: str, found: str
) -> None:
    cells = [cells[row % len(cells)] for row in range(ROWS)]
    refuse_target({"kind": "binary"} | options, objects(*cells), problem, found)


def column_of(values: np.ndarray) -> Column:
    return Column("s.a", "data.targets.y.column", values, lambda row: f"row {row}")


@pytest.mark.parametrize(
    ("cells", "options", "said"),
    [
        (["sea|wood", "wood", None, ""], {}, "separated by '|'"),
        (["sea wood", "wood", None, ""], {}, "separated by ' '"),
        (["sea; wood", "wood", None, "NA"], {}, "separated by ';'"),
        (["sea, wood", "wood,", None, ""], {"separator": ","}, None),
        ([["sea", "wood"], ["wood"], None, None], {}, None),
        ([np.array(["wood", "sea"]), ["wood"], None, None], {}, None),
        (["['sea', 'wood']", "['wood']", None, ""], {}, None),
        (['["sea", "wood"]', '["wood"]', None, "NA"], {}, None),
    ],
)
def test_one_cell_may_hold_the_names_of_several_labels(
    cells: list[Any], options: dict[str, str], said: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    column = np.empty(ROWS, dtype=object)
    for row in range(ROWS):
        column[row] = cells[row % 4]
    dataset = load_target({"kind": "labels", "column": "s.a"} | options, a=column)
    assert dataset.targets["y"].names == ["sea", "wood"]
    np.testing.assert_array_equal(labels(dataset)[:4], [[1, 1], [0, 1], [NAN, NAN], [NAN, NAN]])
    messages = [message for message in caplog.messages if "separated by" in message]
    assert len(messages) == (said is not None)
    assert all(str(said) in message for message in messages)


def test_no_label_may_apply_and_labels_that_no_training_row_has_are_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells = np.empty(ROWS, dtype=object)
    cells[:] = [["sea"], []] * 3 + [["wood"], ["sea", "desert"]] * 3
    dataset = load_target({"kind": "labels", "column": "s.a"}, a=cells)
    np.testing.assert_array_equal(labels(dataset)[[0, 1, 6, 7]], [[1], [0], [0], [1]])
    assert caplog.messages == ["y: 2 labels that no training row has are left out: desert, wood"]


def test_a_binary_target_has_no_separator() -> None:
    with pytest.raises(ConfigError, match="binary has no such option"):
        load_target({"kind": "binary", "column": "s.a", "separator": ","}, a=np.arange(ROWS) % 2)


def test_lists_of_whole_numbers_may_name_the_labels() -> None:
    column = np.empty(ROWS, dtype=object)
    for row in range(ROWS):
        column[row] = ([3, 7], [], [7])[row % 3]
    dataset = load_target({"kind": "labels", "column": "s.a"}, a=column)
    assert dataset.targets["y"].names == ["3", "7"]
    np.testing.assert_array_equal(labels(dataset)[:3], [[1, 1], [0, 0], [0, 1]])


@pytest.mark.parametrize(("cells", "yes"), [([1, 2], 2), ([-1.0, 1.0], 1), (["low ", " high"], "high")])
def test_one_of_two_values_of_any_kind_means_yes(cells: list[Any], yes: Any) -> None:
    dataset = load_target({"kind": "binary", "column": "s.a", "yes": yes}, a=np.array(cells * (ROWS // 2)))
    np.testing.assert_array_equal(labels(dataset)[:2], [[0], [1]])


def test_columns_of_labels_may_have_words_beside_numbers() -> None:
    columns = {
        "a": objects(*["yes", "no", ""] * 4),
        "b": np.arange(12) % 2,
        "c": objects(*["True", "False"] * 6),
    }
    dataset = load_target({"kind": "labels", "column": ["s.a", "s.b", "s.c"]}, **columns)
    np.testing.assert_array_equal(
        dataset.splits["train"].labels["y"][:3], [[1, 0, 1], [0, 1, 0], [np.nan, 0, 1]]
    )
