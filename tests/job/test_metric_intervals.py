"""Intervals of the test metrics, as long as they are cheap."""

from types import SimpleNamespace

import numpy as np

from pipeline.job.metric_intervals import CELLS, FEWEST, MOST, intervals_of


def resamples(rows: int, width: int) -> int:
    """How many resamples are drawn for so many rows and outputs."""
    asked = []
    outputs = {"a": np.zeros((rows, width), np.int8)}
    measured = SimpleNamespace(
        epoch=SimpleNamespace(order=np.arange(rows), outputs=outputs),
        head_intervals=lambda number, positions: asked.append((number, len(positions))) or {},
    )
    intervals_of(measured)
    assert all(count == rows for _, count in asked)
    return asked[0][0] if asked else 0


def test_large_test_splits_get_fewer_resamples_and_very_large_ones_none():
    assert resamples(100, 3) == MOST
    assert resamples(CELLS // FEWEST // 2 - 10_000, 2) in range(FEWEST, MOST)
    assert resamples(CELLS // FEWEST, 2) == 0
