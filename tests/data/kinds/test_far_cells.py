"""Cells that are far from all others of their column are named, with their file and row."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data

ROWS = 120
RANDOM = np.random.default_rng(0)
SPLIT = {"column": "s.split", "train": 0, "val": 1, "test": 2}
CODES = np.repeat([0, 1, 2], [80, 20, 20])
HEIGHT, WEIGHT = RANDOM.normal(170, 10, ROWS), RANDOM.normal(70, 8, ROWS)


def said(
    caplog: pytest.LogCaptureFixture,
    inputs: dict[str, Any],
    source: Any,
    targets: dict[str, Any] | None = None,
    **options: Any,
) -> list[str]:
    data.load({"s": source}, inputs, targets or {}, SPLIT, **options)
    return [message for message in caplog.messages if "far" in message or "furthest" in message]


def with_cell(values: np.ndarray, place: Any, value: float) -> np.ndarray:
    copy = values.copy()
    copy[place] = value
    return copy


@pytest.mark.parametrize("row", [3, 90, 119])
@pytest.mark.parametrize("scale", ["robust", "standard"])
def test_a_cell_of_any_split_is_named_with_its_file_row_value_and_distance(
    row: int, scale: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame({"height": with_cell(HEIGHT, row, 17000), "weight": WEIGHT, "split": CODES})
    frame.to_csv(tmp_path / "people.csv", index=False)
    entry = {"kind": "table", "numeric": ["s.weight", "s.height"], "scale": scale}
    (message,) = said(caplog, {"t": entry}, "people.csv", folders=[tmp_path])
    split = {3: "train", 90: "val", 119: "test"}[row]
    assert message.startswith(
        "data.inputs.t: 1 cell of column height is more than 20 spreads from the median; "
        "the furthest is 17000, 1,"
    )
    assert message.endswith(f"spreads away ({split}, {tmp_path / 'people.csv'}, row {row})")


def test_several_cells_are_counted_over_all_splits(caplog: pytest.LogCaptureFixture) -> None:
    values = np.column_stack([HEIGHT, WEIGHT])
    values[[2, 100], 1] = -5000, 9000
    (message,) = said(caplog, {"v": {"kind": "vector", "column": "s.x"}}, {"x": values, "split": CODES})
    assert message.startswith("data.inputs.v: 2 cells of column x.1 are more than 20 spreads from the median")
    assert "9000" in message
    assert "(test, source s, row 100)" in message


def test_cells_of_series_and_labels_are_named_too(caplog: pytest.LogCaptureFixture) -> None:
    series = with_cell(RANDOM.normal(size=(ROWS, 9, 3)), (85, 5, 1), 1000)
    source = {"x": series, "y": with_cell(HEIGHT, 7, -4000), "split": CODES}
    inputs = {"w": {"kind": "series", "column": "s.x"}}
    found = said(caplog, inputs, source, {"y": {"kind": "number", "column": "s.y"}})
    assert "data.inputs.w: 1 cell of column x, channel 1" in found[0]
    assert "(val, source s, row 85)" in found[0]
    assert "data.targets.y: 1 cell of column y" in found[1]
    assert "is -4000" in found[1]


@pytest.mark.parametrize(
    "values",
    [
        HEIGHT,
        RANDOM.exponential(3, ROWS),
        (np.arange(ROWS) % 3 == 0).astype(float),
        np.arange(ROWS) % 6,
        np.where(np.arange(ROWS) % 4, HEIGHT, np.nan),
        np.full(ROWS, 3.0),
    ],
)
def test_ordinary_columns_are_not_mentioned(values: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    inputs = {"t": {"kind": "table", "numeric": ["s.x"]}}
    assert said(caplog, inputs, {"x": values, "split": CODES}) == []


def test_of_many_columns_only_some_are_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    values = with_cell(RANDOM.normal(size=(ROWS, 30)), 4, 1e6)
    found = said(caplog, {"v": {"kind": "vector", "column": "s.x"}}, {"x": values, "split": CODES})
    assert len(found) == 21
    assert found[-1] == "data.inputs.v: more columns have cells that are far out"
