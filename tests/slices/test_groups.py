"""Rows divided into groups by a column."""

import numpy as np
import pytest

from pipeline.slices.groups import MISSING, MOST_GROUPS, by_number, by_value

NAN = float("nan")


def test_every_value_is_a_group_and_missing_cells_are_one_too():
    found = by_value("carrier", np.array(["UA", "", "AA", "UA"], object))
    assert found.names == ["AA", "UA", MISSING]
    assert found.codes.tolist() == [1, 2, 0, 1]
    assert found.rows_of(1).tolist() == [0, 3]


def test_the_rarest_of_many_values_share_a_group():
    words = [f"v{i}" for i in range(80) for _ in range(80 - i)]
    found = by_value("tail", np.array(words, object))
    assert len(found.names) == MOST_GROUPS
    assert found.names[-1] == "(31 rarer values)"
    assert set(np.array(words)[found.rows_of(MOST_GROUPS - 1)]) == {f"v{i}" for i in range(49, 80)}


def test_numbers_are_divided_into_bins_of_equally_many_rows():
    values = np.append(np.random.default_rng(0).permutation(100.0 + np.arange(100)), [NAN, NAN])
    found = by_number("distance", values, 4)
    assert found.names == ["100 … 124", "125 … 149", "150 … 174", "175 … 199", MISSING]
    assert np.bincount(found.codes).tolist() == [25, 25, 25, 25, 2]
    assert found.codes[values == 150.0] == [2]


def test_a_value_of_many_rows_is_in_one_bin():
    values = np.append(np.zeros(70), np.arange(1.0, 31))
    found = by_number("amount", values, 5)
    assert found.names[0] == "0"
    assert len(set(found.codes[:70])) == 1
    assert len(found.names) == len(set(found.codes)) == 3


@pytest.mark.parametrize("values", [[0.0, 1, 1, 0, NAN], [2.5, 1, 1, 3, 2.5]])
def test_few_distinct_numbers_are_groups_of_their_own(values):
    values = np.array(values)
    found = by_number("year", values, 2)
    for value in np.unique(values[~np.isnan(values)]):
        assert found.codes[values == value].tolist() == [found.names.index(f"{value:g}")] * sum(
            values == value
        )
    assert (MISSING in found.names) == np.isnan(values).any()
