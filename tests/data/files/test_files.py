"""Files of every format have the same cells, and wrong files are named."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.files import workbook
from pipeline.errors import ConfigError
from tests.data.frames import FRAME, WRITERS
from tests.data.small_data import read_column

WRONG_WIDTH = r"\(counting from 0\): the number of cells differs"
WRONG_FILES = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"a,b\n", "has no rows"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "several columns of the same name"),
    "cyrillic.csv": (
        "b,a\n1,2\n3,Москва\n".encode("cp1251"),
        r"not UTF-8: column 'a', row 1 \(counting from 0\)",
    ),
    "names.csv": ("a,ü\n1,2\n".encode("latin-1"), "not UTF-8: the header line"),
    "quote.csv": (b'a,b\n"1,2\n3,4\n', "row 0 .* is not closed"),
    "many.csv": (b"a,b\n1,2\n3,4,5\n", f"row 1 {WRONG_WIDTH}"),
    "first.csv": (b"a,b\n1,2,3\n4,5,6\n", f"row 0 {WRONG_WIDTH}"),
    "cut.csv": (b"b,a\n1,2\n3", f"row 1 {WRONG_WIDTH}"),
    "cut.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "truncated, damaged"),
    "packed.csv": (gzip.compress(b"a,b\n1,2\n"), r"is no text table but compressed"),
    "book.csv": (b"PK\x03\x04 and more", "is no text table but an Excel workbook"),
    "records.csv": (b'[{"a": 1}]', "is no text table but JSON"),
    "page.csv": (b"\n<html><body>a,b", "is no text table but a page or XML"),
    "cut.jsonl": (b'{"a": 1}\n{"a":', r"row 1 \(counting from 0\): no JSON object"),
    "cut.json": (b'[{"a": 1}, {"a":', "truncated, damaged"),
    "twice.jsonl": (b'{"a": 1, "a": 2}\n', "row 0 .* no JSON object"),
    "half.jsonl": (b'{"a": "\\ud83d"}\n', "row 0 .* no JSON object"),
    "latin.jsonl": ('{"a": "é"}\n'.encode("latin-1"), "row 0 .* no JSON object"),
    "lists.json": (b"[[1, 2], [3, 4]]", "is no table"),
    "not.npz": (b"something else", "truncated, damaged"),
    "not.npy": (b"something else", "truncated, damaged"),
    "not.parquet": (b"something else", "truncated, damaged"),
    "not.doc": (b"something else", "unknown file format"),
    "not.xls": (b"something else", r"unknown file format; save the sheet as \.xlsx or \.csv"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_cells(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    np.testing.assert_array_equal(numbers(read_column(name, "s.number", tmp_path)), FRAME["number"])
    assert strings(read_column(name, "s.word", tmp_path)).tolist() == ["x", "", "", 'é, "quoted"']
    assert strings(read_column(name, "s.whole", tmp_path)).tolist() == ["1", "2", "3", "4"]
    assert numbers(read_column(name, "s.dotted.name", tmp_path)).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", WRONG_FILES)
def test_a_wrong_file_is_named_with_its_problem(name: str, tmp_path: Path) -> None:
    content, problem = WRONG_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_column(name, "s" if name.endswith("npy") else "s.a", tmp_path)
    assert name in str(caught.value)


def test_names_of_columns_in_angle_brackets_are_no_page(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("<DATE>,<OPEN>\n20240531,1.5\n20240601,2.5\n")
    assert numbers(read_column("s.csv", "s.<OPEN>", tmp_path)).tolist() == [1.5, 2.5]


def test_without_its_package_a_workbook_is_refused_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "s.xlsx").write_bytes(b"something")
    monkeypatch.setattr(workbook, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install openpyxl"):
        read_column("s.xlsx", "s.a", tmp_path)
