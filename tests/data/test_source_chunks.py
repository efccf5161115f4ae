"""Several files to predict are joined, and come in chunks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.source_chunks import SourceChunks
from pipeline.errors import ConfigError

A = pd.DataFrame({"id": [1, 2, 3, 4, 5], "x": [10.0, 20.0, 30.0, 40.0, 50.0]})
B = pd.DataFrame({"id": [5, 4, 3, 2, 1], "y": [5.0, 4.0, 3.0, 2.0, 1.0]})


def chunks(join: str | None) -> SourceChunks:
    return SourceChunks({"a": A, "b": B}, ["a.x", "b.y"], join, {}, [Path()], "input")


def test_chunks_cover_all_rows_once_and_tell_how_far_they_are() -> None:
    parts = list(chunks("id").read([""], 2))
    assert [part.columns[""].tolist() for part in parts] == [["1", "2"], ["3", "4"], ["5"]]
    assert [part.share for part in parts] == pytest.approx([0.4, 0.8, 1.0])


def test_a_join_matches_rows_by_key_and_without_one_by_position() -> None:
    assert chunks("id").joined["b.y"].values.tolist() == [1, 2, 3, 4, 5]
    by_position = chunks(None)
    assert by_position.joined["b.y"].values.tolist() == [5, 4, 3, 2, 1]
    np.testing.assert_array_equal(by_position.keys, np.arange(5))


def test_a_source_without_a_file_is_named_with_its_column() -> None:
    with pytest.raises(ConfigError, match=r"the source of column b\.y has no file(.|\n)*found: +a\n"):
        SourceChunks({"a": A}, ["a.x", "b.y"], None, {}, [Path()], "input")
