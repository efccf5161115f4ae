"""Parquet files and saved Hugging Face data sets."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.files import file_errors
from pipeline.data.files.arrow import Feather, Parquet
from pipeline.data.files.chunks import open_chunks
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.frames import write_saved_data_set
from tests.data.small_data import read_column


def test_lists_in_parquet_are_read_as_lists(tmp_path: Path) -> None:
    pd.DataFrame({"a": [[1.0, 2.0], None, [3.0]]}).to_parquet(tmp_path / "s.parquet")
    values = read_column("s.parquet", "s.a", tmp_path).values
    assert [None if value is None else list(value) for value in values] == [[1.0, 2.0], None, [3.0]]


def test_a_saved_dictionary_of_data_sets_has_a_split_column(tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for split in ("train", "test"):
        write_saved_data_set(tmp_path / "both" / split)
    (tmp_path / "both" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert strings(read_column("both", "s.split", tmp_path)).tolist() == ["train"] * 4 + ["test"] * 4
    assert numbers(read_column("both", "s.whole", tmp_path)).tolist() == [1, 2, 3, 4] * 2


def test_a_folder_without_a_saved_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="does not contain a saved data set"):
        read_column("folder", "s.a", tmp_path)


@pytest.mark.parametrize("in_memory", [True, False])
def test_named_fields_are_columns(tmp_path: Path, in_memory: bool) -> None:
    cells = [{"x": float(row), "at": {"y": row + 1}} for row in range(3)]
    pd.DataFrame({"a": cells, "b": [1, 2, 3]}).to_parquet(tmp_path / "s.parquet")
    sources = Sources({"s": "s.parquet"}, folders=[tmp_path], in_memory=in_memory)
    assert numbers(sources.column("s.a.x", "k")).tolist() == [0, 1, 2]
    assert numbers(sources.column("s.a.at.y", "k")).tolist() == [1, 2, 3]
    assert [name for name, _ in sources.whole_rows("s")] == ["a", "b"]  # fields are part of their column
    (chunk,) = open_chunks(tmp_path / "s.parquet", "k").read(["a.at.y", "b"], 10)
    assert chunk.columns["a.at.y"].tolist() == chunk.columns["b"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("write", ["feather", "file", "stream"])
def test_files_of_arrow_are_read(tmp_path: Path, write: str) -> None:
    frame = pd.DataFrame({"a": [1.5, None, 3], "b": ["007", None, "x"]})
    table, path = pa.Table.from_pandas(frame), tmp_path / ("s.feather" if write == "feather" else "s.arrow")
    if write == "feather":
        frame.to_feather(path)
    else:
        with {"file": pa.ipc.new_file, "stream": pa.ipc.new_stream}[write](path, table.schema) as writer:
            writer.write_table(table)
    np.testing.assert_array_equal(numbers(read_column(path.name, "s.a", tmp_path)), [1.5, np.nan, 3])
    assert strings(read_column(path.name, "s.b", tmp_path)).tolist() == ["007", "", "x"]
    first, second = open_chunks(path, "k").read(["b"], 2)
    assert [*first.columns["b"], *second.columns["b"]] == ["007", None, "x"]


@pytest.mark.parametrize("name", ["s.feather", "s.arrow", "s.parquet"])
def test_text_that_is_not_utf8_is_refused_by_the_files_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    table = pa.table({"a": ["first", "second", "third"]})
    if name == "s.parquet":
        pq.write_table(table, path)
    else:
        with pa.ipc.new_file(str(path), table.schema) as file:
            file.write_table(table)
    path.write_bytes(path.read_bytes().replace(b"second", b"\xff\xfecond"))
    with pytest.raises(ConfigError, match=rf"{name} cannot be read"):
        read_column(name, "s.a", tmp_path)


def test_offsets_that_leave_an_arrow_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.arrow"
    table = pa.table({"a": ["aa", "bbb", "cccc"]})
    with pa.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)
    good = np.array([0, 2, 5, 9], np.int32).tobytes()
    assert good in path.read_bytes()
    bad = np.array([0, 2, 2**30, 9], np.int32).tobytes()
    path.write_bytes(path.read_bytes().replace(good, bad))
    with pytest.raises(ConfigError, match=r"s\.arrow cannot be read"):
        read_column("s.arrow", "s.a", tmp_path)


@pytest.mark.parametrize("name", ["s.feather", "s.arrow", "s.parquet"])
def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, path = pa.table({"x": np.zeros(1 << 20), "few": np.zeros(1 << 20, bool)}), tmp_path / name
    if name == "s.parquet":
        pq.write_table(table, path, compression="zstd")
    else:
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        make = pa.ipc.new_stream if name == "s.arrow" else pa.ipc.new_file
        with make(str(path), table.schema, options=options) as writer:
            writer.write_table(table)
    assert path.stat().st_size < 1 << 17
    source = (Parquet if name == "s.parquet" else Feather)(path, "data.sources.s")
    monkeypatch.setattr(file_errors, "available", lambda: 1 << 22)
    assert not source.read("few").any()
    with pytest.raises(ConfigError, match=rf"{name} unpacks to more than the memory that is free"):
        source.read("x")
