"""The front between heads: what cannot be better for one head without being worse for another."""

import numpy as np
from numpy.typing import NDArray


def front(values: NDArray) -> list[int]:
    """The rows that no other row beats, sorted by the first column.

    Args:
        values: (points, heads), more is better; a point with a NaN is on no front.
    """
    kept = []
    for i, point in enumerate(values):
        if np.isnan(point).any():
            continue
        others = np.delete(values, i, axis=0)
        beaten = (others >= point).all(axis=1) & (others > point).any(axis=1)
        if not beaten.any():
            kept.append(i)
    return sorted(kept, key=lambda i: tuple(values[i]))


def knee(values: NDArray, on_front: list[int]) -> int:
    """The point of the front that gives up least: nearest to the best value of every head at once.

    Each head is measured in the front's own range, so that its unit does not count. Of equally near points
    the one with the larger sum is taken.
    """
    points = values[on_front]
    low, high = points.min(axis=0), points.max(axis=0)
    lost = (high - points) / np.where(high > low, high - low, 1)
    order = np.lexsort((-points.sum(axis=1), np.linalg.norm(lost, axis=1).round(12)))
    return on_front[int(order[0])]
