"""Patterns for columns, and the order in which people count."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.data.columns import numbers
from pipeline.data.patterns import is_pattern, matching, shortened
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

NAMES = ["y", "x_10", "x_9", "x_100", "x_b", "x[1]", "x*"]


def test_matching_columns_are_in_the_order_of_their_numbers() -> None:
    assert matching("x_*", NAMES) == ["x_9", "x_10", "x_100", "x_b"]
    assert matching("x[*]", NAMES) == ["x[1]"]
    assert matching("*_1*", NAMES) == ["x_10", "x_100"]
    assert matching("z*", NAMES) == []
    assert is_pattern("x_*", NAMES)
    assert not is_pattern("x*", NAMES)  # a column of this name
    assert shortened(["a", "b"]) == "a, b"
    assert shortened(list("abcdefg")) == "a, b, c, …, g"


@pytest.mark.parametrize("in_memory", [True, False])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_pattern_reads_all_columns_side_by_side(
    tmp_path: Path, suffix: str, in_memory: bool, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame({"x_10": [10.0, 11], "x_2": [2, 3], "y": ["a", "b"], "x_1": [1.5, np.nan]})
    path = tmp_path / f"s.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    sources = Sources({"s": str(path)}, references=["s.x_*"], in_memory=in_memory)
    assert sources.values("s.x_*", "k").shape == (2, 3)
    np.testing.assert_array_equal(sources.column("s.x_*", "k").values, [[1.5, 2, 10], [np.nan, 3, 11]])
    np.testing.assert_array_equal(sources.part("s.x_*", "k", np.array([1])).values, [[np.nan, 3, 11]])
    assert caplog.messages == ["s.x_*: 3 columns, in this order: x_1, x_2, x_10"]
    with pytest.raises(ConfigError, match=r"no column matches(.|\n)*found: +s\.z\*"):
        sources.values("s.z*", "k")


def test_words_for_missing_cells_are_counted_over_all_columns(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "s.csv").write_text("x_1,x_2\n1,NA\n-,3\n-,NA\n")
    sources = Sources({"s": {"path": str(tmp_path / "s.csv"), "missing": ["NA", "-"]}}, references=["s.x_*"])
    values = numbers(sources.column("s.x_*", "k"))
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, 3], [np.nan, np.nan]])
    assert "s.x_*: 2 cells are NA, 2 cells are -, taken as missing" in caplog.text
