"""Rising piecewise linear functions agree with NumPy's interpolation."""

import numpy as np

from pipeline.data.kinds.piecewise import knots_of, piecewise_linear

PLACES = np.array([[0.0, -1.0], [1.0, 0.0], [4.0, 0.5]])
VALUES = np.array([[0.0, 2.0], [10.0, 3.0], [11.0, 9.0]])


def test_it_interpolates_each_column_and_is_constant_outside() -> None:
    x = np.linspace(-3, 6, 50)[:, None].repeat(2, axis=1)
    found = np.asarray(piecewise_linear(x, PLACES, VALUES))
    for column in (0, 1):
        expected = np.interp(x[:, column], PLACES[:, column], VALUES[:, column])
        np.testing.assert_allclose(found[:, column], expected)


def test_a_missing_number_stays_missing() -> None:
    found = np.asarray(piecewise_linear(np.array([[np.nan, 0.0]]), PLACES, VALUES))
    np.testing.assert_array_equal(np.isnan(found), [[True, False]])


def test_points_at_one_place_become_one_with_their_mean() -> None:
    places, values = knots_of(np.array([[0.0], [0.0], [2.0]]), np.array([1.0, 3.0, 5.0]))
    np.testing.assert_array_equal(places[:, 0], [0.0, 2.0, 2.0])
    np.testing.assert_array_equal(values[:, 0], [2.0, 5.0, 5.0])
    assert float(np.asarray(piecewise_linear(np.array([[1.0]]), places, values))[0, 0]) == 3.5
