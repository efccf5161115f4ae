"""How the cells of text tables become numbers, booleans and strings."""

from pathlib import Path

import numpy as np

from pipeline.data.columns import numbers, strings
from pipeline.data.sources import Sources
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
