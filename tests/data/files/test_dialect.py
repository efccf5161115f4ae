"""Text tables as spreadsheets and other countries write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.config.data import check_files
from pipeline.data.columns import numbers, strings
from pipeline.data.files.dialect import NumberFormat, find_dialect
from pipeline.data.kinds import INPUTS, build
from pipeline.data.sources import Sources
from pipeline.data.unlabelled import RowReader
from pipeline.errors import ConfigError
from tests.data.small_data import read_column

POINT = "alpha,beta,ort\n1.5,-0.25,Köln\n,2,Bonn\n"
FORMS = {
    "semicolons and decimal commas": "alpha;beta;ort\n1,5;-0,25;Köln\n;2,0;Bonn\n",
    "tabs": "alpha\tbeta\tort\n1.5\t-0.25\tKöln\n\t2\tBonn\n",
    "blanks": 'alpha beta "ort"\n1.5 -0.25 Köln\n"" 2 Bonn\n',
    "single quotes": "'alpha','beta','ort'\n1.5,-0.25,'Köln'\n,2,'Bonn'\n",
    "single quotes in the rows only": "ort,alpha,beta,x\n'Köln',1.5,-0.25,'a,b'\n'Bonn',,2,'c'\n",
    "bars": "alpha|beta|ort\n1.5|-0.25|Köln\n|2|Bonn\n",
    "trailing commas": "alpha,beta,ort,,\n1.5,-0.25,Köln,,\n,2,Bonn,,\n",
    "a nameless first column": ",alpha,beta,ort\n0,1.5,-0.25,Köln\n1,,2,Bonn\n",
    "unused doubled columns": "alpha,x,beta,x,ort\n1.5,,-0.25,,Köln\n,,2,,Bonn\n",
    "a header with a line break": 'alpha,beta,"or\nt",ort\n1.5,-0.25,"a\nb",Köln\n,2,c,Bonn\n',
    "Windows line ends": POINT.replace("\n", "\r\n"),
    "trailing commas in the rows only": "alpha,beta,ort\n1.5,-0.25,Köln,,\n,2,Bonn,,\n",
    "Excel's line with the separator": "sep=;\nalpha;beta;ort\n1.5;-0.25;Köln\n;2;Bonn\n",
    "empty lines at the top": "\n \n" + POINT,
    "comments at the top": "# made by me\n# on a Monday\n" + POINT,
    "old Mac line ends": POINT.replace("\n", "\r"),
    "blanks and commas in numbers": "alpha;beta;ort\n1,5;-0,25;Köln\n;2,0;Bonn\n",
    "blanks around names": " alpha , beta,ort \n1.5,-0.25,Köln\n,2,Bonn\n",
}


def read(folder: Path, content: str | bytes, **options: str) -> dict[str, Any]:
    """The three columns of a file as numbers and text."""
    data = content if isinstance(content, bytes) else content.encode()
    (folder / "s.csv").write_bytes(data)
    entry = {"path": "s.csv", **options} if options else "s.csv"
    sources = Sources({"s": entry}, folders=[folder], references=["s.alpha", "s.beta", "s.ort"])
    found: dict[str, Any] = {name: numbers(sources.column(f"s.{name}", "key")) for name in ("alpha", "beta")}
    return found | {"ort": strings(sources.column("s.ort", "key")).tolist()}


def assert_read(found: dict[str, Any]) -> None:
    np.testing.assert_array_equal(found["alpha"], [1.5, np.nan])
    np.testing.assert_array_equal(found["beta"], [-0.25, 2])
    assert found["ort"] == ["Köln", "Bonn"]


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_a_table_is_read_however_it_is_written(tmp_path: Path, content: str) -> None:
    assert_read(read(tmp_path, content))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_an_encoding_is_found_or_named(tmp_path: Path, encoding: str) -> None:
    assert_read(read(tmp_path, POINT.encode(encoding)))
    named = {"utf-16": "utf-16", "utf-8-sig": "utf-8"}.get(encoding, encoding)
    assert_read(read(tmp_path, POINT.encode(encoding), encoding=named))


def test_rows_are_counted_from_the_header(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row 2 \(counting from 0\).*number of cells"):
        read(tmp_path, "sep=,\n\n" + POINT + "1,2,3,4\n")


def test_what_is_unusual_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    read(tmp_path, POINT)
    assert not caplog.messages
    read(tmp_path, FORMS["semicolons and decimal commas"])
    assert caplog.messages == ["data.sources.s: s.csv is read with separator: ';', decimal: ','"]


def test_what_is_given_is_not_looked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = "alpha;beta;ort\n1.500;-0,25;Köln\n;2,0;Bonn\n"
    found = read(tmp_path, content, separator=";", decimal=",", thousands=".")
    np.testing.assert_array_equal(found["alpha"], [1500, np.nan])
    assert not caplog.messages
    with pytest.raises(ConfigError, match=r"data.sources.s.thousands: the same sign"):
        read(tmp_path, content, separator=";", decimal=",", thousands=",")
    with pytest.raises(ConfigError, match=r"data.sources.s.encoding: there is no such encoding"):
        read(tmp_path, content, encoding="utf-9")


@pytest.mark.parametrize(
    ("text", "decimal", "plain"),
    [
        ("1,480.02", ".", "1480.02"),
        ("1.480,02", ",", "1480.02"),
        ("1 480,02", ",", "1480.02"),
        ("-12'345", ".", "-12345.0"),
        ("1,5", ",", "1.5"),
        ("12,5", ".", "12,5"),  # no group of three digits: not a number with a decimal point
        ("1.234", ",", "1234.0"),
        ("1.234", ".", "1.234"),
        ("3,5e-3", ",", "3.5e-3"),
        ("up, down", ".", "up, down"),
    ],
)
def test_numbers_lose_their_thousands_separators(text: str, decimal: str, plain: str) -> None:
    thousands = {".": ",", ",": "."}[decimal] + " '"
    assert NumberFormat(decimal, thousands).plain(text) == plain


def test_thousands_in_quoted_cells_are_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, 'alpha,beta,ort\n"1,480.02",1,a\n"12,000",2,b\n')
    np.testing.assert_array_equal(found["alpha"], [1480.02, 12000])


@pytest.mark.parametrize("cell", [r'"the \"old\" town"', '"the ""old"" town"'])
@pytest.mark.parametrize("separator", [",", ";"])
def test_quotes_inside_cells_are_doubled_or_come_after_a_backslash(
    tmp_path: Path, cell: str, separator: str, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["alpha,beta,ort", f"1,2,{cell}", r'3,4,"C:\temp\x"' if "\\" not in cell else '3,4,"b"']
    found = read(tmp_path, "\n".join(lines).replace(",", separator) + "\n")
    assert found["ort"][0] == 'the "old" town'
    assert found["alpha"].tolist() == [1, 3]
    assert ("escape: '\\\\'" in caplog.text) == ("\\" in cell)
    if "\\" not in cell:
        assert found["ort"][1] == r"C:\temp\x"


def test_a_path_that_ends_with_a_backslash_is_no_escape(tmp_path: Path) -> None:
    found = read(tmp_path, 'ort,alpha,beta\n"C:\\",1,2\n"D:\\",3,4\n')
    assert found["ort"] == ["C:\\", "D:\\"]


def test_text_with_separators_inside_is_no_other_dialect() -> None:
    names = b"full name\nAda Lovelace\nAlan Turing\n"
    dialect = find_dialect(names, {}, path=Path("a.csv"), key="key", separator=",", whole=True)
    assert dialect.separator == ","
    head = b"text\nwell; said\nyes; no; perhaps\n"
    dialect = find_dialect(head, {}, path=Path("a.csv"), key="key", separator=",", whole=True)
    assert (dialect.separator, dialect.numbers.decimal) == (",", ".")


def test_rows_to_predict_are_read_with_the_same_signs(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a;b\n1,5;2,25\n;3,5\n1.000,5;4,5\n")
    inputs = {"x": build({"kind": "vector", "column": "s.a"}, INPUTS, "x")}
    inputs["x"].restore("x", {"x": ((1,), "float32")})
    (rows,) = RowReader(str(tmp_path / "s.csv"), inputs, {"x": {"x": ((1,), "float32")}}).read(10)
    np.testing.assert_array_equal(rows.arrays["x"][:, 0], [1.5, np.nan, 1000.5])


def test_rows_to_predict_may_have_a_unit_and_each_is_read_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "s.csv").write_text("sep=;\na;b\n$5;1\n7;2\nfive;3\n")
    inputs = {"x": build({"kind": "vector", "column": "s.a"}, INPUTS, "x")}
    inputs["x"].restore("x", {"x": ((1,), "float32")})
    (rows,) = RowReader(str(tmp_path / "s.csv"), inputs, {"x": {"x": ((1,), "float32")}}).read(10)
    np.testing.assert_array_equal(rows.arrays["x"][:, 0], [5, 7])
    assert [*rows.rejected] == [2]
    assert "s.a: numbers with different units, each as it stands: ['$']" in caplog.messages


@pytest.mark.parametrize(
    ("options", "problem"),
    [({"separater": ";"}, "data.sources.s.separater"), ({"decimal": ";"}, "data.sources.s.decimal")],
)
def test_options_of_a_file_are_checked(tmp_path: Path, options: dict[str, str], problem: str) -> None:
    (tmp_path / "s.csv").write_text(POINT)
    check_files({"data": {"sources": {"s": {"path": "s.csv", "separator": ";"}}}}, [tmp_path])
    with pytest.raises(ConfigError, match=problem):
        check_files({"data": {"sources": {"s": {"path": "s.csv"} | options}}}, [tmp_path])


@pytest.mark.parametrize(
    ("cells", "decimal"),
    [
        (['"0,99"', '"1.234,50"'], ","),
        (['"1,234"', '"12,345"'], "."),
        (['"0,99"', "1.5"], "."),
        (['"1,2"', '"1,2,3"'], "."),  # lists
        (['"12,34,567"', '"1,234"'], "."),  # as in India
        (['"Smith, 1,5"'], "."),
    ],
)
def test_numbers_in_quotes_may_have_decimal_commas_in_a_file_with_commas(
    cells: list[str], decimal: str
) -> None:
    text = "\n".join(["a,b", *(f"{cell},x" for cell in cells), ""])
    found = find_dialect(text.encode(), {}, path=Path("s.csv"), key="k", separator=",", whole=True)
    assert (found.separator, found.numbers.decimal) == (",", decimal)


def test_a_decimal_comma_in_quotes_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text('a,b\n"1.234,5",x\n"0,25",y\n7,z\n')
    assert numbers(read_column("s.csv", "s.a", tmp_path)).tolist() == [1234.5, 0.25, 7]


TITLED = "alpha,beta,ort\n1.5,2,Köln\n2.5,3,Bonn\n3.5,4,Ulm\n"


@pytest.mark.parametrize(
    ("above", "skipped"),
    [
        ("Report of 2024\n", 1),
        ("Report of 2024\n\nby the office,,\n", 3),
        ("a,b,c\n", 0),  # names may be these
        ("1,2\n", 0),
    ],
)
def test_lines_above_the_header_are_left_out(above: str, skipped: int) -> None:
    text = f"{above}{TITLED}".encode()
    found = find_dialect(text, {}, path=Path("s.csv"), key="k", separator=",", whole=True)
    assert found.skipped == skipped


@pytest.mark.parametrize(
    "text",
    [
        "a\n1,2,3\n4,5,6\n7,8,9\n",  # the second line has no names
        "a,b\nc,d,e\n1,2,3\n4,5,6\n7,8,9\n",  # more than half as many cells
        "name\nx,y,z\nu,v,w\np,q,r\n",  # nothing tells words from names
        'title\na,b,c\n1,"2\n3",4\n5,6,7\n',
    ],
)
def test_lines_that_may_be_the_header_are_not(text: str) -> None:
    found = find_dialect(text.encode(), {}, path=Path("s.csv"), key="k", separator=",", whole=True)
    assert found.skipped == 0


def test_the_rows_below_a_title_are_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "s.csv").write_text(f"Bericht 2024\n\n{TITLED}".replace(",", ";").replace(".", ","))
    assert numbers(read_column("s.csv", "s.alpha", tmp_path)).tolist() == [1.5, 2.5, 3.5]
    assert "2 lines before the header of s.csv are skipped" in caplog.text


@pytest.mark.parametrize("text", ["0,333", "00,123", "-0,5"])
def test_what_begins_with_0_is_no_thousand(text: str) -> None:
    assert NumberFormat().plain(text) == text
    assert NumberFormat(",", ".").plain(text.replace(",", ".")) == text.replace(",", ".")
