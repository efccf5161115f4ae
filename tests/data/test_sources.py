"""Sources of every format give the same columns; rows line up; what is wrong with a file is said."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

FRAME = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "number": [1.5, np.nan, 3.0, -4.0],
        "word": ["x", "", "NA", 'é, "quoted"'],
        "whole": [1, 2, 3, 4],
        "dotted.name": [0, 1, 0, 1],
    }
)


def column(located: Any, reference: str, folder: Path, **options: Any) -> Any:
    return Sources({"s": located}, folders=[folder], **options).column(reference, "data.inputs.x.column")


def write_csv(path: Path) -> None:
    FRAME.to_csv(path, index=False)


def write_tsv(path: Path) -> None:
    FRAME.to_csv(path, index=False, sep="\t")


def write_arrow(path: Path) -> None:
    path.mkdir()
    table = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(str(path / "data-00000.arrow"), table.schema) as stream:
        stream.write_table(table)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000.arrow"}]}))


FORMATS: dict[str, Any] = {
    "s.csv": write_csv,
    "s.csv.gz": write_csv,
    "s.csv.bz2": write_csv,
    "s.csv.xz": write_csv,
    "s.tsv": write_tsv,
    "s.tsv.gz": write_tsv,
    "s.parquet": FRAME.to_parquet,
    "folder": write_arrow,
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_cells(name: str, tmp_path: Path) -> None:
    FORMATS[name](tmp_path / name)
    np.testing.assert_array_equal(numbers(column(name, "s.number", tmp_path)), FRAME["number"])
    assert strings(column(name, "s.word", tmp_path)).tolist() == ["x", "", "NA", 'é, "quoted"']
    assert strings(column(name, "s.whole", tmp_path)).tolist() == ["1", "2", "3", "4"]
    assert numbers(column(name, "s.dotted.name", tmp_path)).tolist() == [0, 1, 0, 1]


def test_a_text_file_is_parsed_for_the_wanted_columns_alone(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv")
    sources = Sources({"s": "s.csv"}, folders=[tmp_path], references=["s.number", "s.word"])
    sources.column("s.number", "k")
    parsed = sources.sources["s"].parts[0][1].table
    assert sorted(parsed.column_names) == ["number", "word"]


def test_text_cells_are_numbers_or_booleans_where_all_of_them_are(tmp_path: Path) -> None:
    lines = ["\ufeffint,real,flag,mixed,code", "1, 2.5,true,1,01", ",,,,", '3,1e2,False,"two\nlines",2']
    (tmp_path / "s.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, expected in {"int": [1, np.nan, 3], "real": [2.5, np.nan, 100], "flag": [1, np.nan, 0]}.items():
        np.testing.assert_array_equal(numbers(column("s.csv", f"s.{name}", tmp_path)), expected)
    assert strings(column("s.csv", "s.mixed", tmp_path)).tolist() == ["1", "", "two\nlines"]
    assert strings(column("s.csv", "s.flag", tmp_path)).tolist() == ["true", "", "false"]


def test_an_empty_line_of_a_single_column_is_an_empty_cell(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a\n1\n\n3\n")
    np.testing.assert_array_equal(numbers(column("s.csv", "s.a", tmp_path)), [1, np.nan, 3])
    (tmp_path / "two.csv").write_text("a,b\n1,2\n\n3,4\n\n")
    assert numbers(column("two.csv", "s.a", tmp_path)).tolist() == [1, 3]


def test_npz_npy_arrays_and_frames_are_sources(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", a=np.arange(4))
    np.save(tmp_path / "s.npy", np.arange(4))
    assert column("s.npz", "s.a", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert column("s.npy", "s", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert column({"a": np.arange(4)}, "s.a", tmp_path).values.tolist() == [0, 1, 2, 3]
    assert strings(column(FRAME, "s.word", tmp_path))[0] == "x"


def test_nullable_frames_and_bytes_are_read(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": pd.array([1, None, 3], dtype="Int64"), "b": pd.array([True, None, False])})
    np.testing.assert_array_equal(numbers(column(frame, "s.a", tmp_path)), [1, np.nan, 3])
    np.testing.assert_array_equal(numbers(column(frame, "s.b", tmp_path)), [1, np.nan, 0])
    assert strings(column({"a": np.array([b"x", b""])}, "s.a", tmp_path)).tolist() == ["x", ""]
    with pytest.raises(ConfigError, match=r"not UTF-8.*row 1"):
        strings(column({"a": np.array([b"x", b"\xff"])}, "s.a", tmp_path))


@pytest.mark.parametrize(
    ("located", "problem"),
    [
        ([], "a list without any file"),
        ({}, "has no columns"),
        ({"a": np.float64(1)}, "one value, not a column"),
    ],
)
def test_a_source_without_columns_is_named(located: Any, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem):
        column(located, "s.a", tmp_path)


def test_files_of_one_source_have_cells_of_one_shape(tmp_path: Path) -> None:
    for number in (2, 3):
        np.save(tmp_path / f"{number}.npy", np.zeros((4, number)))
    with pytest.raises(ConfigError, match="differ in the shape"):
        column("*.npy", "s", tmp_path)


def test_lists_of_different_lengths_may_come_from_a_target(tmp_path: Path) -> None:
    assert column({"a": [[1, 2], [3]]}, "s.a", tmp_path).values.tolist() == [[1, 2], [3]]


def test_an_npy_stays_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "s.npy", np.arange(4))
    assert isinstance(column("s.npy", "s", tmp_path).values, np.memmap)


def test_lists_and_globs_put_files_one_after_the_other_and_rows_keep_their_place(tmp_path: Path) -> None:
    for number in (2, 1):
        pd.DataFrame({"a": [number, "bad" if number == 2 else 0]}).to_csv(
            tmp_path / f"{number}.csv", index=False
        )
    for located in ("*.csv", ["1.csv", "2.csv"]):
        found = column(located, "s.a", tmp_path)
        with pytest.raises(ConfigError, match=r"2\.csv, row 1 \(rows count from 0\)"):
            numbers(found)


def test_relative_paths_are_looked_for_in_each_folder_in_turn(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    write_csv(tmp_path / "conf" / "s.csv")
    sources = Sources({"s": "s.csv"}, folders=[tmp_path, tmp_path / "conf"])
    assert len(sources.column("s.whole", "k").values) == 4


def test_a_saved_dictionary_of_data_sets_has_a_split_column(tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for split in ("train", "test"):
        write_arrow(tmp_path / "both" / split)
    (tmp_path / "both" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert strings(column("both", "s.split", tmp_path)).tolist() == ["train"] * 4 + ["test"] * 4
    assert numbers(column("both", "s.whole", tmp_path)).tolist() == [1, 2, 3, 4] * 2


def test_lists_in_parquet_come_back_as_lists(tmp_path: Path) -> None:
    pd.DataFrame({"a": [[1.0, 2.0], None, [3.0]]}).to_parquet(tmp_path / "s.parquet")
    values = column("s.parquet", "s.a", tmp_path).values
    assert [None if value is None else list(value) for value in values] == [[1.0, 2.0], None, [3.0]]


def test_sources_without_a_key_line_up_by_row_and_must_be_equally_long() -> None:
    sources = Sources({"a": {"x": np.arange(4)}, "b": {"y": np.arange(5)}})
    sources.column("a.x", "data.inputs.x.column")
    with pytest.raises(ConfigError, match=r"b\.y has 5 rows\n.*4 rows, as a\.x has"):
        sources.column("b.y", "data.inputs.y.column")


def test_a_join_lines_rows_up_by_their_key_whatever_their_type_and_order() -> None:
    sources = Sources(
        {
            "a": {"id": np.array([3, 1, 2]), "x": np.array([30, 10, 20])},
            "b": {"id": np.array(["1", "2", "3"]), "y": np.array([100, 200, np.inf])},
        },
        join="id",
    )
    found = sources.column("b.y", "k")
    assert found.values.tolist() == [np.inf, 100, 200]
    assert sources.column("a.x", "k").values.tolist() == [30, 10, 20]
    with pytest.raises(ConfigError, match="source b, row 2"):
        numbers(found)


@pytest.mark.parametrize(
    ("left", "right", "problem", "found"),
    [
        (["a", "b"], ["a", "c"], "in source b but not in source a", "c"),
        (["a", "b", "c"], ["a", "b"], "in source a but not in source b", "c"),
        (["a", "b", "b"], ["a", "b"], "there twice or more", "b"),
        (["a", "", "b"], ["a", "b"], "a row without a key", "''"),
    ],
)
def test_a_key_that_is_missing_or_doubled_is_shown(
    left: list[str], right: list[str], problem: str, found: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        Sources({"a": {"id": np.array(left)}, "b": {"id": np.array(right)}}, join="id")
    assert caught.value.key == "data.join"
    assert problem in caught.value.problem
    assert found in str(caught.value.found)


BAD_FILES = {
    "empty.csv": (b"", "is empty"),
    "header.csv": (b"a,b\n", "has no rows"),
    "twice.csv": (b"a,b,a\n1,2,3\n", "several columns of the same name"),
    "latin.csv": (
        "b,a\n1,2\n3,Zürich\n".encode("latin-1"),
        r"not UTF-8: column 'a', row 1 \(rows count from 0\)",
    ),
    "names.csv": ("a,ü\n1,2\n".encode("latin-1"), "not UTF-8: the line of names"),
    "quote.csv": (b'a,b\n"1,2\n3,4\n', "unquoted cell"),
    "many.csv": (b"a,b\n1,2\n3,4,5\n", r"row 1 \(rows count from 0\), has not one cell per name"),
    "first.csv": (b"a,b\n1,2,3\n4,5,6\n", r"row 0 \(rows count from 0\), has not one cell per name"),
    "cut.csv": (b"b,a\n1,2\n3", r"row 1 \(rows count from 0\), has not one cell per name"),
    "cut.csv.gz": (gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "truncated, damaged"),
    "not.npz": (b"something else", "truncated, damaged"),
    "not.npy": (b"something else", "truncated, damaged"),
    "not.parquet": (b"something else", "truncated, damaged"),
    "not.xlsx": (b"something else", "unknown format"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_named_with_what_is_wrong(name: str, tmp_path: Path) -> None:
    content, problem = BAD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        column(name, "s" if name.endswith("npy") else "s.a", tmp_path)
    assert name in str(caught.value)


def test_a_truncated_archive_is_named(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "s.npz", a=np.random.default_rng(0).random(1000))
    whole = (tmp_path / "s.npz").read_bytes()
    damaged = whole[:200] + bytes(50) + whole[250:]
    for content in (whole[: len(whole) // 2], damaged):
        (tmp_path / "s.npz").write_bytes(content)
        with pytest.raises(ConfigError, match=r"s\.npz cannot be read: truncated"):
            column("s.npz", "s.a", tmp_path)


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ConfigError, match="allow_pickle"):
        column("s.npz", "s.a", tmp_path)


def test_a_missing_file_or_pattern_says_where_was_looked(tmp_path: Path) -> None:
    for located in ("absent.csv", "*.csv", "pkg://pipeline.datasets/absent.npz"):
        with pytest.raises(ConfigError) as caught:
            column(located, "s.a", tmp_path)
        assert caught.value.key == "data.sources.s"
        assert str(tmp_path) in str(caught.value) or "datasets" in str(caught.value)
    with pytest.raises(ConfigError, match="no such installed package"):
        column("pkg://absent_package/x.npz", "s.a", tmp_path)


def test_a_folder_that_holds_no_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match=r"holds no saved data set"):
        column("folder", "s.a", tmp_path)


def test_an_unknown_column_shows_those_there_are(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv")
    with pytest.raises(ConfigError) as caught:
        column("s.csv", "s.nmber", tmp_path)
    assert caught.value.key == "data.inputs.x.column"
    assert "nearest: s.number" in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "problem", "found"),
    [
        (np.array(["1", "two", "3"], dtype=object), "text where numbers are due", "two"),
        (np.array(["1", "two", "3"]), "text where numbers are due", "two"),
        (np.array([1.0, np.inf, 2.0]), "infinite", "inf"),
        (np.array([1.0, 1e300, 2.0]), "too large", "1e+300"),
        (np.array(["2024-01-01"] * 3, dtype="datetime64[D]"), "dates where numbers are due", "2024"),
        (np.array([1, [2], 3], dtype=object), "a list where numbers are due", "[2]"),
        (np.array([1, 2j, 3]), "complex128 where numbers are due", "1"),
    ],
)
def test_a_cell_that_is_no_number_is_shown_with_its_row(cells: np.ndarray, problem: str, found: str) -> None:
    with pytest.raises(ConfigError) as caught:
        numbers(Sources({"s": {"a": cells}}).column("s.a", "data.inputs.x.column"))
    assert caught.value.key == "data.inputs.x.column"
    assert problem in caught.value.problem
    assert "row" in caught.value.problem
    assert found in str(caught.value.found)


def test_nan_none_and_empty_cells_are_missing_in_numbers_and_strings() -> None:
    cells = np.array([1, None, "", " ", np.nan, "NA", "2"], dtype=object)
    found = Sources({"s": {"a": cells}}).column("s.a", "k")
    np.testing.assert_array_equal(numbers(found), [1] + [np.nan] * 5 + [2])
    assert strings(found).tolist() == ["1", "", "", "", "", "NA", "2"]
