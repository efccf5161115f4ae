"""How the cells of text tables become numbers, booleans and strings."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.files import delimited, file_errors
from pipeline.data.files.chunks import open_chunks
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.frames import write_csv
from tests.data.small_data import read_column


def test_only_the_needed_columns_are_parsed(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv")
    sources = Sources({"s": "s.csv"}, folders=[tmp_path], references=["s.number", "s.word"])
    sources.column("s.number", "k")
    table = sources.sources["s"].parts[0][1].table
    assert sorted(table.column_names) == ["number", "word"]


def test_a_column_is_numbers_or_booleans_if_all_its_cells_are(tmp_path: Path) -> None:
    lines = ["\ufeffint,real,flag,mixed,code", "1, 2.5,true,1,01", ",,,,", '3,1e2,False,"two\nlines",2']
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, expected in {"int": [1, np.nan, 3], "real": [2.5, np.nan, 100], "flag": [1, np.nan, 0]}.items():
        np.testing.assert_array_equal(numbers(read_column("s.csv", f"s.{name}", tmp_path)), expected)
    assert strings(read_column("s.csv", "s.mixed", tmp_path)).tolist() == ["1", "", "two\nlines"]
    assert strings(read_column("s.csv", "s.flag", tmp_path)).tolist() == ["true", "", "false"]


def test_an_empty_line_is_an_empty_cell_only_in_a_table_with_a_single_column(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a\n1\n\n3\n")
    np.testing.assert_array_equal(numbers(read_column("s.csv", "s.a", tmp_path)), [1, np.nan, 3])
    (tmp_path / "two.csv").write_text("a,b\n1,2\n\n3,4\n\n")
    assert numbers(read_column("two.csv", "s.a", tmp_path)).tolist() == [1, 3]


@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz"])
@pytest.mark.parametrize("chunked", [False, True])
def test_rows_of_many_megabytes_are_read(tmp_path: Path, name: str, chunked: bool) -> None:
    long = "x" * 10_000_000
    opener = gzip.open if name.endswith("gz") else open
    with opener(tmp_path / name, "wt") as file:
        file.write(f"a,b\n1,y\n2,{long}\n3,z\n")
    if chunked:
        chunks = list(open_chunks(tmp_path / name, "input").read(["a", "b"], 2))
        cells = np.concatenate([chunk.columns["b"] for chunk in chunks])
    else:
        cells = read_column(name, "s.b", tmp_path).values
    assert [len(cell) for cell in cells] == [1, 10_000_000, 1]


def test_a_text_file_that_unpacks_to_more_than_the_memory_is_refused_unless_it_is_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gzip.open(tmp_path / "s.csv.gz", "wt") as file:
        file.write("a\n" + "1\n" * 3_000_000)
    monkeypatch.setattr(file_errors, "available", lambda: 2**22)
    with pytest.raises(ConfigError, match="unpacks to more than the memory that is free"):
        read_column("s.csv.gz", "s.a", tmp_path)
    chunks = open_chunks(tmp_path / "s.csv.gz", "input").read(["a"], 1_000_000)
    assert sum(len(chunk) for chunk in chunks) == 3_000_000


def test_a_row_without_an_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    monkeypatch.setattr(delimited, "LONGEST_ROW", 5000)
    (tmp_path / "s.csv").write_text("a\n" + "1" * 10_000)
    with pytest.raises(ConfigError, match="a row is longer than 5,000 bytes"):
        read_column("s.csv", "s.a", tmp_path)
