"""Vectors: scaling, gaps, lists and widths."""

from typing import Any

import numpy as np
import pytest

from pipeline.data.columns import RowError
from pipeline.errors import ConfigError
from tests.data.small_data import (
    NAN,
    NUMBERS,
    PIXELS,
    ROWS,
    all_rows,
    load_input,
    objects,
    read_new,
    refuse_input,
    restore,
)

ENTRY = {"kind": "vector", "column": "s.a"}


def test_gaps_become_the_training_median_and_columns_with_gaps_in_training_get_a_flag() -> None:
    values = NUMBERS.copy()
    values[1, 0] = values[7, 0] = values[8, 1] = NAN
    prepared = all_rows(load_input(ENTRY | {"scale": "standard"}, a=values))
    assert prepared.shape == (ROWS, 4)
    np.testing.assert_array_equal(prepared[:, 3], np.isnan(values[:, 0]))
    for row, column in ((1, 0), (7, 0), (8, 1)):
        train = values[:6, column]
        expected = (np.nanmedian(train) - np.nanmean(train)) / np.nanstd(train)
        np.testing.assert_allclose(prepared[row, column], expected, rtol=1e-4)


def test_unscaled_vectors_keep_their_numbers() -> None:
    prepared = all_rows(load_input(ENTRY | {"scale": "none"}, a=NUMBERS))
    np.testing.assert_allclose(prepared, NUMBERS, rtol=1e-6)


def test_lists_are_vectors_even_if_they_are_missing_in_a_whole_split() -> None:
    cells = objects(*NUMBERS.tolist())
    cells[6:9] = None
    dataset = load_input(ENTRY, a=cells)
    assert np.isnan(dataset.splits["val"].raw["x"]).all()
    assert dataset.splits["val"].raw["x"].shape == (3, 3)


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        (PIXELS, "too many dimensions for a vector"),
        (objects(*NUMBERS[:-1], NUMBERS[0, :2]), "the shape differs from that of other rows"),
        (np.where(np.arange(ROWS) < 6, NAN, 1.0), "no training row has a value"),
    ],
)
def test_wrong_values_are_refused(cells: Any, problem: str) -> None:
    refuse_input({"kind": "vector"}, cells, "column", problem)


def test_restored_vectors_have_the_width_of_training_and_may_be_missing() -> None:
    vector = restore(load_input(ENTRY, a=NUMBERS).inputs["x"], ENTRY)
    lists = objects([1.0, 2.0, 3.0], None, [1.0])
    assert read_new(vector, [0, 1], a=lists[:2])["x"].shape == (2, 3)
    with pytest.raises(RowError, match="shape differs"):
        read_new(vector, [2], a=lists)
    assert np.isnan(read_new(vector, a=objects(None, None))["x"]).all()
    with pytest.raises(ConfigError, match="number of columns differs from that in training"):
        read_new(vector, a=np.ones((ROWS, 2)))


def test_a_pattern_and_lists_written_as_text_are_vectors_too() -> None:
    columns = {f"x_{n}": NUMBERS[:, n].astype(str).astype(object) for n in (2, 0, 1)}
    columns["x_1"][7] = "NA"
    expected = np.where(np.isclose(NUMBERS, NUMBERS[7, 1]), NAN, NUMBERS)
    dataset = load_input({"kind": "vector", "column": "s.x_*", "scale": "none"}, **columns)
    np.testing.assert_allclose(all_rows(dataset, "raw"), expected, rtol=1e-6)
    written = objects(*[str(row.tolist()) for row in NUMBERS])
    dataset = load_input({"kind": "vector", "column": "s.a", "scale": "none"}, a=written)
    np.testing.assert_allclose(all_rows(dataset, "raw"), NUMBERS, rtol=1e-6)
