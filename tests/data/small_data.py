"""Rows of every kind of data (6 training, 3 validation, 3 test rows), and functions that load them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipeline import data
from pipeline.data.kinds import INPUTS, Input, build
from pipeline.data.kinds.prepare import encoded, preparation, prepare_rows
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

ROWS = 12
NAN = np.nan
COLUMN_SPLIT = {"column": "s.split", "train": 0, "val": 1, "test": 2}
SPLIT = np.repeat([0, 1, 2], [6, 3, 3])

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (ROWS, 8, 6, 3), dtype=np.uint8)
SERIES = RANDOM.normal(3, 2, (ROWS, 5, 2)).astype(np.float32)
NUMBERS = RANDOM.normal(100, 5, (ROWS, 3))
WORDS = np.array(
    ["red", "blue", "", "red", "green", "blue", "red", "pink", "", "blue", "red", "pink"], dtype=object
)
CODES = np.array([7, 3, NAN, 7, 7, 2.5, 3, 8, NAN, 7, 7, 3])
TEXTS = np.array(["One, two two!", "", "two three", "one", "Two", "three two one"] * 2, dtype=object)
HOLES = np.where(np.arange(ROWS) % 4 == 1, NAN, NUMBERS[:, 0])

# One entry and its columns for every kind of input and every way to prepare it.
KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "image of bytes": ({"kind": "image", "column": "s.a"}, {"a": PIXELS}),
    "image of floats": ({"kind": "image", "column": "s.a"}, {"a": PIXELS.astype(np.float64) / 9}),
    "image, standardised": ({"kind": "image", "column": "s.a", "scale": "standard"}, {"a": PIXELS}),
    "image, resized": ({"kind": "image", "column": "s.a", "size": [4, 4]}, {"a": PIXELS}),
    "image with gaps": (
        {"kind": "image", "column": "s.a"},
        {"a": np.where(PIXELS > 250, NAN, PIXELS).astype(np.float32)},
    ),
    "series": (
        {"kind": "series", "column": "s.a", "length": "s.n"},
        {"a": SERIES, "n": np.arange(ROWS) % 6},
    ),
    "series, unscaled": ({"kind": "series", "column": "s.a", "scale": "none"}, {"a": SERIES}),
    "series with gaps": (
        {"kind": "series", "column": "s.a"},
        {"a": np.where(RANDOM.random((ROWS, 5, 2)) < 0.3, NAN, SERIES).astype(np.float32)},
    ),
    "series of columns": (
        {"kind": "series", "columns": ["s.a", "s.b", "s.c"]},
        {"a": HOLES, "b": NUMBERS[:, 1], "c": NUMBERS[:, 2]},
    ),
    "vector": ({"kind": "vector", "column": "s.a"}, {"a": NUMBERS}),
    "vector, unscaled": ({"kind": "vector", "column": "s.a", "scale": "none"}, {"a": NUMBERS}),
    "vector with gaps": ({"kind": "vector", "column": ["s.a", "s.b"]}, {"a": HOLES, "b": NUMBERS[:, 1]}),
    "table": (
        {"kind": "table", "numeric": ["s.a", "s.b"], "categorical": ["s.word", "s.code"]},
        {"a": HOLES, "b": NUMBERS[:, 1], "word": WORDS, "code": CODES},
    ),
    "table of words": ({"kind": "table", "categorical": ["s.word"]}, {"word": WORDS}),
    "text": ({"kind": "text", "column": "s.a"}, {"a": TEXTS}),
    "text by character": ({"kind": "text", "column": "s.a", "split": "character"}, {"a": TEXTS}),
}


def objects(*cells: Any) -> np.ndarray:
    """An array of Python objects, even if they are lists of equal length."""
    result = np.empty(len(cells), dtype=object)
    result[:] = cells
    return result


def missing_in_training(values: np.ndarray) -> np.ndarray:
    """The values as floats, with NaN in all training rows."""
    result = values.astype(np.float32)
    result[:6] = NAN
    return result


def load_input(entry: dict[str, Any], folders: Any = (".",), **columns: Any) -> data.Dataset:
    """A data set with the one input `x`."""
    return data.load({"s": {**columns, "split": SPLIT}}, {"x": entry}, {}, COLUMN_SPLIT, folders=folders)


def load_target(entry: dict[str, Any], **columns: Any) -> data.Dataset:
    """A data set with the one target `y`."""
    return data.load({"s": {**columns, "split": SPLIT}}, {}, {"y": entry}, COLUMN_SPLIT)


def all_rows(dataset: data.Dataset, which: str = "prepared", name: str = "x") -> np.ndarray:
    """An array of all splits, one after the other."""
    return np.concatenate([getattr(split, which)[name] for split in dataset.splits.values()])


def prepare(dataset: data.Dataset, raw: dict[str, Any]) -> np.ndarray:
    """Prepares raw rows of the input `x`."""
    source = dataset.inputs["x"]
    return prepare_rows(preparation(source), encoded(source, raw))


def refuse_input(entry: dict[str, Any], cells: Any, option: str, problem: str) -> None:
    """Checks that an input is refused for one of its options (or "", for the input as a whole)."""
    with pytest.raises(ConfigError, match=problem) as caught:
        load_input(entry | {"column": "s.a"}, a=cells, n=np.arange(ROWS))
    assert caught.value.key == f"data.inputs.x.{option}".rstrip(".")


def refuse_target(entry: dict[str, Any], cells: np.ndarray, problem: str, found: str) -> None:
    """Checks that a target is refused with a message that shows what was found."""
    with pytest.raises(ConfigError, match=problem) as caught:
        load_target(entry | {"column": "s.a"}, a=cells)
    assert caught.value.key.startswith("data.targets.y")
    assert found in str(caught.value.found)


def restore(fitted: Input, entry: dict[str, Any]) -> Input:
    """An input restored from the raw inputs of a fitted one, as for a logged model."""
    source = build(entry, INPUTS, "data.inputs.x")
    source.restore("x", fitted.specs())
    return source


def read_new(restored: Input, rows: list[int] | None = None, **columns: Any) -> dict[str, np.ndarray]:
    """Raw arrays of new rows of the source `s`: of some of them, or of all."""
    numbers = np.arange(len(next(iter(columns.values())))) if rows is None else np.array(rows)
    return restored.raw(Sources({"s": columns}), numbers)


def read_column(entry: Any, reference: str, folder: Path, **options: Any) -> Any:
    """A column of the source `s`, whose relative paths are looked for in a folder."""
    return Sources({"s": entry}, folders=[folder], **options).column(reference, "data.inputs.x.column")


def write_pictures(folder: Path, pixels: np.ndarray = PIXELS) -> np.ndarray:
    """Writes one picture file per row; returns their names."""
    folder.mkdir(exist_ok=True)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number}.png")
    return np.array([f"{number}.png" for number in range(len(pixels))], dtype=object)
