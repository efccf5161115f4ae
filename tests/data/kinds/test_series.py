"""Series of any length: the forms in which people keep them, padding, scaling and gaps."""

from typing import Any

import numpy as np
import pytest

from pipeline.errors import ConfigError
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


def test_series_are_standardised_by_training_steps() -> None:
    values = SERIES.copy()
    values[2] = NAN
    length = np.array([5, 3] * 6)
    prepared = all_rows(load_input(ENTRY | {"length": "s.n", "scale": "standard"}, a=values, n=length))
    real = np.arange(5)[None, :] < length[:, None]
    real[2] = False
    assert (np.isnan(prepared) == ~real[..., None]).all()
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
    assert dataset.inputs["x"].specs() == {"x": ((None, 1), "float64")}
    assert (~np.isnan(all_rows(dataset))).sum(axis=(1, 2)).tolist() == [*range(1, ROWS), 0]
    pairs = objects(*[SERIES[n, : n % 4 + 1] for n in range(ROWS)])
    assert all_rows(load_input(ENTRY, a=pairs)).shape == (ROWS, 4, 2)


def test_gaps_become_a_line_with_a_flag_for_each_channel_that_has_some_in_training(
    caplog: pytest.LogCaptureFixture,
) -> None:
    values = SERIES.copy()
    values[0, 1, 0] = values[1, 4:] = values[8, 2] = NAN  # the second is padding
    dataset = load_input(ENTRY | {"scale": "none"}, a=values)
    prepared = all_rows(dataset)
    assert prepared.shape == (ROWS, 5, 3)
    np.testing.assert_allclose(prepared[0, 1, 0], (SERIES[0, 0, 0] + SERIES[0, 2, 0]) / 2, rtol=1e-5)
    np.testing.assert_allclose(prepared[8, 2, :2], SERIES[8, [1, 3]].mean(axis=0), rtol=1e-5)
    assert np.argwhere(prepared[..., 2] == 1).tolist() == [[0, 1], [8, 2]]
    assert np.isnan(prepared[1, 4]).all()
    assert "1 of 58 cells inside the series of training rows are missing" in caplog.text


def test_without_gaps_in_training_rows_missing_cells_become_the_mean(
    caplog: pytest.LogCaptureFixture,
) -> None:
    values = SERIES.copy()
    values[9, 1, 0] = NAN
    prepared = all_rows(load_input(ENTRY, a=values))
    assert prepared.shape == (ROWS, 5, 2)
    assert prepared[9, 1, 0] == 0
    assert not caplog.text


def test_gaps_may_be_left_as_in_version_0_1(caplog: pytest.LogCaptureFixture) -> None:
    values = SERIES.copy()
    values[0, 1], values[1, 2, 0] = NAN, NAN
    prepared = all_rows(load_input(ENTRY | {"gaps": "none"}, a=values))
    assert prepared.shape == (ROWS, 5, 2)
    assert np.argwhere(np.isnan(prepared).all(axis=-1)).tolist() == [[0, 1]]
    assert prepared[1, 2, 0] == 0
    assert not caplog.text


LISTS = [SERIES[n, : n % 4 + 1].tolist() for n in range(ROWS)]


def written(sign: str, inner: str = "{}") -> np.ndarray:
    return objects(*[sign.join(inner.format(step[0]) for step in steps) for steps in LISTS])


@pytest.mark.parametrize(
    "cells",
    [
        objects(*[str([step[0] for step in steps]) for steps in LISTS]),
        objects(*[str(np.array([step[0] for step in steps])) for steps in LISTS]),
        written(" "),
        written(", "),
        written(";"),
        np.array(written(",").tolist()),
        objects(*[np.array(steps)[:, 0] for steps in LISTS]),
    ],
)
def test_a_cell_may_hold_the_numbers_of_a_series_as_text(cells: np.ndarray) -> None:
    prepared = all_rows(load_input(ENTRY | {"scale": "none"}, a=cells))
    expected = all_rows(load_input(ENTRY | {"scale": "none"}, a=objects(*LISTS)))[..., :1]
    np.testing.assert_allclose(prepared, expected, rtol=1e-6)
    assert np.isnan(all_rows(load_input(ENTRY, a=objects(*cells[:-1], "NA")))[-1]).all()


