"""Columns of .npz and .npy files, and of arrays and data frames in memory."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.errors import ConfigError
from tests.data.frames import FRAME
from tests.data.small_data import read_column


def test_npz_npy_arrays_and_frames_are_sources(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", a=np.arange(4))
    np.save(tmp_path / "s.npy", np.arange(4))
    assert read_column("s.npz", "s.a", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert read_column("s.npy", "s", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert read_column({"a": np.arange(4)}, "s.a", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert strings(read_column(FRAME, "s.word", tmp_path))[0] == "x"


def test_nullable_columns_of_a_frame_have_missing_cells(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False])})
    np.testing.assert_array_equal(numbers(read_column(frame, "s.a", tmp_path)), [1, np.nan, 3])
    np.testing.assert_array_equal(numbers(read_column(frame, "s.b", tmp_path)), [1, np.nan, 0])


def test_a_function_may_return_lists_of_different_lengths(tmp_path: Path) -> None:
    assert read_column({"a": [[1, 2], [3]]}, "s.a", tmp_path).values.tolist() == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("entry", "problem"), [({}, "has no columns"), ({"a": np.float64(1)}, "a single value, not a column")]
)
def test_arrays_that_are_no_columns_are_refused(entry: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_column(entry, "s.a", tmp_path)


def test_an_npy_file_is_memory_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.arange(4))
    assert isinstance(read_column("s.npy", "s", tmp_path).values, np.memmap)


def test_a_truncated_or_damaged_npz_file_is_named(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "s.npz", a=np.random.default_rng(0).random(1000))
    whole = (tmp_path / "s.npz").read_bytes()
    damaged = whole[:200] + bytes(50) + whole[250:]
    for content in (whole[: len(whole) // 2], damaged):
        (tmp_path / "s.npz").write_bytes(content)
        with pytest.raises(ConfigError, match=r"s\.npz cannot be read: it is truncated"):
            read_column("s.npz", "s.a", tmp_path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ConfigError, match="an array of Python objects"):
        read_column("s.npz", "s.a", tmp_path)
