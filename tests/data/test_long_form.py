"""Sources in long form: a row for each step, grouped by key and sorted."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline import data
from pipeline.data.long_form import LongForm
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

STEPS = {
    "id": np.array(["b", "a", "b", "a", "b", "z"], dtype=object),
    "t": np.array([2, 10, 1, 9, 3, 1]),
    "x": np.array([20.0, 110, 10, np.nan, 30, 0]),
}
ROWS = {"id": np.array(["a", "c", "b"], dtype=object), "y": np.array([0, 1, 0])}
FORMS = {"steps": LongForm("t", frozenset({"t", "x"}))}
SPLIT = {"column": "rows.split", "train": 0, "val": 1, "test": 2}


def long_form(steps: Any = STEPS, rows: Any = ROWS, **options: Any) -> Sources:
    return Sources({"rows": rows, "steps": steps}, join="id", forms=FORMS, **options)


def cells(sources: Sources, reference: str = "steps.x") -> list[Any]:
    return [None if cell is None else cell.tolist() for cell in sources.column(reference, "k").values]


def test_steps_are_grouped_by_key_and_sorted_by_their_order(caplog: pytest.LogCaptureFixture) -> None:
    sources = long_form()
    np.testing.assert_array_equal(cells(sources)[0], [np.nan, 110])
    assert cells(sources)[1:] == [None, [10, 20, 30]]
    assert cells(sources, "steps.t") == [[9, 10], None, [1, 2, 3]]
    assert sources.part("steps.x", "k", np.array([2])).values[0].tolist() == [10, 20, 30]
    assert "steps: 6 rows are the steps of 3 series, sorted by t; a series has 1 to 3 steps" in caplog.text
    assert "1 of 3 rows of rows are not in steps" in caplog.text


@pytest.mark.parametrize(
    ("order", "dtype"),
    [
        (["2", "10", "1", "9", "3", "1"], object),
        (["02.01.2024", "10.01.2024", "01.01.2024", "09.01.2024", "13.01.2024", "01.01.2024"], object),
        (["2.1.2024", "10.1.2024", "1.12.2023", "9.1.2024", "3.1.2024", "1.1.2024"], object),
        (["02/01/2024", "10/01/2024", "01/01/2024", "09/01/2024", "13/01/2024", "01/01/2024"], object),
        (["1/31/2024", "10/1/2024", "1/1/2024", "9/1/2024", "2/1/2024", "1/1/2024"], object),
        (["1/2/2024", "1/10/2024", "1/1/2024", "1/9/2024", "1/3/2024", "1/1/2024"], object),
        (["2024-01-02", "2024-01-10", "2024-01-01", "2024-01-09", "2024-01-03", "2024-01-01"], "M8[s]"),
        (["2024-01-02T00:00", "2024-01-02T03:00", "2024-01-01", "2024-01-01", "2024-02-01", "2024"], object),
        ([-0.5, 1e9, -0.75, 2e-3, 5.0, 0.0], float),
    ],
)
def test_the_order_may_be_numbers_or_dates_of_any_type(order: list[Any], dtype: Any) -> None:
    found = cells(long_form(STEPS | {"t": np.array(order, dtype=dtype)}))
    np.testing.assert_array_equal(found[0], [np.nan, 110])
    assert found[1:] == [None, [10, 20, 30]]


def test_rows_in_any_order_of_a_file_and_with_keys_of_any_type_give_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({**STEPS, "id": [7, 5, 7, 5, 7, 9]})
    frame.sample(frac=1, random_state=1).to_csv(tmp_path / "steps.csv", index=False)
    rows = {"id": np.array(["5", "6", "7"], dtype=object)}
    for in_memory in (True, False):
        found = cells(long_form(str(tmp_path / "steps.csv"), rows, in_memory=in_memory))
        np.testing.assert_array_equal(found[0], [np.nan, 110])
        assert found[1:] == [None, [10, 20, 30]]


def test_a_single_source_of_steps_has_a_row_for_each_key_in_the_order_of_the_file() -> None:
    sources = Sources({"steps": STEPS}, join="id", forms=FORMS)
    assert sources.keys is not None
    assert sources.keys.tolist() == ["b", "a", "z"]
    assert cells(sources)[0] == [10, 20, 30]


def test_doubled_steps_are_said_and_stay_in_the_order_of_the_file(caplog: pytest.LogCaptureFixture) -> None:
    assert cells(long_form(STEPS | {"t": np.array([1, 1, 1, 1, 0, 1])}))[2] == [30, 20, 10]
    assert "steps: 2 rows have the t of another step of their series" in caplog.text


@pytest.mark.parametrize(
    ("changed", "problem", "place"),
    [
        ({"t": np.array([1, 2, np.nan, 4, 5, 6])}, "no place in the order", "row 2"),
        ({"t": np.array(["a", *"12345"], dtype=object)}, "neither a number nor a date", "row 0"),
        ({"t": np.array(["1.2.2024"] * 5 + ["x"], dtype=object)}, "neither a number nor a date", "row 5"),
        ({"id": np.array(["a", "", *"bcde"], dtype=object)}, "the row has no key", "row 1"),
        (
            {"x": np.array(["1", "2", "oops", "4", "5", "6"], dtype=object)},
            "text instead of a number",
            "row 2",
        ),
    ],
)
def test_what_cannot_be_read_is_shown_with_its_row(changed: Any, problem: str, place: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        cells(long_form(STEPS | changed))
    assert place in caught.value.problem


def test_doubled_keys_without_an_order_point_to_it() -> None:
    with pytest.raises(ConfigError, match=r"occur more than once: 2(.|\n)*`order`"):
        Sources({"rows": ROWS, "steps": STEPS}, join="id")


def load(inputs: Any, **changed: Any) -> data.Dataset:
    ids = np.arange(12)
    steps = {
        "id": np.repeat(ids, 3),
        "t": np.tile([2, 0, 1], 12),
        "x": np.arange(36.0),
        "z": np.arange(36.0),
        "pairs": np.zeros((36, 2)),
    }
    rows = {"id": ids, "y": ids % 2, "split": np.repeat([0, 1, 2], [6, 3, 3])}
    options: Any = {"join": "id", "targets": {}, "split": SPLIT} | changed
    return data.load({"rows": rows, "steps": steps}, inputs, **options)


def test_a_series_has_the_columns_of_its_steps_as_channels() -> None:
    wave = {"kind": "series", "columns": ["steps.x", "steps.z"], "order": "steps.t"}
    for in_memory in (True, False):
        raw = load({"wave": wave}, in_memory=in_memory).splits["train"].raw["wave"][:]
        assert raw.shape == (6, 3, 2)
        assert raw[1, :, 0].tolist() == [4, 5, 3]
        np.testing.assert_array_equal(raw[..., 0], raw[..., 1])


WAVE = {"kind": "series", "column": "steps.x", "order": "steps.t"}


@pytest.mark.parametrize(
    ("inputs", "changed", "key"),
    [
        ({"t": {"kind": "table", "numeric": ["steps.z"]}}, {}, "data.inputs.t.numeric"),
        ({}, {"targets": {"y": {"kind": "number", "column": "steps.z"}}}, "data.targets.y.column"),
        ({"t": {"kind": "table", "numeric": ["steps.x"]}}, {}, "data.inputs.t.numeric"),
        ({"t": {"kind": "vector", "column": "steps.pairs"}}, {}, "data.inputs.t.column"),
        ({}, {"split": {"time": "steps.z", "fractions": [0.5, 0.25, 0.25]}}, "data.split.time"),
    ],
)
def test_one_value_per_row_cannot_come_from_steps(inputs: Any, changed: Any, key: str) -> None:
    with pytest.raises(ConfigError, match="has many values for each key") as caught:
        load({"wave": WAVE, **inputs}, **changed)
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("inputs", "changed", "problem"),
    [
        ({"wave": WAVE | {"order": "rows.y"}}, {}, "the order is in another source"),
        ({"wave": WAVE, "b": WAVE | {"order": "steps.z"}}, {}, "steps of a source have one order"),
        ({"wave": WAVE}, {"join": None}, "no column says of which"),
    ],
)
def test_an_order_that_fits_nothing_is_refused(inputs: Any, changed: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        load(inputs, **changed)


def test_a_column_of_steps_with_one_value_for_each_key_is_like_any_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(12), 2),
            "t": np.tile([1, 0], 12),
            "x": np.arange(24.0),
            "code": np.repeat(["007", "7", "NA"] * 4, 2),
            "age": np.where(np.arange(24) % 6 == 0, np.nan, np.repeat(np.arange(12.0), 2)),
            "split": np.repeat([0, 1, 2], [12, 6, 6]),
        }
    )
    frame.to_csv(tmp_path / "s.csv", index=False)
    dataset = data.load(
        {"s": str(tmp_path / "s.csv")},
        {
            "wave": {"kind": "series", "column": "s.x", "order": "s.t"},
            "facts": {"kind": "table", "numeric": ["s.age"], "categorical": ["s.code"]},
        },
        {"y": {"kind": "category", "column": "s.code"}},
        SPLIT | {"column": "s.split"},
        join="id",
    )
    train = dataset.splits["train"]
    assert train.raw["facts.code"][:].tolist() == ["007", "7", "", "007", "7", ""]
    assert train.raw["facts.age"][:].tolist() == [0, 1, 2, 3, 4, 5]
    assert train.labels["y"].tolist() == [0, 1, -1, 0, 1, -1]
    assert train.raw["wave"][1, :, 0].tolist() == [3, 2]
    assert "s.code: 4 cells are NA" in caplog.text


def test_an_input_that_a_model_does_not_use_still_says_which_rows_are_steps() -> None:
    other = {"kind": "vector", "column": "rows.y"}
    dataset = load({"wave": WAVE, "v": other}, only_inputs=["v"])
    assert len(dataset.splits["train"].rows) == 6
