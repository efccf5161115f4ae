"""JSON files: an object in each line, a list of objects, or a list for each column."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.columns import list_in_row, numbers, strings
from pipeline.data.files import file_errors, json_rows
from pipeline.data.files.chunks import open_chunks
from pipeline.data.files.json_rows import JsonRows
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.small_data import read_column

ROWS: list[dict[str, Any]] = [
    {"id": 123456789012345678, "code": "007", "word": "None", "at": {"lat": 1.5, "in": {"city": "Ulm"}}},
    {"id": None, "code": "7", "word": None, "at": None, "wave": [1, 2.5, None], "tags": ["a", "b"]},
    {"id": 123456789012345679, "code": None, "word": "é", "at": {"lat": 3}, "yes": False, "big": 2**70},
    {"id": 7, "code": "7", "word": "x", "wave": [], "tags": [], "yes": True, "day": "2024-05-31"},
]
LINES = "\n".join(json.dumps(row) for row in ROWS)
WAYS: dict[str, Callable[[Path], Any]] = {
    "s.jsonl": lambda path: path.write_text(f"{LINES}\n\n", encoding="utf-8-sig"),
    "s.ndjson.gz": lambda path: path.write_bytes(gzip.compress(LINES.encode())),
    "list.json": lambda path: path.write_text(json.dumps(ROWS, indent=2)),
    "lines.json": lambda path: path.write_text(LINES, encoding="utf-16"),
    "inside.json": lambda path: path.write_text(json.dumps({"version": 1, "rows": ROWS})),
}


@pytest.mark.parametrize("name", WAYS)
def test_cells_mean_the_same_in_every_form(name: str, tmp_path: Path) -> None:
    WAYS[name](tmp_path / name)
    ids = strings(read_column(name, "s.id", tmp_path)).tolist()
    assert ids == ["123456789012345678", "", "123456789012345679", "7"]
    assert strings(read_column(name, "s.code", tmp_path)).tolist() == ["007", "7", "", "7"]
    assert strings(read_column(name, "s.word", tmp_path)).tolist() == ["None", "", "é", "x"]
    assert strings(read_column(name, "s.at.in.city", tmp_path)).tolist() == ["Ulm", "", "", ""]
    assert strings(read_column(name, "s.yes", tmp_path)).tolist() == ["", "", "false", "true"]
    assert strings(read_column(name, "s.big", tmp_path))[2] == "1180591620717411303424"
    assert strings(read_column(name, "s.day", tmp_path))[3] == "2024-05-31"
    np.testing.assert_array_equal(numbers(read_column(name, "s.at.lat", tmp_path)), [1.5, np.nan, 3, np.nan])
    np.testing.assert_array_equal(list_in_row(read_column(name, "s.wave", tmp_path), 1), [1, 2.5, np.nan])


@pytest.mark.parametrize("orient", ["columns", "records", "split", "table"])
def test_files_of_pandas_are_read(orient: str, tmp_path: Path) -> None:
    pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "01"]}).to_json(tmp_path / "s.json", orient=orient)
    assert numbers(read_column("s.json", "s.a", tmp_path)).tolist() == [1, 2, 3]
    assert strings(read_column("s.json", "s.b", tmp_path)).tolist() == ["x", "", "01"]


def test_a_column_is_the_same_however_many_rows_are_read_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.data.files.records.BLOCK_ROWS", 2)
    late = [{"a": 2**60 + row, "b": row} for row in range(5)] + [{"a": None, "b": 0.5, "c": "x"}]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, late)))
    expected = [*(str(2**60 + row) for row in range(5)), ""]
    assert strings(read_column("s.jsonl", "s.a", tmp_path)).tolist() == expected
    assert numbers(read_column("s.jsonl", "s.b", tmp_path)).tolist() == [0, 1, 2, 3, 4, 0.5]
    assert strings(read_column("s.jsonl", "s.c", tmp_path)).tolist() == [""] * 5 + ["x"]


def test_whole_numbers_that_floats_would_change_stay_exact_beside_fractions(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"a": 123456789012345678}\n{"a": 0.5}\n')
    assert strings(read_column("s.jsonl", "s.a", tmp_path)).tolist() == ["123456789012345678", "0.5"]


def test_only_the_needed_columns_are_kept(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"a": 1, "x_1": 2, "x_2": 3}\n')
    source = JsonRows(tmp_path / "s.jsonl", "k", needed=["x_*"])
    assert source.columns == ["a", "x_1", "x_2"]
    assert [source.records.keeps(name) for name in source.columns] == [False, True, True]
    assert source.read("a").tolist() == [1]
    source.keep(["x_2"])
    assert [source.records.keeps(name) for name in source.columns] == [False, False, True]


def test_rows_to_predict_are_read_in_chunks_and_a_broken_line_keeps_its_place(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"a": 1}\n{"a": \n{"b": "x"}\n{"a": 3}\n')
    chunks = open_chunks(tmp_path / "s.jsonl", "input")
    assert chunks.columns == ["a", "b"]
    first, second = chunks.read(["a", "b"], 3)
    assert [*first.invalid] == [1]
    assert "no JSON object" in first.invalid[1]
    np.testing.assert_array_equal(first.columns["a"].astype(float), [1, np.nan, np.nan])
    assert [*first.columns["b"], *second.columns["b"]] == [None, None, "x", None]
    assert second.share == 1.0


def test_a_list_of_objects_is_a_list_for_each_field(tmp_path: Path) -> None:
    steps = [{"t": 0, "at": {"x": 1.5}}, {"t": 1, "at": {"x": 2}, "word": "a"}]
    (tmp_path / "s.jsonl").write_text(f"{json.dumps({'steps': steps})}\n{json.dumps({'steps': []})}\n")
    assert list_in_row(read_column("s.jsonl", "s.steps.at.x", tmp_path), 0).tolist() == [1.5, 2]
    assert list_in_row(read_column("s.jsonl", "s.steps.t", tmp_path), 0).tolist() == [0, 1]
    assert read_column("s.jsonl", "s.steps.word", tmp_path).values.tolist() == [[None, "a"], None]


def test_rows_of_one_object_of_several_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "s.json").write_text('{"type": "FeatureCollection", "features": [{"a": 1}]}')
    assert numbers(read_column("s.json", "s.a", tmp_path)).tolist() == [1]
    assert "the rows of s.json are those of 'features'" in caplog.text


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.jsonl.gz").write_bytes(gzip.compress(b'{"a": 1}\n' * 100_000))
    monkeypatch.setattr(file_errors, "available", lambda: 1 << 16)
    monkeypatch.setattr(json_rows, "BLOCK", 1 << 12)
    with pytest.raises(ConfigError, match="unpacks to more than the memory"):
        read_column("s.jsonl.gz", "s.a", tmp_path)


def test_columns_without_a_reference_are_freed_after_the_split(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"a": 1, "b": 2}\n')
    sources = Sources({"s": "s.jsonl"}, folders=[tmp_path], references=["s.a"], whole=True)
    assert [name for name, _ in sources.whole_rows("s")] == ["a", "b"]
    (part,) = [part for _, part in sources.sources["s"].parts]
    assert isinstance(part, JsonRows)
    assert not part.records.keeps("b")
