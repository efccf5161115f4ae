"""The forms of series become one array, and a cell that is no series is named."""

from typing import Any

import numpy as np
import pytest

from pipeline.data.columns import Column
from pipeline.data.kinds.series_cells import are_steps, extent, read_channels, read_steps
from pipeline.errors import ConfigError
from tests.data.small_data import objects

NAN = float("nan")


def column(values: Any, name: str = "s.a") -> Column:
    return Column(name, "data.inputs.x.column", values, lambda row: f"a.csv, row {row}")


LISTS = objects([1.0, 2.0], [3.0], None)


@pytest.mark.parametrize(
    "values",
    [
        LISTS,
        objects("[1.0, 2.0]", "[3]", ""),
        objects("1.0 2.0", "3", "NA"),
        objects([[1.0], [2.0]], [[3.0]], None),
        np.array([[1, 2], [3, NAN], [NAN, NAN]]),
        np.array([[1, 2], [3, NAN], [NAN, NAN]])[..., None],
    ],
)
def test_every_form_gives_the_same_array(values: np.ndarray) -> None:
    np.testing.assert_array_equal(read_channels([column(values)])[..., 0], [[1, 2], [3, NAN], [NAN, NAN]])


def test_columns_of_lists_are_channels_and_columns_of_numbers_are_steps() -> None:
    channels = [column(LISTS), column(objects([5.0, 6.0], [7.0], None), "s.b")]
    assert not are_steps(channels)
    np.testing.assert_array_equal(read_channels(channels)[0], [[1, 5], [2, 6]])
    steps = [column(np.array([1.0, 2.0])), column(np.array([3.0, NAN]), "s.b")]
    assert are_steps(steps)
    assert not are_steps(steps[:1])
    np.testing.assert_array_equal(read_steps(steps)[..., 0], [[1, 3], [2, NAN]])


def test_columns_of_one_row_have_the_same_number_of_steps_or_none() -> None:
    read_channels([column(LISTS), column(objects([5.0, 6.0], None, [1.0]), "s.b")])
    with pytest.raises(
        ConfigError, match=r"different numbers of steps(.|\n)*row 1(.|\n)*2 steps(.|\n)*as in s\.a"
    ):
        read_channels([column(LISTS), column(objects([5.0, 6.0], [7.0, 8.0], None), "s.b")])


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (objects([[1.0, 2.0]], [[1.0]]), "number of channels differs"),
        (objects([1.0], [np.inf]), "infinite"),
        (objects([1.0], [[[1.0]]]), "list of lists of lists"),
        (objects([1.0], "one two"), "not a list of numbers"),
    ],
)
def test_a_cell_that_is_no_series_is_named_with_its_row(cells: np.ndarray, problem: str) -> None:
    with pytest.raises(ConfigError, match=rf"{problem}(.|\n)*row 1"):
        read_channels([column(cells)])


def test_new_rows_are_cut_and_padded_to_the_steps_of_training() -> None:
    assert read_channels([column(LISTS)], steps=1).shape == (3, 1, 1)
    assert read_channels([column(LISTS)], steps=5).shape == (3, 5, 1)


def test_the_extent_is_that_of_the_longest_row() -> None:
    assert extent((3,), [column(LISTS), column(objects([[1.0, 2.0]] * 4))], "k") == (4, 2)
    assert extent((3, 7), [], "k") == (7, 1)
    assert extent((3, 7, 2), [], "k") == (7, 2)
    with pytest.raises(ConfigError, match="does not hold series"):
        extent((3,), [column(np.array([1.0, 2.0, 3.0]))], "k")
