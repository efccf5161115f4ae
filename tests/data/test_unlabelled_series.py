"""Series to predict, in the forms in which people keep them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.data.kinds import INPUTS, build
from pipeline.data.unlabelled import RowReader
from pipeline.errors import ConfigError

WAVE = {"kind": "series", "columns": ["steps.a", "steps.b"], "order": "steps.t"}
FACTS = {"kind": "vector", "column": "rows.x"}
VALUES = {"p": [[1, -1], [2, -2], [3, -3]], "q": [[5, -5]]}


def reader(entry: Any, *, channels: int = 1, missing: Any = (), **entries: Any) -> RowReader:
    """A reader of restored inputs; those of vectors have one column."""
    inputs = {name: build(one, INPUTS, name) for name, one in entries.items()}
    shapes = {name: ((None, channels) if one["kind"] == "series" else (1,)) for name, one in entries.items()}
    specs = {name: {name: (shape, "float32")} for name, shape in shapes.items()}
    for name, one in inputs.items():
        one.restore(name, specs[name])
    return RowReader(entry, inputs, specs, missing=missing, join="id")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    steps = pd.DataFrame(
        [(key, t, a, b) for key, series in VALUES.items() for t, (a, b) in enumerate(series)],
        columns=["id", "t", "a", "b"],
    )
    steps.sample(frac=1, random_state=3).to_csv(tmp_path / "steps.csv", index=False)
    pd.DataFrame({"id": ["r", "q", "p"], "x": [3, 2, 1]}).to_csv(tmp_path / "rows.csv", index=False)
    return {name: str(tmp_path / f"{name}.csv") for name in ("rows", "steps")}


def test_a_file_of_steps_has_a_row_for_each_key(files: dict[str, str]) -> None:
    (rows,) = reader(files["steps"], channels=2, wave=WAVE).read(100)
    assert sorted(rows.keys) == ["p", "q"]
    for place, key in enumerate(rows.keys):
        series = rows.arrays["wave"][place]
        np.testing.assert_array_equal(series[: len(VALUES[key])], VALUES[key])
        assert np.isnan(series[len(VALUES[key]) :]).all()


def test_the_keys_of_the_first_source_are_the_rows(files: dict[str, str]) -> None:
    (rows,) = reader(files, channels=2, wave=WAVE, facts=FACTS).read(100)
    assert rows.keys.tolist() == ["r", "q", "p"]
    assert np.isnan(rows.arrays["wave"][0]).all()
    np.testing.assert_array_equal(rows.arrays["wave"][2], VALUES["p"])
    assert rows.arrays["facts"][:, 0].tolist() == [3, 2, 1]


def test_without_its_series_a_model_needs_no_steps(files: dict[str, str]) -> None:
    (rows,) = reader(files["rows"], channels=2, missing=["wave"], wave=WAVE, facts=FACTS).read(100)
    assert rows.arrays["wave"].shape == (3, 1, 2)
    assert rows.arrays["facts"][:, 0].tolist() == [3, 2, 1]


def test_one_file_cannot_have_steps_and_other_columns(files: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"are steps of series(.|\n)*input=\{rows: <file>, steps: <file>\}"):
        reader(files["steps"], channels=2, wave=WAVE, facts=FACTS)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_columns_that_match_a_pattern_are_read_in_chunks(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame({f"x_{step}": np.arange(5.0) + step for step in (10, 2, 1)} | {"id": range(5)})
    frame.iloc[1, 0] = np.nan
    path = tmp_path / f"new.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    expected = frame[["x_1", "x_2", "x_10"]].to_numpy()
    for options in ({"column": "s.x_*"}, {"columns": ["s.x_1", "s.x_2", "s.x_10"]}):
        parts = list(reader(str(path), wave={"kind": "series", **options}).read(2))
        found = np.concatenate([part.arrays["wave"] for part in parts])
        np.testing.assert_array_equal(found[..., 0], expected)
    with pytest.raises(ConfigError, match=r"no such column(.|\n)*found: +z\*"):
        reader(str(path), wave={"kind": "series", "column": "s.z*"})


def test_a_cell_of_text_that_holds_no_numbers_leaves_out_its_row(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    pd.DataFrame({"a": ["[1, 2]", "3 4 5", "6 x", ""]}).to_csv(path, index_label="id")
    (rows,) = reader(str(path), wave={"kind": "series", "column": "s.a"}).read(100)
    assert rows.good.tolist() == [0, 1, 3]
    assert "not a list of numbers" in rows.rejected[2][1]
    np.testing.assert_array_equal(rows.arrays["wave"][1, :, 0], [3, 4, 5])
    assert np.isnan(rows.arrays["wave"][2]).all()
