"""Files in chunks of rows."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.files.chunks import open_chunks
from pipeline.errors import ConfigError


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_is_never_in_memory_as_a_whole(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", x=np.arange(4_000_000, dtype=np.int64).reshape(-1, 8))
    tracemalloc.start()
    try:
        chunks = open_chunks(tmp_path / "a.npz", "input").read(["x"], 1000)
        total = sum(int(chunk.columns["x"].sum()) for chunk in chunks)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert total == 4_000_000 * 3_999_999 // 2


def test_arrays_in_fortran_order_are_read_too(tmp_path: Path) -> None:
    array = np.arange(60).reshape(20, 3)
    np.savez(tmp_path / "a.npz", x=np.asfortranarray(array))
    chunks = list(open_chunks(tmp_path / "a.npz", "input").read(["x"], 7))
    np.testing.assert_array_equal(np.concatenate([chunk.columns["x"] for chunk in chunks]), array)


def test_an_npy_file_is_read_in_chunks(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(20))
    chunks = list(open_chunks(tmp_path / "a.npy", "input").read([""], 8))
    assert [(len(chunk), chunk.share) for chunk in chunks] == [(8, 0.4), (8, 0.8), (4, 1.0)]
    np.testing.assert_array_equal(np.concatenate([chunk.columns[""] for chunk in chunks]), np.arange(20))


def test_arrays_of_one_file_must_have_the_same_length(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(4), y=np.arange(5))
    with pytest.raises(ConfigError, match="have different lengths"):
        list(open_chunks(tmp_path / "a.npz", "input").read(["x", "y"], 3))


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ConfigError, match="would run the file's code"):
        list(open_chunks(tmp_path / "a.npz", "input").read(["x"], 3))


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="contains no pictures"):
        open_chunks(tmp_path, "input")
