"""Rows of one input are read when they are indexed."""

import numpy as np
import pytest

from pipeline.data.files import lazy
from pipeline.data.files.lazy import LazyRows

VALUES = np.arange(60, dtype="float32").reshape(20, 3)


def test_lazy_rows_are_indexed_like_an_array_and_read_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "READ_BYTES", 4 * VALUES[0].nbytes)
    numbers = np.arange(20)[::2]
    requests: list[list[int]] = []

    def read(rows: np.ndarray) -> np.ndarray:
        requests.append(rows.tolist())
        return VALUES[rows]

    rows = LazyRows(read, numbers)
    assert (len(rows), rows.shape, rows.ndim, rows.dtype) == (10, (10, 3), 2, np.float32)
    requests.clear()
    np.testing.assert_array_equal(rows[2:8], VALUES[4:16:2])
    assert requests == [[4, 6, 8, 10], [12, 14]]
    np.testing.assert_array_equal(rows[np.array([9, 0, 0])], VALUES[[18, 0, 0]])
    np.testing.assert_array_equal(rows[3], VALUES[6])
    assert rows[:0].shape == (0, 3)
