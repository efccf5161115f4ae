"""Rising piecewise linear functions, one per column, as Keras operations."""

import keras
import numpy as np
from keras import KerasTensor


def knots_of(places: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The knots of a rising function through points, some of which are at the same place.

    Args:
        places: (points, columns), not falling.
        values: (points,), rising. Several points at one place become one with their mean value.

    Returns:
        Places and values, both (points, columns). A column with fewer places repeats its last one.
    """
    knots, heights = np.empty_like(places), np.empty_like(places)
    for column, points in enumerate(places.T):
        distinct, positions = np.unique(points, return_inverse=True)
        means = np.bincount(positions, values) / np.bincount(positions)
        missing = len(points) - len(distinct)
        knots[:, column] = np.pad(distinct, (0, missing), mode="edge")
        heights[:, column] = np.pad(means, (0, missing), mode="edge")
    return knots, heights


def piecewise_linear(tensor: KerasTensor, places: np.ndarray, values: np.ndarray) -> KerasTensor:
    """Interpolates between points, as `numpy.interp` does; constant before the first and after the last.

    Args:
        tensor: (..., columns) float64; NaN stays NaN.
        places, values: (points, columns) float64, not falling.
    """
    widths, rises = np.diff(places, axis=0), np.diff(values, axis=0)
    slopes = np.divide(1.0, widths, out=np.zeros_like(widths), where=widths > 0)
    result = tensor * 0.0 + values[0]
    # A loop, because an axis of points would take as many times the memory of a long series.
    for place, slope, rise in zip(places, slopes, rises, strict=False):
        result = result + keras.ops.clip((tensor - place) * slope, 0.0, 1.0) * rise
    return result
