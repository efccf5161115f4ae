"""Data that stays on the disk is the same data: the same split, statistics and rows."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from pipeline import data
from pipeline.data.files import memory, stored
from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.stored import Chained, Ordered, StoredNpy, StoredParquet, blocks
from pipeline.data.sources import Sources
from pipeline.data.splits import row_hashes
from pipeline.errors import ConfigError

ROWS = 60
RANDOM = np.random.default_rng(0)
ARRAY = RANDOM.normal(size=(ROWS, 3, 2)).astype(np.float32)
INDICES: list[Any] = [slice(5, 40), np.array([59, 0, 17, 17]), 23, slice(None), np.zeros(0, int)]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, so that there are several."""
    monkeypatch.setattr(stored, "BLOCK_BYTES", 300)
    monkeypatch.setattr("pipeline.data.splits.BLOCK_BYTES", 300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One data set in .npy, .parquet, .csv and picture files."""
    folder = tmp_path_factory.mktemp("streaming")
    signal = RANDOM.normal(size=ROWS)
    pixels = RANDOM.integers(0, 255, (ROWS, 6, 5, 3)).astype("uint8")
    np.save(folder / "bytes.npy", pixels)
    floats = pixels.astype("float32")
    floats[7] = np.nan
    floats[9, 2, 2] = np.nan
    np.save(folder / "floats.npy", floats)
    np.save(folder / "steps.npy", RANDOM.normal(size=(ROWS, 7, 2)).astype("float32"))
    for row, one in enumerate(pixels):
        Image.fromarray(one).save(folder / f"{row}.png")
    frame = {
        "key": [f"k{row}" for row in range(ROWS)],
        "size": pd.Series(np.where(np.arange(ROWS) % 7, signal * 3 + 5, np.nan)),
        "whole": pd.array([row if row % 11 else None for row in range(ROWS)], dtype="Int64"),
        "kind": [("a", "b", "c", None)[row % 4] for row in range(ROWS)],
        "flag": pd.array([row % 3 == 0 if row % 13 else None for row in range(ROWS)], dtype="boolean"),
        "words": [" ".join(RANDOM.choice(["red", "blue", "green"], row % 5)) for row in range(ROWS)],
        "lists": [list(RANDOM.normal(size=4)) for _ in range(ROWS)],
        "ragged": [list(RANDOM.normal(size=1 + row % 6)) for row in range(ROWS)],
        "photo": [f"{row}.png" if row % 9 else None for row in range(ROWS)],
        "class": [("x", "y")[int(value > 0)] for value in signal],
        "score": signal,
        "length": np.arange(ROWS) % 8,
    }
    pq.write_table(pa.table(frame), folder / "table.parquet", row_group_size=7)
    pd.DataFrame({"key": frame["key"][::-1], "extra": np.arange(ROWS)}).to_csv(
        folder / "more.csv", index=False
    )
    return folder


INPUTS = {
    "bytes": {"kind": "image", "column": "bytes"},
    "floats": {"kind": "image", "column": "floats", "scale": "standard"},
    "photos": {"kind": "image", "column": "table.photo", "scale": "standard"},
    "steps": {"kind": "series", "column": "steps", "length": "table.length"},
    "ragged": {"kind": "series", "column": "table.ragged"},
    "traits": {
        "kind": "table",
        "numeric": ["table.size", "table.whole"],
        "categorical": ["table.kind", "table.flag"],
    },
    "vector": {"kind": "vector", "column": "table.lists"},
    "several": {"kind": "vector", "column": ["table.size", "table.score"]},
    "words": {"kind": "text", "column": "table.words"},
}
TARGETS = {
    "class": {"kind": "category", "column": "table.class"},
    "score": {"kind": "number", "column": "table.score"},
}
SOURCES: dict[str, Any] = {name: f"{name}.npy" for name in ("bytes", "floats", "steps")} | {
    "table": "table.parquet"
}


def loaded(folder: Path, *, in_memory: Any, **changes: Any) -> data.Dataset:
    config = {
        "sources": SOURCES,
        "inputs": INPUTS,
        "targets": TARGETS,
        "split": {"fractions": [0.6, 0.2, 0.2], "stratify": "class"},
    }
    return data.load(**{**config, **changes}, folders=[folder], in_memory=in_memory)


def test_everything_is_the_same_as_in_memory(folder: Path) -> None:
    one, other = (loaded(folder, in_memory=in_memory) for in_memory in (False, True))
    assert one.streamed
    assert not other.streamed
    assert one.fingerprint == other.fingerprint
    for name, split in one.splits.items():
        held = other.splits[name]
        np.testing.assert_array_equal(split.rows, held.rows)
        for key, values in held.raw.items():
            assert isinstance(split.raw[key], LazyRows)
            assert split.raw[key].shape == values.shape
            np.testing.assert_array_equal(split.raw[key][:], values)
        for key, values in held.prepared.items():
            assert (split.prepared[key].shape, split.prepared[key].dtype) == (values.shape, values.dtype)
            np.testing.assert_allclose(split.prepared[key][:], values, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(
                split.prepared[key][np.array([3, 0])], values[[3, 0]], rtol=1e-5, atol=1e-6
            )
        for key, values in held.labels.items():
            np.testing.assert_array_equal(split.labels[key], values)


def test_row_groups_are_the_pieces_in_which_rows_are_read(folder: Path) -> None:
    split = loaded(folder, in_memory=False).splits["train"]
    pieces = split.prepared["vector"].pieces
    np.testing.assert_array_equal(pieces - pieces.min(), split.rows // 7 - split.rows[0] // 7)
    assert split.prepared["bytes"].pieces is None


def test_joined_sources_stream_in_the_order_of_the_keys(folder: Path) -> None:
    sources = {"more": "more.csv", "table": "table.parquet"}
    inputs = {"words": INPUTS["words"], "extra": {"kind": "vector", "column": "more.extra", "scale": "none"}}
    one, other = (
        loaded(folder, in_memory=held, sources=sources, inputs=inputs, join="key") for held in (False, True)
    )
    for name, split in one.splits.items():
        for key, values in other.splits[name].raw.items():
            np.testing.assert_array_equal(split.raw[key][:], values)


def test_leaks_are_found_in_streams(folder: Path) -> None:
    found, held = (data.leaks(loaded(folder, in_memory=in_memory)) for in_memory in (False, True))
    assert "input column several[1] is a copy of target score" in [leak.sentence for leak in found]
    assert [leak.sentence for leak in found] == [leak.sentence for leak in held]
    twice = {
        "x": np.repeat(ARRAY[: ROWS // 2], 2, axis=0),
        "y": np.arange(ROWS) // 4 % 2,
        "s": np.arange(ROWS) % 4,
    }
    inputs = {"x": {"kind": "series", "column": "s.x"}}
    split = {"column": "s.s", "train": [0, 2], "val": 1, "test": 3}
    dataset = data.load(
        {"s": twice}, inputs, {"y": {"kind": "category", "column": "s.y"}}, split, in_memory=False
    )
    assert {leak.severity for leak in data.leaks(dataset)} == {"identical rows"}


def test_files_that_take_a_good_part_of_the_memory_stream(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not loaded(folder, in_memory="auto").streamed
    size = sum((folder / name).stat().st_size for name in SOURCES.values())
    monkeypatch.setattr(memory, "available", lambda: size / memory.FRACTION * 0.99)
    assert loaded(folder, in_memory="auto").streamed
    assert not loaded(folder, in_memory=True).streamed


def test_pictures_count_with_their_pixels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only = {"photos": INPUTS["photos"]}
    size = (folder / "table.parquet").stat().st_size
    large = {"photos": {**INPUTS["photos"], "size": [300, 300]}}
    monkeypatch.setattr(memory, "available", lambda: (size + 10_000) / memory.FRACTION)
    changes = {"sources": {"table": "table.parquet"}}
    assert not loaded(folder, in_memory="auto", inputs=only, **changes).streamed
    assert loaded(folder, in_memory="auto", inputs=large, **changes).streamed


def test_memory_is_what_the_machine_and_the_container_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert 10**8 < memory.available() < 10**14
    monkeypatch.setattr(memory, "CONTROL_GROUP", tmp_path)
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 1200\nfile 3000\n")
    assert memory.available() == 3800
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 3800


@pytest.mark.parametrize("index", INDICES)
def test_stored_columns_are_indexed_like_arrays(tmp_path: Path, index: Any) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    pq.write_table(
        pa.table({"n": ARRAY[:, 0, 0], "m": np.arange(ROWS)}), tmp_path / "a.parquet", row_group_size=7
    )
    order = RANDOM.permutation(ROWS)
    one, flat = StoredNpy(tmp_path / "a.npy", "k"), StoredParquet(tmp_path / "a.parquet", "n", "k")
    for found, values in (
        (one, ARRAY),
        (flat, ARRAY[:, 0, 0]),
        (Ordered(one, order), ARRAY[order]),
        (Chained([ARRAY[:10], one])[10:], ARRAY),
        (Chained([flat, flat]), np.tile(ARRAY[:, 0, 0], 2)),
    ):
        np.testing.assert_array_equal(found[index], values[index])
        assert found.shape == values.shape
    assert not isinstance(one[index], np.memmap)


def test_row_groups_with_and_without_gaps_are_of_one_kind(tmp_path: Path) -> None:
    whole = pd.array([1, 2, 3, None], dtype="Int64")
    flags = pd.array([True, False, True, None], dtype="boolean")
    days = pd.to_datetime(["2024-01-01"] * 4)
    frame = pa.table({"whole": whole, "flags": flags, "days": days, "full": [1, 2, 3, 4]})
    pq.write_table(frame, tmp_path / "a.parquet", row_group_size=2)
    read = pq.read_table(tmp_path / "a.parquet")
    for name in frame.column_names:
        column = StoredParquet(tmp_path / "a.parquet", name, "k")
        assert column.dtype == read.column(name).to_numpy().dtype, name
        assert column[:2].dtype == column.dtype
        assert column.pieces.tolist() == [0, 2]


def test_chained_files_keep_their_row_groups(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(10)}), tmp_path / "a.parquet", row_group_size=4)
    one = StoredParquet(tmp_path / "a.parquet", "n", "k")
    assert Chained([one, one]).pieces.tolist() == [0, 4, 8, 10, 14, 18]
    assert Ordered(one, np.arange(10)).pieces.tolist() == [0, 4, 8]
    assert Ordered(one, np.arange(10)[::-1]).pieces.tolist() == [0]
    sources = Sources({"s": str(tmp_path / "*.parquet"), "t": {"x": np.arange(10)}}, in_memory=False)
    assert sources.pieces(["t.x"], "k") is None
    assert sources.pieces(["t.x", "s.n"], "k").tolist() == [1] * 4 + [2] * 4 + [3] * 2


def test_blocks_together_are_the_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    parts = list(blocks(StoredNpy(tmp_path / "a.npy", "k")))
    assert len(parts) > 3
    np.testing.assert_array_equal(np.concatenate(parts), ARRAY)
    assert len(list(blocks(ARRAY))) == 1


def test_hashes_of_rows_do_not_depend_on_the_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    texts = np.array(["same", "x" * 200, "y" * 200] * (ROWS // 3), dtype=object)
    one = row_hashes([StoredNpy(tmp_path / "a.npy", "k"), texts])
    monkeypatch.setattr("pipeline.data.splits.BLOCK_BYTES", 10**9)
    np.testing.assert_array_equal(one, row_hashes([ARRAY, texts]))


def test_a_file_that_breaks_while_it_is_read_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ARRAY)
    column = StoredNpy(tmp_path / "a.npy", "data.sources.s")
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:200])
    with pytest.raises(ConfigError, match=r"a\.npy cannot be read"):
        column[:3]
