"""Sheets of Excel workbooks."""

import zipfile
from collections.abc import Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.files import file_errors
from pipeline.data.files.chunks import open_chunks
from pipeline.data.files.workbook import Sheet
from pipeline.data.source import Source
from pipeline.data.times import form_of, read_times
from pipeline.errors import ConfigError
from tests.data.small_data import read_column

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("openpyxl.chart")


def write(path: Path, rows: Sequence[Sequence[object]], **formats: str) -> None:
    """Write rows to the first sheet; `formats` are number formats of cells, such as B2="000"."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    for place, number_format in formats.items():
        sheet[place].number_format = number_format
    book.save(path)


def test_cells_are_what_the_workbook_holds(tmp_path: Path) -> None:
    rows = [
        ["id", "code", "word", "yes", "day", "hour", "took", 2024],
        [123456789012345, "007", "None", True, date(2024, 5, 31), time(14, 5), timedelta(hours=26), 1],
        [None, 7, None, False, None, None, None, 0.5],
        ["123456789012345678", 7, "NA", None, date(1969, 1, 2), time(0, 1), timedelta(minutes=3), None],
    ]
    write(tmp_path / "s.xlsx", rows, B3="000")
    ids = strings(read_column("s.xlsx", "s.id", tmp_path)).tolist()
    assert ids == ["123456789012345", "", "123456789012345678"]
    assert strings(read_column("s.xlsx", "s.code", tmp_path)).tolist() == ["007", "007", "7"]
    assert strings(read_column("s.xlsx", "s.word", tmp_path)).tolist() == ["None", "", ""]
    assert strings(read_column("s.xlsx", "s.yes", tmp_path)).tolist() == ["true", "false", ""]
    assert strings(read_column("s.xlsx", "s.day", tmp_path)).tolist() == ["2024-05-31", "", "1969-01-02"]
    np.testing.assert_array_equal(numbers(read_column("s.xlsx", "s.2024", tmp_path)), [1, 0.5, np.nan])
    np.testing.assert_array_equal(numbers(read_column("s.xlsx", "s.took", tmp_path)), [93600, np.nan, 180])
    hours = read_column("s.xlsx", "s.hour", tmp_path)
    np.testing.assert_array_equal(read_times(hours, form_of(hours)), [50700, np.nan, 60])


def test_lines_above_the_header_empty_rows_and_nameless_columns_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        ["Sales of 2024"],
        [],
        [None, "a", "b\nin cm", None, "c"],
        [1, 2, 3, "x", 0],
        [],
        [None, 5, 6, None, 1],
        [None, None, None, None, None],
    ]
    write(tmp_path / "s.xlsx", rows)
    sheet = Sheet(tmp_path / "s.xlsx", "k", needed=None)
    assert sheet.columns == ["a", "b\nin cm", "c"]
    assert sheet.read("a").tolist() == [2, 5]
    assert "1 lines above the header of s.xlsx are skipped" in caplog.text


def test_a_first_row_of_few_names_is_the_header_where_numbers_follow(tmp_path: Path) -> None:
    write(tmp_path / "s.xlsx", [["a", None, None], [1, 2, 3], [4, 5, 6]])
    assert Sheet(tmp_path / "s.xlsx", "k", needed=None).read("a").tolist() == [1, 4]


def test_the_only_filled_visible_sheet_is_read_and_of_several_one_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    book.create_sheet("empty")
    hidden = book.create_sheet("lists")
    hidden.append(["a"])
    hidden.sheet_state = "hidden"
    chart = openpyxl.chart.BarChart()
    chart.add_data(openpyxl.chart.Reference(book.active, min_col=1, min_row=1, max_row=2))
    book.create_chartsheet("chart").add_chart(chart)
    book.save(tmp_path / "one.xlsx")
    assert numbers(read_column("one.xlsx", "s.a", tmp_path)).tolist() == [1]
    second = book.create_sheet("2024")
    second.append(["a"])
    second.append([2])
    book.save(tmp_path / "two.xlsx")
    with pytest.raises(ConfigError, match=r"several sheets[\s\S]*Sheet, 2024[\s\S]*sheet: Sheet"):
        read_column("two.xlsx", "s.a", tmp_path)
    entry = {"path": "two.xlsx", "sheet": "2024"}
    assert Source("s", entry, folders=[tmp_path], needed=None).read("a", "k").tolist() == [2]
    with pytest.raises(ConfigError, match=r"no such sheet[\s\S]*found: *2023"):
        Source("s", {**entry, "sheet": "2023"}, folders=[tmp_path], needed=None)


def test_errors_and_formulas_without_a_result_are_missing_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "s.xlsx", [["a", "b", "c"], [1, "#DIV/0!", "=A2*2"], [2, 3, "=A3*2"], [3, 4, 5]])
    sheet = Sheet(tmp_path / "s.xlsx", "k", needed=None)
    assert not caplog.text
    np.testing.assert_array_equal(sheet.read("b"), [np.nan, 3, 4])
    np.testing.assert_array_equal(sheet.read("c"), [np.nan, np.nan, 5])
    sheet.read("c")
    assert caplog.text.count("column 'b': 1 cells are errors of formulas, taken as missing") == 1
    assert caplog.text.count("column 'c': 2 formulas have no stored result") == 1


def test_merged_cells_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = openpyxl.Workbook()
    for row in (["a", "b"], ["x", 1], [None, 2], ["y", 3]):
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    book.save(tmp_path / "s.xlsx")
    assert strings(read_column("s.xlsx", "s.a", tmp_path)).tolist() == ["x", "", "y"]
    assert "s.xlsx has merged cells, of which only the first has the value" in caplog.text


def test_numbers_that_excel_has_rounded_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path / "s.xlsx", [["a", "b"], [1.23456789012346e17, 1.5], [1e3, 2.5]])
    sheet = Sheet(tmp_path / "s.xlsx", "k", needed=None)
    sheet.read("b")
    assert not caplog.text
    sheet.read("a")
    assert "column 'a': Excel keeps 15 digits, so numbers such as 123456789012346000" in caplog.text


def test_a_doubled_name_matters_only_if_it_is_read(tmp_path: Path) -> None:
    write(tmp_path / "s.xlsx", [["a", "b", "a"], [1, 2, 3]])
    source = Source("s", "s.xlsx", folders=[tmp_path], needed=None)
    assert source.row_columns() == ["b"]
    assert source.read("b", "k").tolist() == [2]
    with pytest.raises(ConfigError, match="several columns of the same name"):
        source.read("a", "k")


@pytest.mark.parametrize(
    ("rows", "problem"), [([], "no sheet with cells"), ([["a", "b"]], "column 'a' of .* has no rows")]
)
def test_a_workbook_without_rows_is_refused(rows: list[list[Any]], problem: str, tmp_path: Path) -> None:
    write(tmp_path / "s.xlsx", rows)
    with pytest.raises(ConfigError, match=problem):
        read_column("s.xlsx", "s.a", tmp_path)


def test_a_wrong_size_in_the_file_hides_no_rows(tmp_path: Path) -> None:
    write(tmp_path / "right.xlsx", [["a", "b"], [1, 2], [3, 4]])
    with zipfile.ZipFile(tmp_path / "right.xlsx") as old, zipfile.ZipFile(tmp_path / "s.xlsx", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name).replace(b'ref="A1:B3"', b'ref="A1"'))
    assert numbers(read_column("s.xlsx", "s.b", tmp_path)).tolist() == [2, 4]


@pytest.mark.parametrize("content", [b"something else", b"\xd0\xcf\x11\xe0 old", "no workbook"])
def test_a_file_that_is_no_workbook_is_named(content: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "s.xlsx"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/a.xml", content)
    with pytest.raises(ConfigError, match=r"s\.xlsx cannot be read"):
        Sheet(path, "k", needed=None)


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "s.xlsx", [["a"], *([0] for _ in range(5000))])
    monkeypatch.setattr(file_errors, "available", lambda: 1 << 16)
    with pytest.raises(ConfigError, match="unpacks to more than the memory"):
        Sheet(tmp_path / "s.xlsx", "k", needed=None)


def test_rows_to_predict_are_read(tmp_path: Path) -> None:
    write(tmp_path / "s.xlsx", [["a"], [1], [2], [3]])
    first, second = open_chunks(tmp_path / "s.xlsx", "input").read(["a"], 2)
    assert [*first.columns["a"], *second.columns["a"]] == [1, 2, 3]
