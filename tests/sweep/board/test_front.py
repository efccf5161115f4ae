"""The Pareto front, and its knee."""

import numpy as np

from pipeline.sweep.board.front import front, knee


def test_no_point_beats_one_on_the_front():
    points = np.array([[1, 0], [0, 1], [0.5, 0.5], [0.4, 0.4], [0.9, np.nan], [1, 0]], float)
    kept = front(points)
    assert set(kept) == {0, 1, 2, 5}
    assert points[kept][:, 0].tolist() == sorted(points[kept][:, 0])


def test_the_knee_is_nearly_best_for_both_in_any_units():
    points = np.array([[0, 1], [0.9, 0.9], [1, 0]])
    assert knee(points, front(points)) == 1
    stretched = points * [1, 1000]
    assert knee(stretched, front(stretched)) == 1
    assert knee(points[:1], [0]) == 0
