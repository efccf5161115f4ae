"""Columns of the sources that a data set does not use otherwise."""

import numpy as np
import pytest

from pipeline.data.further_columns import further_columns
from pipeline.errors import ConfigError

SOURCES = {
    "flights": {"id": np.array([3, 1, 2]), "carrier": np.array(["UA", "AA", "DL"]), "hour": np.arange(3)},
    "weather": {"id": np.array([1, 2, 3]), "wind": np.array([10.0, 20, 30]), "hour": np.arange(3)},
}


def read(*names, join=None, rows=3, sources=SOURCES):
    options = {"folders": ["."], "join": join, "brief": True}
    found = further_columns(names, sources, rows, key="by", known=["late"], **options)
    return {name: column.values.tolist() for name, column in found.items()}


def test_a_column_is_found_by_its_whole_name_or_by_that_in_the_only_source_that_has_it():
    expected = {"flights.carrier": ["UA", "AA", "DL"], "wind": [10, 20, 30]}
    assert read("flights.carrier", "wind") == expected
    assert read() == {}


def test_optional_columns_are_left_out_where_no_source_has_them():
    options = {"folders": ["."], "join": None, "brief": True}
    names = ["flights.carrier", "flights.pilot", "rain.hour"]
    found = further_columns([], SOURCES, 3, key="by", optional=names, **options)
    assert list(found) == ["flights.carrier"]
    assert further_columns([], SOURCES, 3, key="by", optional=names[1:], **options) == {}


def test_the_rows_are_those_of_the_join():
    assert read("wind", "carrier", join="id") == {"wind": [30, 10, 20], "carrier": ["UA", "AA", "DL"]}


def test_columns_that_are_unknown_ambiguous_or_no_column_of_rows_are_refused():
    with pytest.raises(
        ConfigError, match=r"by: there is no such column(.|\n)*allowed: late, id, carrier, hour"
    ):
        read("carier")
    with pytest.raises(
        ConfigError, match=r"several sources have this column(.|\n)*flights.hour, weather.hour"
    ):
        read("hour")
    with pytest.raises(ConfigError, match=r"one value per row(.|\n)*image: shape \(2, 4\)"):
        read("image", sources={"s": {"image": np.zeros((2, 4)), "x": np.zeros(2)}}, rows=2)
    with pytest.raises(ConfigError, match=r"one value per row(.|\n)*names: shape \(3,\)"):
        read("names", sources={"s": {"names": np.array(["a", "b", "c"])}}, rows=2)
