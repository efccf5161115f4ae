"""Intervals of the test metrics: their cost stays the same for any number of rows."""

from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.job.metric_intervals import CELLS, FEWEST, MOST, SMALLEST, intervals_of


def asked(rows: int, width: int) -> tuple[int, int]:
    """How many resamples are drawn for so many rows and outputs, and of how many rows; (0, 0) if none."""
    found = []
    outputs = {"a": np.broadcast_to(np.int8(0), (rows, width))}

    def head_intervals(resamples: int, positions: np.ndarray, size: int | None = None) -> dict[str, object]:
        assert len(positions) == rows
        found.append((resamples, rows if size is None else size))
        return {}

    intervals_of(
        SimpleNamespace(
            epoch=SimpleNamespace(order=np.arange(rows), outputs=outputs), head_intervals=head_intervals
        )
    )
    return found[0] if found else (0, 0)


def test_large_test_splits_get_fewer_resamples():
    assert asked(100, 3) == (MOST, 100)
    rows = CELLS // FEWEST // 2 - 10_000
    resamples, size = asked(rows, 2)
    assert FEWEST <= resamples < MOST
    assert size == rows


@pytest.mark.parametrize("rows", [500_000, 5_000_000])
def test_resamples_of_very_large_ones_have_fewer_rows(rows):
    assert asked(rows, 2) == (FEWEST, CELLS // FEWEST // 2)


def test_very_many_outputs_of_a_row_leave_too_few_rows_for_a_resample():
    width = CELLS // FEWEST // SMALLEST
    assert asked(3 * SMALLEST, width) == (FEWEST, SMALLEST)
    assert asked(3 * SMALLEST, width + 1) == (0, 0)
