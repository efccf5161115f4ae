"""The Pareto front: points where no head can improve without another one getting worse."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def front(values: Array) -> list[int]:
    """The indices of the points that no other point beats, sorted by the first column.

    Args:
        values: (points, heads), larger is better; a point with a NaN is never on the front.
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


def knee(values: Array, on_front: list[int]) -> int:
    """The index of the front's point that is nearest to the best value of every head at once.

    Each head is scaled to the front's range, so that units do not matter. Of equally near points, the one
    with the larger sum is chosen.
    """
    points = values[on_front]
    low, high = points.min(axis=0), points.max(axis=0)
    lost = (high - points) / np.where(high > low, high - low, 1)
    order = np.lexsort((-points.sum(axis=1), np.linalg.norm(lost, axis=1).round(12)))
    return on_front[int(order[0])]
