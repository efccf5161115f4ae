"""One data set in .npy, .parquet, .csv and picture files, which can be read into memory or streamed."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import data
from tests.data.small_data import write_pictures

ROWS = 60
INPUTS = {
    "bytes": {"kind": "image", "column": "bytes"},
    "floats": {"kind": "image", "column": "floats", "scale": "standard"},
    "photos": {"kind": "image", "column": "table.photo", "scale": "standard"},
    "steps": {"kind": "series", "column": "steps", "length": "table.length"},
    "ragged": {"kind": "series", "column": "table.ragged"},
    "traits": {
        "kind": "table",
        "numeric": ["table.size", "table.whole"],
        "categorical": ["table.kind", "table.flag"],
    },
    "vector": {"kind": "vector", "column": "table.lists"},
    "several": {"kind": "vector", "column": ["table.size", "table.score"]},
    "words": {"kind": "text", "column": "table.words"},
}
TARGETS = {
    "class": {"kind": "category", "column": "table.class"},
    "score": {"kind": "number", "column": "table.score"},
}
SOURCES: dict[str, Any] = {name: f"{name}.npy" for name in ("bytes", "floats", "steps")} | {
    "table": "table.parquet"
}


def write_files(folder: Path) -> None:
    random = np.random.default_rng(0)
    signal = random.normal(size=ROWS)
    pixels = random.integers(0, 255, (ROWS, 6, 5, 3)).astype("uint8")
    np.save(folder / "bytes.npy", pixels)
    floats = pixels.astype("float32")
    floats[7] = np.nan
    floats[9, 2, 2] = np.nan
    np.save(folder / "floats.npy", floats)
    np.save(folder / "steps.npy", random.normal(size=(ROWS, 7, 2)).astype("float32"))
    photos = write_pictures(folder, pixels)
    frame = {
        "key": [f"k{row}" for row in range(ROWS)],
        "size": pd.Series(np.where(np.arange(ROWS) % 7, signal * 3 + 5, np.nan)),
        "whole": pd.array([row if row % 11 else None for row in range(ROWS)], dtype="Int64"),
        "kind": [("a", "b", "c", None)[row % 4] for row in range(ROWS)],
        "flag": pd.array([row % 3 == 0 if row % 13 else None for row in range(ROWS)], dtype="boolean"),
        "words": [" ".join(random.choice(["red", "blue", "green"], row % 5)) for row in range(ROWS)],
        "lists": [list(random.normal(size=4)) for _ in range(ROWS)],
        "ragged": [list(random.normal(size=1 + row % 6)) for row in range(ROWS)],
        "photo": [photos[row] if row % 9 else None for row in range(ROWS)],
        "class": [("x", "y")[int(value > 0)] for value in signal],
        "score": signal,
        "length": np.arange(ROWS) % 8,
    }
    pq.write_table(pa.table(frame), folder / "table.parquet", row_group_size=7)
    others = pd.DataFrame({"key": frame["key"][::-1], "extra": np.arange(ROWS)})
    others.to_csv(folder / "more.csv", index=False)


def load_files(folder: Path, *, in_memory: Any, **changes: Any) -> data.Dataset:
    config = {
        "sources": SOURCES,
        "inputs": INPUTS,
        "targets": TARGETS,
        "split": {"fractions": [0.6, 0.2, 0.2], "stratify": "class"},
    }
    return data.load(**{**config, **changes}, folders=[folder], in_memory=in_memory)
