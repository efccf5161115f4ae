"""Series of any length: padding, scaling and missing steps."""

from typing import Any

import numpy as np
import pytest

from tests.data.small_data import (
    KINDS,
    NAN,
    NUMBERS,
    ROWS,
    SERIES,
    all_rows,
    load_input,
    missing_in_training,
    objects,
    prepare,
    read_new,
    refuse_input,
    restore,
)

ENTRY = {"kind": "series", "column": "s.a"}


def test_series_are_standardised_by_training_steps_and_missing_cells_become_the_mean() -> None:
    values = SERIES.copy()
    values[0, 1, 0] = NAN
    values[2] = NAN
    length = np.array([5, 3] * 6)
    prepared = all_rows(load_input(ENTRY | {"length": "s.n"}, a=values, n=length))
    real = np.arange(5)[None, :] < length[:, None]
    real[2] = False
    assert (np.isnan(prepared) == ~real[..., None]).all()
    assert prepared[0, 1, 0] == 0
    steps = np.where(real[:6, :, None], values[:6], NAN).reshape(-1, 2)
    expected = (values[7, :3] - np.nanmean(steps, axis=0)) / np.nanstd(steps, axis=0)
    np.testing.assert_allclose(prepared[7, :3], expected, rtol=1e-5)


def test_a_series_alone_is_prepared_as_in_a_batch_with_longer_ones() -> None:
    entry, columns = KINDS["series"]
    dataset = load_input(entry, **columns)
    raw = all_rows(dataset, "raw")
    alone, batch = prepare(dataset, {"x": raw[3:4, :3]}), prepare(dataset, {"x": raw})
    np.testing.assert_array_equal(alone, batch[3:4, :3])


def test_lists_of_different_lengths_are_padded_with_nan() -> None:
    lists = objects(*[list(np.arange(float(n))) for n in range(1, ROWS)], None)
    dataset = load_input(ENTRY, a=lists)
    assert dataset.inputs["x"].specs() == {"x": ((None, 1), "float32")}
    assert (~np.isnan(all_rows(dataset))).sum(axis=(1, 2)).tolist() == [*range(1, ROWS), 0]
    pairs = objects(*[SERIES[n, : n % 4 + 1] for n in range(ROWS)])
    assert all_rows(load_input(ENTRY, a=pairs)).shape == (ROWS, 4, 2)


@pytest.mark.parametrize(
    ("options", "cells", "option", "problem"),
    [
        ({}, missing_in_training(SERIES), "", "no training row has a value in this channel"),
        ({}, NUMBERS[:, 0], "column", "does not hold series"),
        ({}, objects(*SERIES[:-1], SERIES[0, :, :1]), "column", "number of channels differs"),
        ({}, objects(*SERIES[:-1], [["a", "b"]]), "column", "not a list of numbers"),
        ({}, objects(*SERIES[:-1], SERIES[0] * np.inf), "column", "infinite"),
        ({"length": "s.n"}, SERIES, "length", "not a length of this series"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, Any], cells: Any, option: str, problem: str) -> None:
    refuse_input({"kind": "series"} | options, cells, option, problem)


def test_restored_series_may_be_longer_or_shorter_than_those_in_training() -> None:
    series = restore(load_input(ENTRY, a=SERIES).inputs["x"], ENTRY)
    lists = objects(*[np.ones((steps, 2)).tolist() for steps in range(1, ROWS + 1)])
    assert read_new(series, [0, 11], a=lists)["x"].shape == (2, 12, 2)
    assert read_new(series, [0, 2], a=lists)["x"].shape == (2, 3, 2)
    assert np.isnan(read_new(series, [0], a=objects(None))["x"]).all()
