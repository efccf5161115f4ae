"""Validation rows that are set aside for calibration."""

from dataclasses import replace

import numpy as np
import pytest

from pipeline.data import CALIBRATION, Dataset, set_aside
from pipeline.data.dataset import Split
from pipeline.data.files.lazy import LazyRows
from pipeline.errors import ConfigError


def dataset(rows=40, groups=None):
    def split(numbers):
        values = numbers * 1.0
        lazy = LazyRows(lambda chosen: chosen * 2.0, numbers)
        return Split(numbers, {"x": values}, {"x": lazy}, {"y": values[:, None]}, {"y": values[:, None]})

    numbers = np.arange(100)
    parts = {"train": split(numbers[rows:]), "val": split(numbers[:rows]), "test": split(numbers[: 0 + 1])}
    return Dataset({}, {}, parts, "f", groups)


def test_every_validation_row_is_in_one_of_the_two_parts_with_its_values():
    whole = dataset()
    parts = set_aside(whole, 0.25).splits
    assert [len(parts[name].rows) for name in ("val", CALIBRATION)] == [30, 10]
    assert sorted([*parts["val"].rows, *parts[CALIBRATION].rows]) == list(range(40))
    assert parts["train"] is whole.splits["train"]
    for name in ("val", CALIBRATION):
        one = parts[name]
        assert list(one.rows) == sorted(one.rows)
        assert one.raw["x"].tolist() == one.rows.tolist() == one.labels["y"][:, 0].tolist()
        assert one.numbers["y"][:, 0].tolist() == one.rows.tolist()
        assert one.prepared["x"][:].tolist() == (one.rows * 2).tolist()


def test_the_choice_is_random_and_always_the_same():
    first, again = set_aside(dataset(), 0.5), set_aside(dataset(), 0.5)
    rows = first.splits[CALIBRATION].rows
    assert rows.tolist() == again.splits[CALIBRATION].rows.tolist()
    assert 0 < (rows < 20).sum() < 20


def test_the_rows_of_a_group_stay_together():
    groups = np.array([f"g{row // 5}" for row in range(100)], object)
    parts = set_aside(dataset(groups=groups), 0.5).splits
    of_val, of_calibration = ({*groups[parts[name].rows]} for name in ("val", CALIBRATION))
    assert not of_val & of_calibration
    assert len(parts[CALIBRATION].rows) == 20


def test_rows_that_cannot_be_divided_are_refused():
    one_group = replace(dataset(), groups=np.full(100, "g", object))
    for data in (dataset(rows=1), one_group):
        with pytest.raises(ConfigError, match=r"conformal\.calibration: (.*)cannot be divided"):
            set_aside(data, 0.5)
