"""Rows of several sources are matched by position or by a key."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from tests.data.frames import write_csv
from tests.data.small_data import read_column


def test_the_files_of_a_list_or_glob_follow_each_other_and_rows_keep_their_place(tmp_path: Path) -> None:
    for number in (2, 1):
        frame = pd.DataFrame({"a": [number, "bad" if number == 2 else 0]})
        frame.to_csv(tmp_path / f"{number}.csv", index=False)
    for entry in ("*.csv", ["1.csv", "2.csv"]):
        with pytest.raises(ConfigError, match=r"2\.csv, row 1 \(counting from 0\)"):
            numbers(read_column(entry, "s.a", tmp_path))


def test_relative_paths_are_looked_for_in_each_folder_in_turn(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    write_csv(tmp_path / "conf" / "s.csv")
    sources = Sources({"s": "s.csv"}, folders=[tmp_path, tmp_path / "conf"])
    assert len(sources.column("s.whole", "k").values) == 4


def test_an_unknown_column_or_source_suggests_the_closest(tmp_path: Path) -> None:
    write_csv(tmp_path / "s.csv")
    with pytest.raises(ConfigError, match=r"no such column(.|\n)*nearest: s\.number") as caught:
        read_column("s.csv", "s.nmber", tmp_path)
    assert caught.value.key == "data.inputs.x.column"
    with pytest.raises(ConfigError, match=r"there is no such source(.|\n)*allowed: s\.…"):
        read_column("s.csv", "t.number", tmp_path)


def test_sources_without_a_key_are_matched_by_position_and_must_have_the_same_length() -> None:
    sources = Sources({"a": {"x": np.arange(4)}, "b": {"y": np.arange(5)}})
    sources.column("a.x", "data.inputs.x.column")
    with pytest.raises(ConfigError, match=r"b\.y has 5 rows\n.*4 rows, like a\.x"):
        sources.column("b.y", "data.inputs.y.column")


def test_words_for_missing_cells_can_be_said_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    table = {
        "a": np.array(["NA", "x", "NA"]),
        "b": np.array(["n/a", "y", "z"]),
        "c": np.array(["u", "v", "w"]),
    }
    sources = Sources({"s": table}, brief=True)
    for name in ("s.a", "s.b", "s.c", "s.a"):
        sources.column(name, "k")
    assert not caplog.messages
    sources.report()
    assert caplog.messages == ["3 cells hold words for missing ones (s.a, s.b)"]


def test_row_groups_are_those_of_the_first_column_that_has_several(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": np.arange(10)}), tmp_path / "a.parquet", row_group_size=4)
    sources = Sources({"s": str(tmp_path / "*.parquet"), "t": {"x": np.arange(10)}}, in_memory=False)
    assert sources.row_groups(["t.x"], "k") is None
    assert sources.row_groups(["t.x", "s.n"], "k").tolist() == [1] * 4 + [2] * 4 + [3] * 2


def test_released_columns_are_read_again(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}).to_csv(tmp_path / "s.csv", index=False)
    sources = Sources({"s": str(tmp_path / "s.csv")}, references=["s.a", "s.b"])
    first = [strings(sources.column(name, "data.inputs.x.column")) for name in ("s.a", "s.b")]
    sources.release()
    assert not sources.cache
    again = [strings(sources.column(name, "data.inputs.x.column")) for name in ("s.a", "s.b")]
    assert [*map(list, again)] == [*map(list, first)] == [["1.5", "2.5"], ["x", "y"]]
