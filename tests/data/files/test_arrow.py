"""Parquet files and saved Hugging Face data sets."""

import json
from pathlib import Path

import pandas as pd
import pytest

from pipeline.data.columns import numbers, strings
from pipeline.errors import ConfigError
from tests.data.frames import write_saved_data_set
from tests.data.small_data import read_column


def test_lists_in_parquet_are_read_as_lists(tmp_path: Path) -> None:
    pd.DataFrame({"a": [[1.0, 2.0], None, [3.0]]}).to_parquet(tmp_path / "s.parquet")
    values = read_column("s.parquet", "s.a", tmp_path).values
    assert [None if value is None else list(value) for value in values] == [[1.0, 2.0], None, [3.0]]


def test_a_saved_dictionary_of_data_sets_has_a_split_column(tmp_path: Path) -> None:
    (tmp_path / "both").mkdir()
    for split in ("train", "test"):
        write_saved_data_set(tmp_path / "both" / split)
    (tmp_path / "both" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert strings(read_column("both", "s.split", tmp_path)).tolist() == ["train"] * 4 + ["test"] * 4
    assert numbers(read_column("both", "s.whole", tmp_path)).tolist() == [1, 2, 3, 4] * 2


def test_a_folder_without_a_saved_data_set_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="does not contain a saved data set"):
        read_column("folder", "s.a", tmp_path)
