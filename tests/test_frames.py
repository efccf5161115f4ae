"""Data frames and arrays become files, and a config names them."""

import numpy as np
import pandas as pd
import pytest

from pipeline.errors import ConfigError
from pipeline.frames import write, write_data

DATA = {"inputs": {"t": {"kind": "table", "numeric": ["s.x"]}}}


def test_arrays_by_name_are_a_source_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame({"x": [0.5, 1.5], "larger": [True, False]})
    arrays = {name: table[name].to_numpy() for name in table}
    made = write_data(DATA | {"sources": {"s": arrays, "file": "rows.csv"}}, "pairs")
    text = (made / "data" / "pairs.yaml").read_text()
    assert "file: rows.csv" in text
    with np.load(made / "s.npz") as stored:
        np.testing.assert_array_equal(stored["x"], arrays["x"])


def test_a_frame_is_written_once_under_a_name_of_its_contents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"x": [0.5, 1.5]})
    first = write_data(DATA | {"sources": {"s": rows}}, "pairs")
    assert write_data(DATA | {"sources": {"s": rows.copy()}}, "pairs") == first
    assert write_data(DATA | {"sources": {"s": rows + 1}}, "pairs") != first
    pd.testing.assert_frame_equal(pd.read_parquet(first / "s.parquet"), rows)


def test_what_is_neither_rows_nor_a_path_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="must be rows or a path"):
        write([1, 2], tmp_path / "s")
