"""What arrays and lists mean, by their shape."""

import numpy as np
import pytest

from tests.data.guess.guesses import RANDOM, ROWS, meaning, meanings, write

BYTES = RANDOM.integers(0, 256, (ROWS, 8, 8, 3), dtype=np.uint8)
FLOATS = RANDOM.normal(size=(ROWS, 30)).astype("float32")
STEPS = np.cumsum(FLOATS, axis=1) / 3
SHARES = RANDOM.dirichlet(np.ones(4), ROWS)

ARRAYS = {
    "colour images": (BYTES, "image"),
    "grey images": (BYTES[..., :1], "image"),
    "images without channels": (BYTES[..., 0], "image"),
    "wide images": (RANDOM.integers(0, 256, (ROWS, 8, 20), dtype=np.uint8), "image"),
    "images of floats": (BYTES / 255, "image"),
    "whole numbers as images": (BYTES.astype("int64"), "image"),
    "channels first": (BYTES.transpose(0, 3, 1, 2), "other"),
    "16 bits": (BYTES.astype("int32") * 256, "other"),
    "series of several channels": (RANDOM.normal(size=(ROWS, 20, 3)), "series"),
    "series of one channel": (STEPS, "series"),
    "vectors": (FLOATS, "vector"),
    "one column": (FLOATS[:, :1], "number"),
    "shares": (SHARES, "parts"),
    "flags": (RANDOM.integers(0, 2, (ROWS, 5)), "flags"),
    "films": (RANDOM.integers(0, 256, (ROWS, 3, 8, 8, 3), dtype=np.uint8), "other"),
    "a column without values": (np.where(np.arange(30) == 4, np.nan, FLOATS), "other"),
    "complex": (FLOATS[:, 0] * 1j, "other"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_an_array_is_taken_for_what_its_shape_says(case, tmp_path):
    cells, kind = ARRAYS[case]
    assert meaning(tmp_path, cells, suffix=".npz").kind == kind


LISTS = {
    "of equal length": ([list(row) for row in FLOATS], "vector"),
    "of equal length, neighbours alike": ([list(row) for row in STEPS], "series"),
    "of different lengths": ([list(row[: 5 + place % 9]) for place, row in enumerate(FLOATS)], "series"),
    "of lists": ([[[1.0, 2.0]] * (3 + place % 4) for place in range(ROWS)], "series"),
    "of words": ([["sea", "wood"][: place % 3] for place in range(ROWS)], "labels"),
}


@pytest.mark.parametrize("case", LISTS)
def test_lists_in_cells_are_series_vectors_or_labels(case, tmp_path):
    cells, kind = LISTS[case]
    assert meaning(tmp_path, cells, suffix=".parquet").kind == kind


def test_an_npy_file_has_one_column_without_a_name(tmp_path):
    np.save(tmp_path / "s.npy", BYTES)
    assert meanings(tmp_path / "s.npy")[""].kind == "image"


def test_a_single_value_is_no_column(tmp_path):
    assert [*meanings(write(tmp_path, "s.npz", x=FLOATS, version=np.array(3)))] == ["x"]
