"""A small data frame, and functions that write it in every format."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

FRAME = pd.DataFrame(
    {
        "key": ["a", "b", "c", "d"],
        "number": [1.5, np.nan, 3.0, -4.0],
        "word": ["x", "", "NA", 'é, "quoted"'],
        "whole": [1, 2, 3, 4],
        "dotted.name": [0, 1, 0, 1],
    }
)


def write_csv(path: Path) -> None:
    FRAME.to_csv(path, index=False)


def write_tsv(path: Path) -> None:
    FRAME.to_csv(path, index=False, sep="\t")


def write_saved_data_set(path: Path) -> None:
    path.mkdir()
    table = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(str(path / "data-00000.arrow"), table.schema) as stream:
        stream.write_table(table)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000.arrow"}]}))


def write_json(path: Path) -> None:
    FRAME.to_json(path, orient="records", lines=".jsonl" in path.name)


WRITERS: dict[str, Any] = {
    "s.csv": write_csv,
    "s.csv.gz": write_csv,
    "s.csv.bz2": write_csv,
    "s.csv.xz": write_csv,
    "s.tsv": write_tsv,
    "s.tsv.gz": write_tsv,
    "s.jsonl": write_json,
    "s.jsonl.gz": write_json,
    "s.json": write_json,
    "s.parquet": FRAME.to_parquet,
    "folder": write_saved_data_set,
}
