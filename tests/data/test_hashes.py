"""Hashes of rows and fingerprints of splits never change."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.data.files.stored import StoredNpy
from pipeline.data.hashes import fingerprint, row_hashes

KNOWN = 14797127662502078579


def test_the_fingerprint_depends_on_the_rows_and_their_split_but_not_on_their_order() -> None:
    contents, codes = row_hashes([np.arange(9)]), np.arange(9, dtype=np.int8) % 3
    order = np.array([4, 2, 0, 8, 6, 7, 5, 3, 1])
    assert fingerprint(contents, codes) == fingerprint(contents[order], codes[order])
    assert fingerprint(contents, codes) != fingerprint(contents, codes[::-1].copy())
    assert fingerprint(contents, codes) != fingerprint(contents + np.uint64(1), codes)


def test_row_hashes_distinguish_columns_and_cells() -> None:
    first, second = np.array(["ab", "a", "ab"], dtype=object), np.array(["c", "bc", "c"], dtype=object)
    hashes = row_hashes([first, second])
    assert hashes[0] == hashes[2] != hashes[1]
    # It is part of every recorded fingerprint.
    assert int(row_hashes([np.arange(2.0)])[1]) == KNOWN


def test_row_hashes_do_not_depend_on_the_size_of_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = np.random.default_rng(0).normal(size=(60, 3, 2)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    texts = np.array(["same", "x" * 200, "y" * 200] * 20, dtype=object)
    expected = row_hashes([array, texts])
    monkeypatch.setattr("pipeline.data.files.stored.BLOCK_BYTES", 300)
    monkeypatch.setattr("pipeline.data.hashes.BLOCK_BYTES", 300)
    np.testing.assert_array_equal(row_hashes([StoredNpy(tmp_path / "a.npy", "k"), texts]), expected)
