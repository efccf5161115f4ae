"""Guesses about small files that tests write."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from pipeline.data.guess.cells import SampledSource
from pipeline.data.guess.columns import meaning_of
from pipeline.data.guess.meaning import Meaning
from pipeline.data.guess.pictures import Roots
from pipeline.data.guess.plan import Plan, make_plan, open_sources
from pipeline.data.guess.write import as_yaml

ROWS = 120
RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=ROWS).round(4)
SIGNS = np.where(NUMBERS > 0, "plus", "minus")


def write(folder: Path, name: str = "s.csv", **columns: Any) -> Path:
    """Writes a file of columns; the suffix tells the format."""
    file = folder / name
    if file.suffix == ".npz":
        np.savez(file, **columns)
    elif file.suffix == ".parquet":
        pd.DataFrame(columns).to_parquet(file)
    else:
        pd.DataFrame(columns).to_csv(file, index=False)
    return file


def meanings(file: Path) -> dict[str, Meaning]:
    """The meaning of each column of a file."""
    source = SampledSource("s", str(file), folders=[file.parent])
    roots = Roots([file.parent])
    return {name: meaning_of(cells, roots) for name, cells in source.cells.items()}


def meaning(folder: Path, cells: Any, name: str = "x", suffix: str = ".csv") -> Meaning:
    """The meaning of one column, in a file with another one."""
    return meanings(write(folder, f"s{suffix}", **{name: cells, "other": np.arange(len(cells)) / 7}))[name]


def plan_of(folder: Path, files: list[str], targets: list[str]) -> Plan:
    sources = open_sources(files, [folder])
    return make_plan(sources, targets, Roots([folder]))


def config_of(folder: Path, files: list[str], targets: list[str]) -> dict[str, Any]:
    """The data config that would be written, read again."""
    return yaml.safe_load(as_yaml(plan_of(folder, files, targets)))
