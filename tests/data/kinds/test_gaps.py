"""Gaps inside series are found, and filled by lines between the steps around them."""

import keras
import numpy as np
import pytest

from pipeline.data.kinds.gaps import flags, gaps, interpolate, real_steps

NAN = np.nan
# Two channels; the last two steps of the row are padding.
ROW = np.array([[NAN, 1], [2, NAN], [NAN, NAN], [8, NAN], [NAN, 3], [NAN, NAN], [NAN, NAN]], np.float32)


def test_a_gap_is_a_missing_cell_before_the_last_step_with_a_value() -> None:
    found = gaps(ROW[None])[0]
    assert found.sum(axis=0).tolist() == [3, 3]
    assert not found[5:].any()
    assert np.asarray(real_steps(ROW[None]))[0, :, 0].tolist() == [True] * 5 + [False] * 2
    assert not gaps(np.full((2, 3, 1), NAN)).any()


def test_missing_cells_become_a_line_between_the_steps_around_them() -> None:
    filled = np.asarray(interpolate(keras.ops.convert_to_tensor(ROW[None]), np.array([7.0, 7.0])))[0]
    np.testing.assert_allclose(filled[:5, 0], [2, 2, 5, 8, 8], rtol=1e-6)
    np.testing.assert_allclose(filled[:5, 1], [1, 1.5, 2, 2.5, 3], rtol=1e-6)


def test_it_is_what_numpy_interpolates_and_a_channel_without_values_is_filled() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(20, 30, 2)).astype(np.float32)
    values[random.random(values.shape) < 0.5] = NAN
    values[3, :, 1] = NAN
    filled = np.asarray(interpolate(keras.ops.convert_to_tensor(values), np.array([7.0, 9.0])))
    for row, channel in np.ndindex(20, 2):
        series = values[row, :, channel]
        known = np.flatnonzero(~np.isnan(series))
        expected = np.interp(np.arange(30), known, series[known]) if len(known) else 9.0
        np.testing.assert_allclose(filled[row, :, channel], expected, rtol=1e-4, atol=1e-5)


def test_flags_mark_the_missing_cells_of_the_given_channels() -> None:
    assert np.asarray(flags(ROW[None], [1]))[0, :5, 0].tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize("steps", [1, 4])
def test_the_graph_takes_any_number_of_steps(steps: int) -> None:
    x = keras.Input((None, 2))
    model = keras.Model(x, interpolate(x, np.zeros(2)))
    values = np.full((3, steps, 2), NAN, np.float32)
    values[0, 0] = 5
    np.testing.assert_array_equal(np.asarray(model(values))[0], np.full((steps, 2), 5))