def test_nested_lists_in_text_are_steps_with_channels() -> None:
    prepared = all_rows(load_input(ENTRY | {"scale": "none"}, a=objects(*map(str, LISTS))))
    expected = all_rows(load_input(ENTRY | {"scale": "none"}, a=objects(*LISTS)))
    np.testing.assert_allclose(prepared, expected, rtol=1e-6)


def test_several_columns_of_series_are_its_channels(caplog: pytest.LogCaptureFixture) -> None:
    entry = {"kind": "series", "columns": ["s.a", "s.b"], "scale": "none"}
    expected = all_rows(load_input(ENTRY | {"scale": "none"}, a=objects(*LISTS)))
    first, second = (objects(*[[step[n] for step in steps] for steps in LISTS]) for n in (0, 1))
    dataset = load_input(entry, a=first, b=objects(*map(str, second)))
    np.testing.assert_allclose(all_rows(dataset), expected, rtol=1e-6)
    again = restore(dataset.inputs["x"], entry)
    np.testing.assert_allclose(read_new(again, [2], a=first, b=second)["x"], expected[2:3, :3], rtol=1e-6)
    arrays = all_rows(load_input(entry, a=SERIES[..., 0], b=SERIES[..., 1]))
    np.testing.assert_array_equal(arrays, all_rows(load_input(ENTRY | {"scale": "none"}, a=SERIES)))
    assert not caplog.text


def test_several_columns_of_one_number_are_its_steps(caplog: pytest.LogCaptureFixture) -> None:
    entry = {"kind": "series", "columns": ["s.x_2", "s.x_10", "s.x_1"], "scale": "none"}
    columns = {name: SERIES[:, step, 0] for step, name in enumerate(("x_2", "x_10", "x_1"))}
    dataset = load_input(entry, **columns)
    np.testing.assert_array_equal(all_rows(dataset), SERIES[:, :3, :1])
    assert "3 columns of one number are its steps, from x_2 to x_1" in caplog.text
    assert "not the order of their names" in caplog.text
    again = restore(dataset.inputs["x"], entry)
    np.testing.assert_array_equal(read_new(again, [1], **columns)["x"], SERIES[1:2, :3, :1])


def test_a_pattern_is_a_channel_of_all_columns_that_match(caplog: pytest.LogCaptureFixture) -> None:
    columns = {
        f"{name}_{step}": SERIES[:, step - 1, n] for n, name in enumerate("ab") for step in (4, 3, 2, 1)
    }
    unscaled = {"kind": "series", "scale": "none"}
    both = all_rows(load_input(unscaled | {"columns": ["s.a_*", "s.b_*"]}, **columns))
    np.testing.assert_array_equal(both, SERIES[:, :4])
    assert "s.a_*: 4 columns, in this order: a_1, a_2, a_3, a_4" in caplog.text
    for option in ({"column": "s.a_*"}, {"columns": "s.a_*"}):
        np.testing.assert_array_equal(all_rows(load_input(unscaled | option, **columns)), SERIES[:, :4, :1])


def test_series_of_one_row_that_differ_in_length_are_shown() -> None:
    lists = [objects(*[[1.0] * 3] * ROWS), objects(*[[1.0] * 3] * (ROWS - 1), [1.0, 2.0])]
    with pytest.raises(
        ConfigError, match=r"different numbers of steps(.|\n)*row 11(.|\n)*2 steps(.|\n)*3 steps"
    ):
        load_input({"kind": "series", "columns": ["s.a", "s.b"]}, a=lists[0], b=lists[1])


@pytest.mark.parametrize(
    ("options", "cells", "option", "problem"),
    [
        ({}, missing_in_training(SERIES), "", "no training row has a value in this channel"),
        ({}, NUMBERS[:, 0], "column", "does not hold series"),
        ({}, objects(*SERIES[:-1], SERIES[0, :, :1]), "column", "number of channels differs"),
        ({}, objects(*SERIES[:-1], [["a", "b"]]), "column", "not a list of numbers"),
        ({}, objects(*["1 2"] * 11, "1 x"), "column", "not a list of numbers"),
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
