"""Hashes of rows and fingerprints of splits never change."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.files.stored import StoredNpy
from pipeline.data.hashes import cell_hashes, fingerprint, mixed, row_hashes

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


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([1, 2, -3], [1.0, 2.0, -3.0]),
        ([0.0, 1.0], [-0.0, True]),
        ([1.5, np.nan], np.array([1.5, np.nan], np.float32)),
        (["a", ""], np.array(["a", None], dtype=object)),
        (["a", " "], np.array(["a", np.nan], dtype=object)),
        (np.array(["2024-05-01", "NaT"], "M8[ns]"), np.array(["2024-05-01", "NaT"], "M8[D]")),
        (np.array([2**60 + 1], np.int64), np.array([2**60 + 1], np.uint64)),
    ],
)
def test_cells_are_hashed_by_their_value_whatever_their_type(first: Any, second: Any) -> None:
    assert cell_hashes(np.asarray(first)).tolist() == cell_hashes(np.asarray(second)).tolist()


@pytest.mark.parametrize(
    "values",
    [
        [0, 1, 2**53, 2**53 + 1, 2**60, 2**60 + 1],
        [0.0, np.nan, 0.5, -0.5],
        np.array(["", "0", "a", "A", "é", b"a", b"\x89", 7, [1], [1, 2]], dtype=object),
        np.array(["2024-05-01", "2024-05-02", "NaT"], "M8[D]"),
        np.arange(12).reshape(4, 3),
    ],
    ids=["whole", "fractions", "objects", "dates", "arrays"],
)
def test_other_values_have_other_hashes(values: Any) -> None:
    hashes = cell_hashes(np.asarray(values))
    assert len(set(hashes.tolist())) == len(hashes)


def test_hashes_of_cells_stay_what_they_are() -> None:
    # Stored runs are evaluated on the split that these numbers give.
    assert cell_hashes(np.array([0, 1, 2.5])).tolist() == [0, 3035652100526550566, 17671430070892880561]
    assert cell_hashes(np.array(["a", "b", ""])).tolist() == [
        13950350942979735504,
        12688059582079114975,
        5087927234000983963,
    ]
    assert mixed(cell_hashes(np.array([1])), 7).tolist() == [12950224562387185128]
