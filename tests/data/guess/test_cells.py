"""Which cells are looked at, and how they are shown."""

import numpy as np
import pytest

from pipeline.data.guess import cells
from pipeline.data.guess.cells import SampledSource, open_source, sample_rows, shown
from pipeline.errors import ConfigError
from tests.data.guess.guesses import config_of, plan_of, write


def test_few_rows_are_all_looked_at_and_of_many_some_blocks():
    assert sample_rows(50, 100).tolist() == [*range(50)]
    rows = sample_rows(1000, 100)
    assert len(rows) == 100
    assert (rows[0], rows[-1]) == (0, 999)
    assert (np.diff(rows) == 1).sum() == 90  # ten blocks of ten neighbours


@pytest.mark.parametrize("suffix", [".npz", ".parquet", ".csv"])
def test_a_sample_of_a_long_file_says_so_and_finds_the_same_kinds(suffix, tmp_path, monkeypatch):
    monkeypatch.setattr(cells, "MOST_ROWS", 200)
    random, rows = np.random.default_rng(0), 2000
    x = random.normal(size=rows)
    columns = {"id": np.arange(rows), "x": x, "word": random.choice(["a", "b", "c"], rows), "y": np.sin(x)}
    write(tmp_path, f"s{suffix}", **columns)
    plan = plan_of(tmp_path, [f"s{suffix}"], ["y"])
    assert plan.sampled == 200
    assert plan.rows == {"s": 2000}
    table = config_of(tmp_path, [f"s{suffix}"], ["y"])["inputs"]["table"]
    assert table == {"kind": "table", "numeric": ["s.x"], "categorical": ["s.word"]}
    assert [*plan.left_out] == ["s.id"]


def test_wide_files_and_large_arrays_are_sampled_more(tmp_path, monkeypatch):
    write(tmp_path, "s.npz", x=np.zeros((500, 8, 8)), y=np.zeros(500))
    source = SampledSource("s", "s.npz", folders=[tmp_path])
    monkeypatch.setattr(cells, "MOST_CELLS", 400)
    monkeypatch.setattr(cells, "FEWEST_ROWS", 10)
    assert len(source.sample(500)) == 200
    monkeypatch.setattr(cells, "MOST_BYTES", 51_200)
    assert len(source.sample(500, width=512)) == 100


def test_a_file_of_windows_is_read_with_its_encoding(tmp_path):
    random = np.random.default_rng(0)
    frame = {"größe": random.normal(size=50), "ort": random.choice(["Köln", "Bonn", "Jülich"], 50)}
    write(tmp_path, "utf.csv", **frame)
    (tmp_path / "s.csv").write_bytes((tmp_path / "utf.csv").read_text(encoding="utf-8").encode("cp1252"))
    config = config_of(tmp_path, ["s.csv"], ["ort"])
    assert config["sources"]["s"] == {"path": "s.csv", "encoding": "cp1252"}
    assert config["inputs"]["table"]["numeric"] == ["s.größe"]


@pytest.mark.parametrize(
    ("first", "problem"),
    [("5.1,3.5,setosa", True), ("5,3,setosa", True), ("a,b,setosa", False), ("0,1,kind", False)],
)
def test_a_first_row_of_cells_is_no_header(first, problem, tmp_path):
    rows = [
        f"{value},{value % 7},{word}" for value, word in zip(range(60), ["setosa", "other"] * 30, strict=True)
    ]
    (tmp_path / "s.csv").write_text("\n".join([first, *rows]))
    if not problem:
        assert open_source("s", "s.csv", [tmp_path]).rows == 60
        return
    with pytest.raises(ConfigError, match="looks like data"):
        open_source("s", "s.csv", [tmp_path])


def test_a_first_row_with_a_single_number_is_no_header_either(tmp_path):
    rows = [f"{value / 7:.3f},{['up', 'down'][value % 2]}" for value in range(60)]
    (tmp_path / "s.csv").write_text("\n".join(["4.5,up", *rows]))
    with pytest.raises(ConfigError, match="looks like data"):
        open_source("s", "s.csv", [tmp_path])


def test_shown_values_are_short_and_on_one_line():
    assert shown(["a\nb", "c"]) == "a b, c"
    assert shown(["a"] * 9) == "a, a, a, a …"
    assert len(shown(["long " * 50])) < 70
