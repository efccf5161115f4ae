"""Columns on disk are indexed like arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.files import stored
from pipeline.data.files.stored import (
    ChainedColumn,
    ReorderedColumn,
    StoredNpy,
    StoredParquet,
    blocks,
    group_starts,
)
from pipeline.errors import ConfigError

ROWS = 60
RANDOM = np.random.default_rng(0)
ARRAY = RANDOM.normal(size=(ROWS, 3, 2)).astype(np.float32)
INDICES: list[Any] = [slice(5, 40), np.array([59, 0, 17, 17]), 23, slice(None), np.zeros(0, int)]


@pytest.mark.parametrize("index", INDICES)
def test_stored_columns_are_indexed_like_arrays(tmp_path: Path, index: Any) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    pq.write_table(
        pa.table({"n": ARRAY[:, 0, 0], "m": np.arange(ROWS)}), tmp_path / "a.parquet", row_group_size=7
    )
    order = RANDOM.permutation(ROWS)
    npy, parquet = StoredNpy(tmp_path / "a.npy", "k"), StoredParquet(tmp_path / "a.parquet", "n", "k")
    for column, values in (
        (npy, ARRAY),
        (parquet, ARRAY[:, 0, 0]),
        (ReorderedColumn(npy, order), ARRAY[order]),
        (ChainedColumn([ARRAY[:10], npy])[10:], ARRAY),
        (ChainedColumn([parquet, parquet]), np.tile(ARRAY[:, 0, 0], 2)),
    ):
        np.testing.assert_array_equal(column[index], values[index])
        assert column.shape == values.shape
    assert not isinstance(npy[index], np.memmap)


def test_row_groups_with_and_without_gaps_have_the_same_dtype(tmp_path: Path) -> None:
    whole = pd.array([1, 2, 3, None], dtype="Int64")
    flags = pd.array([True, False, True, None], dtype="boolean")
    days = pd.to_datetime(["2024-01-01"] * 4)
    frame = pa.table({"whole": whole, "flags": flags, "days": days, "full": [1, 2, 3, 4]})
    pq.write_table(frame, tmp_path / "a.parquet", row_group_size=2)
    table = pq.read_table(tmp_path / "a.parquet")
    for name in frame.column_names:
        column = StoredParquet(tmp_path / "a.parquet", name, "k")
        assert column.dtype == table.column(name).to_numpy().dtype, name
        assert column[:2].dtype == column.dtype
        assert column.group_starts.tolist() == [0, 2]


def test_chained_columns_keep_their_row_groups_and_reordered_ones_do_not(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(10)}), tmp_path / "a.parquet", row_group_size=4)
    column = StoredParquet(tmp_path / "a.parquet", "n", "k")
    assert ChainedColumn([column, column]).group_starts.tolist() == [0, 4, 8, 10, 14, 18]
    assert ReorderedColumn(column, np.arange(10)).group_starts.tolist() == [0, 4, 8]
    assert ReorderedColumn(column, np.arange(10)[::-1]).group_starts.tolist() == [0]
    assert group_starts(np.arange(10)).tolist() == [0]


def test_blocks_together_are_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "BLOCK_BYTES", 300)
    np.save(tmp_path / "a.npy", ARRAY)
    parts = list(blocks(StoredNpy(tmp_path / "a.npy", "k")))
    assert len(parts) > 3
    np.testing.assert_array_equal(np.concatenate(parts), ARRAY)
    assert len(list(blocks(ARRAY))) == 1


def test_a_file_that_is_damaged_after_it_was_opened_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    column = StoredNpy(tmp_path / "a.npy", "data.sources.s")
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:200])
    with pytest.raises(ConfigError, match=r"a\.npy cannot be read"):
        column[:3]
