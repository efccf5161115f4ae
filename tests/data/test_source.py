"""One source: arrays, one file or several, and the options with which files are read."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.columns import Column, list_in_row, numbers, strings
from pipeline.data.files.stored import ChainedColumn
from pipeline.data.missing import MISSING_WORDS
from pipeline.data.source import Source, split_entry
from pipeline.errors import ConfigError

KEY = "data.inputs.x.column"


def source_of(entry: Any, folder: Path = Path(), *needed: str) -> Source:
    return Source("s", entry, folders=[folder], needed=needed)


def write_parts(folder: Path, *sizes: int) -> None:
    """Writes the whole numbers 0, 1, … as column `a` of 0.csv, 1.csv and so on."""
    ends = np.cumsum([0, *sizes])
    for number, (first, last) in enumerate(pairwise(ends)):
        pd.DataFrame({"a": np.arange(first, last)}).to_csv(folder / f"{number}.csv", index=False)


def test_one_file_has_its_columns_and_rows(tmp_path: Path) -> None:
    write_parts(tmp_path, 3)
    source = source_of("0.csv", tmp_path, "a")
    assert source.columns == ["a"]
    assert source.read("a", KEY).tolist() == [0, 1, 2]


def test_rows_of_several_files_follow_each_other_in_the_order_of_the_list(tmp_path: Path) -> None:
    write_parts(tmp_path, 2, 1)
    assert source_of("*.csv", tmp_path, "a").read("a", KEY).tolist() == [0, 1, 2]
    assert source_of(["1.csv", "0.csv"], tmp_path, "a").read("a", KEY).tolist() == [2, 0, 1]


def test_a_row_is_placed_in_its_file_by_the_lengths_of_the_files_before(tmp_path: Path) -> None:
    write_parts(tmp_path, 2, 1, 3)
    source = source_of("*.csv", tmp_path, "a")
    source.read("a", KEY)
    places = [source.place(row) for row in range(6)]
    expected = [("0", 0), ("0", 1), ("1", 0), ("2", 0), ("2", 1), ("2", 2)]
    assert places == [f"{tmp_path / name}.csv, row {row}" for name, row in expected]


def test_arrays_in_memory_are_placed_by_the_name_of_the_source() -> None:
    source = source_of({"a": [1, 2], "b": np.zeros((2, 3))})
    assert source.columns == ["a", "b"]
    assert source.read("b", KEY).shape == (2, 3)
    assert source.place(1) == "source s, row 1"
    assert not source.has_text


def test_files_with_different_shapes_are_refused_with_both_shapes(tmp_path: Path) -> None:
    for width in (2, 3):
        np.savez(tmp_path / f"{width}.npz", a=np.zeros((4, width)), b=np.zeros(width))
    source = source_of("*.npz", tmp_path)
    for read in (source.read, source.stored):
        with pytest.raises(ConfigError, match=r"source 's' have different shapes for column 'a'") as caught:
            read("a", KEY)
        assert (caught.value.key, caught.value.found) == (KEY, [(2,), (3,)])
    assert source.read("b", KEY).shape == (5,)


def test_a_single_value_is_no_column_and_no_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'a' of source s is a single value"):
        source_of({"a": np.array(3.0)}).read("a", KEY)
    with pytest.raises(ConfigError, match="column 'a' of source s has no rows"):
        source_of({"a": []}).read("a", KEY)
    write_parts(tmp_path, 0, 2, 0)
    assert len(source_of("*.csv", tmp_path, "a").read("a", KEY)) == 2


def test_a_column_that_only_the_second_file_lacks_is_refused_with_that_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "0.npz", a=np.zeros(2), b=np.zeros(2))
    np.savez(tmp_path / "1.npz", a=np.zeros(2))
    source = source_of("*.npz", tmp_path)
    assert len(source.read("a", KEY)) == 4
    for read in (source.read, source.stored):
        with pytest.raises(ConfigError, match=r"no such column in .*1\.npz\n.*found: +s\.b\n") as caught:
            read("b", KEY)
        assert caught.value.key == KEY


def test_stored_columns_of_arrays_on_disk_are_not_read_and_are_chained(tmp_path: Path) -> None:
    for number in range(2):
        np.save(tmp_path / f"{number}.npy", np.arange(3) + 3 * number)
    one, both = source_of("0.npy", tmp_path).stored("", KEY), source_of("*.npy", tmp_path).stored("", KEY)
    assert not isinstance(one, np.ndarray)
    assert isinstance(both, ChainedColumn)
    assert both.shape == (6,)
    assert source_of("*.npy", tmp_path).read("", KEY).tolist() == [0, 1, 2, 3, 4, 5]
    assert isinstance(source_of({"a": [1]}).stored("a", KEY), np.ndarray)


def test_options_are_those_of_the_files_and_of_missing_words(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("a|b\n1,5|x\n2,5|?\n", encoding="utf-8")
    options = {"separator": "|", "decimal": ",", "missing": ["?"]}
    source = source_of({"path": "s.csv", **options}, tmp_path, "a", "b")
    assert source.columns == ["a", "b"]
    assert source.missing == ["?"]
    assert source.number_format.decimal == ","
    assert source.has_text
    assert source.read_text("a").tolist() == ["1,5", "2,5"]
    assert source_of({"path": ["s.csv"]}, tmp_path, "a").missing is MISSING_WORDS


def test_only_text_tables_alone_have_text(tmp_path: Path) -> None:
    write_parts(tmp_path, 2)
    np.savez(tmp_path / "1.npz", a=np.zeros(1))
    assert not source_of(["0.csv", "1.npz"], tmp_path, "a").has_text
    assert not source_of("1.npz", tmp_path, "a").has_text


def test_a_mapping_is_arrays_unless_its_path_is_a_path_or_a_list_of_them() -> None:
    assert split_entry("a.csv") == ("a.csv", {})
    assert split_entry({"path": "a.csv", "decimal": ","}) == ("a.csv", {"decimal": ","})
    assert split_entry({"path": ["a.csv", "b.csv"]}) == (["a.csv", "b.csv"], {})
    arrays = {"path": np.array(["a.png", "b.png"]), "label": np.arange(2)}
    assert split_entry(arrays) == (arrays, {})


def test_files_with_other_separators_and_decimal_signs_are_read_each_in_its_own_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a.csv").write_text('a,b,c,w\n1.5,x,2.5 kg,"[1.5, 2.5]"\n1480.25,1.5,3 kg,"[1, 2]"\n')
    rows = "b;a;c;w\n1,5;1,5;2,5 kg;'[1,5; 2,5]'\ny;1.480,25;3,125 kg;'[1; 2]'\nz;;;\n"
    (tmp_path / "b.csv").write_text(rows.replace("'", '"'), encoding="utf-16")
    source = source_of(["a.csv", "b.csv"], tmp_path, "a", "b", "c", "w")
    columns = {
        name: Column(f"s.{name}", KEY, source.read(name, KEY), source.place, source.number_format)
        for name in source.columns
    }
    np.testing.assert_array_equal(numbers(columns["a"]), [1.5, 1480.25, 1.5, 1480.25, np.nan])
    np.testing.assert_array_equal(numbers(columns["c"]), [2.5, 3, 2.5, 3.125, np.nan])
    lists = [list_in_row(columns["w"], row).tolist() for row in range(4)]
    assert lists == [[1.5, 2.5], [1, 2], [1.5, 2.5], [1, 2]]
    assert source.read_text("b").tolist() == ["x", "1.5", "1,5", "y", "z"]
    assert "different ways, and each is read in its own: a.csv 1.5, b.csv 1,5" in caplog.text


def test_whole_numbers_stay_exact_beside_a_file_with_fractions(tmp_path: Path) -> None:
    large = 123456789012345678
    pd.DataFrame({"a": [large, large + 1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [1.0, None]}).to_parquet(tmp_path / "b.parquet")
    pd.DataFrame({"a": [1, 2]}).to_parquet(tmp_path / "c.parquet")
    whole = source_of(["a.parquet", "b.parquet"], tmp_path)
    assert whole.read("a", KEY)[:3].tolist() == [large, large + 1, 1.0]
    assert whole.stored("a", KEY)[:2].tolist() == [large, large + 1]
    small = source_of(["c.parquet", "b.parquet"], tmp_path)
    assert small.read("a", KEY).dtype == small.stored("a", KEY).dtype == np.float64


def test_dates_beside_a_file_without_any_stay_dates(tmp_path: Path) -> None:
    days = pd.date_range("1969-12-31", periods=2)
    pd.DataFrame({"a": days}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": [None, None]}).to_parquet(tmp_path / "b.parquet")
    source = source_of(["a.parquet", "b.parquet"], tmp_path)
    for values in (source.read("a", KEY), source.stored("a", KEY)[:]):
        assert strings(Column("s.a", KEY, values, str)).tolist() == ["1969-12-31", "1970-01-01", "", ""]
