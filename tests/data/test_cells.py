"""What a cell means depends on what its column is declared to be, not on the format of its file."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.data.missing import MISSING_WORDS, without_words
from tests.data.small_data import objects

SPLIT = {"fractions": [0.5, 0.25, 0.25], "seed": 0}
WRITERS = {
    "s.csv": lambda frame, path: frame.to_csv(path, index=False),
    "s.tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    "s.parquet": lambda frame, path: frame.to_parquet(path, index=False),
}
NUMBERS = np.arange(80.0)


def load(folder: Path, file: str, frame: pd.DataFrame, **more: Any) -> data.Dataset:
    WRITERS[file](frame.assign(x=NUMBERS), folder / file)
    inputs = {"x": {"kind": "vector", "column": "s.x"}} | more.pop("inputs", {})
    entry = {"path": file, **more.pop("options")} if "options" in more else file
    return data.load({"s": entry}, inputs, split=SPLIT, folders=[folder], **more)


def classes(dataset: data.Dataset) -> list[str]:
    return dataset.targets["y"].names


CATEGORY = {"y": {"kind": "category", "column": "s.y"}}


@pytest.mark.parametrize("file", WRITERS)
@pytest.mark.parametrize(
    "words",
    [
        ["None", "Scratch", "Dent", "Crack"],
        ["01067", "10115", "007", "7"],
        ["103241243500726324", "103241243500726320", "205550000000000001", "205550000000000002"],
        ["1e5", "100000", "+5", "5"],
        ["1.10", "1.1", "a", "b"],
    ],
)
def test_classes_are_what_stands_in_the_file(tmp_path: Path, file: str, words: list[str]) -> None:
    dataset = load(tmp_path, file, pd.DataFrame({"y": words * 20}), targets=CATEGORY)
    assert sorted(classes(dataset)) == sorted(words)
    labels = np.concatenate([split.labels["y"] for split in dataset.splits.values()])
    assert np.bincount(labels).tolist() == [20] * 4


def test_classes_are_what_stands_in_files_of_several_formats(tmp_path: Path) -> None:
    frame = pd.DataFrame({"y": ["007", "7", "01", "1"] * 20, "x": NUMBERS})
    for file in ("s.csv", "s.parquet"):
        WRITERS[file](frame, tmp_path / file)
    inputs = {"x": {"kind": "vector", "column": "s.x"}}
    files = {"s": ["s.csv", "s.parquet"]}
    dataset = data.load(files, inputs, CATEGORY, SPLIT, folders=[tmp_path])
    assert sorted(classes(dataset)) == ["007", "01", "1", "7"]


@pytest.mark.parametrize("file", WRITERS)
def test_integers_that_pandas_writes_as_floats_are_integers(tmp_path: Path, file: str) -> None:
    frame = pd.DataFrame({"y": [1, 2, np.nan, 10] * 20})
    assert classes(load(tmp_path, file, frame, targets=CATEGORY)) == ["1", "2", "10"]


@pytest.mark.parametrize("file", ["s.csv", "s.parquet"])
def test_categories_groups_and_keys_are_what_stands_in_the_file(tmp_path: Path, file: str) -> None:
    frame = pd.DataFrame({"code": ["007", "7"] * 40, "y": [0, 1] * 40})
    inputs = {"t": {"kind": "table", "categorical": ["s.code"]}}
    dataset = load(tmp_path, file, frame, inputs=inputs, targets=CATEGORY)
    assert dataset.inputs["t"].categories["s.code"].tolist() == ["007", "7"]
    other = pd.DataFrame({"code": ["7", "007"], "z": [1.0, 2.0]})
    two = pd.DataFrame({"code": ["007", "7"], "y": [0, 1]})
    for name, table in (("a.csv", two), ("b.csv", other)):
        table.to_csv(tmp_path / name, index=False)
    sources = data.sources.Sources({"a": "a.csv", "b": "b.csv"}, folders=[tmp_path], join="code")
    assert sources.column("b.z", "key").values.tolist() == [2, 1]


@pytest.mark.parametrize("file", WRITERS)
def test_words_for_missing_cells_are_the_same_for_every_kind_and_format_and_said(
    tmp_path: Path, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame({"level": ["up", "NA", "down", "n/a"] * 20, "height": ["1.5", "NA", "2", "3"] * 20})
    targets = {
        "level": {"kind": "category", "column": "s.level"},
        "height": {"kind": "number", "column": "s.height"},
    }
    dataset = load(tmp_path, file, frame, targets=targets)
    assert dataset.targets["level"].names == ["down", "up"]
    labels = {name: sum(split.labels[name].size for split in dataset.splits.values()) for name in targets}
    assert labels == {"level": 80, "height": 80}
    missing = sum(np.isnan(split.labels["height"]).sum() for split in dataset.splits.values())
    assert missing == 20
    said = [message for message in caplog.messages if "taken as missing" in message]
    assert said == [
        "s.level: 20 cells are NA, 20 cells are n/a, taken as missing (data.sources.s.missing)",
        "s.height: 20 cells are NA, taken as missing (data.sources.s.missing)",
    ]


@pytest.mark.parametrize("file", WRITERS)
def test_which_words_are_missing_can_be_set_per_source(tmp_path: Path, file: str) -> None:
    frame = pd.DataFrame({"y": ["up", "NA", "down", "-"] * 20})
    dataset = load(tmp_path, file, frame, targets=CATEGORY, options={"missing": ["", "-"]})
    assert classes(dataset) == ["NA", "down", "up"]


def test_words_are_counted_and_other_cells_stay() -> None:
    cells = objects("NA", "a", None, "NA", "null", "Null")
    values, counts = without_words(cells, MISSING_WORDS)
    assert values.tolist() == [None, "a", None, None, None, "Null"]
    assert counts == {"NA": 2, "null": 1}
    numbers = np.arange(3)
    assert without_words(numbers, MISSING_WORDS) == (numbers, {})
