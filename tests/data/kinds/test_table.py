"""Tables: how categories are coded, and which columns a table takes."""

import datetime as dt
import json
from pathlib import Path

import keras
import numpy as np
import pytest

from pipeline import data
from pipeline.data.columns import RowError
from pipeline.data.kinds import INPUTS, build
from pipeline.data.kinds.prepare import encoded, input_tensors, preparation, prepare_rows
from pipeline.data.sources import Sources
from pipeline.data.times import form_of, read_times
from pipeline.errors import ConfigError
from tests.data.small_data import (
    CODES,
    HOLES,
    KINDS,
    NAN,
    NUMBERS,
    ROWS,
    all_rows,
    load_input,
    objects,
    read_new,
    restore,
)


def test_unseen_categories_are_0_missing_ones_1_and_training_categories_start_at_2() -> None:
    entry, columns = KINDS["table"]
    dataset = load_input(entry, **columns)
    prepared = all_rows(dataset)
    assert dataset.inputs["x"].vocabularies == (5, 5)
    assert prepared[:, 0].tolist() == [4, 2, 1, 4, 3, 2, 4, 0, 1, 2, 4, 0]
    # The training codes are 2.5, 3 and 7.
    assert prepared[:, 1].tolist() == [4, 3, 1, 4, 4, 2, 3, 0, 1, 4, 4, 3]
    assert prepared.shape == (ROWS, 5)
    np.testing.assert_array_equal(prepared[:, 4], np.isnan(HOLES))


def test_words_get_the_codes_that_the_look_up_of_the_model_gives_them() -> None:
    words = objects("b", "", "true", "b", "[x]", "ä", "a b", "new", "", "a", "7", "b")
    source = load_input({"kind": "table", "categorical": ["s.a"]}, a=words).inputs["x"]
    raw = {"x.a": words}
    tensors = input_tensors(source.specs())
    in_model = prepare_rows(keras.Model(tensors, source.prepare(tensors)), raw)
    np.testing.assert_array_equal(prepare_rows(preparation(source), encoded(source, raw)), in_model)


def test_a_column_without_training_values_has_only_missing_and_unseen_categories() -> None:
    cells = np.where(np.arange(ROWS) < 8, NAN, 1.0)
    dataset = load_input({"kind": "table", "categorical": ["s.a"]}, a=cells)
    assert all_rows(dataset).ravel().tolist() == [1] * 8 + [0] * 4
    assert dataset.inputs["x"].vocabularies == (2,)


def test_large_whole_numbers_are_different_categories() -> None:
    codes = np.array([2**40, 2**40 + 1] * 6)
    prepared = all_rows(load_input({"kind": "table", "categorical": ["s.a"]}, a=codes))
    assert prepared.ravel().tolist() == [2, 3] * 6


def test_a_table_refuses_arrays_duplicate_names_and_no_columns_at_all() -> None:
    with pytest.raises(ConfigError, match="same name"):
        load_input({"kind": "table", "categorical": ["s.a"], "numeric": ["s.a"]}, a=CODES)
    for option in ("numeric", "categorical"):
        with pytest.raises(ConfigError, match="more than one value per row"):
            load_input({"kind": "table", option: ["s.a"]}, a=NUMBERS)
    with pytest.raises(ConfigError, match="no column is named"):
        load_input({"kind": "table"}, a=CODES)


def test_column_names_may_have_spaces_slashes_and_umlauts() -> None:
    columns = {"km/h": NUMBERS[:, 0], "bill length (mm)": CODES, "größe": NUMBERS[:, 1]}
    entry = {"kind": "table", "numeric": ["s.km/h", "s.größe"], "categorical": ["s.bill length (mm)"]}
    raw_names = list(load_input(entry, **columns).inputs["x"].specs())
    assert raw_names == ["x.bill length (mm)", "x.km_h", "x.größe"]
    with pytest.raises(ConfigError, match="same name"):
        load_input({"kind": "table", "numeric": ["s.a/b", "s.a_b"]}, **{"a/b": CODES, "a_b": CODES})


ENTRY = {"kind": "table", "numeric": ["s.amount"], "categorical": ["s.colour", "s.code", "s.flag"]}


@pytest.fixture(scope="module")
def fitted() -> data.Dataset:
    return load_input(
        ENTRY,
        amount=NUMBERS[:, 0],
        colour=objects(*["red", "", "blue"] * 4),
        code=np.array([1.0, 2.0, NAN] * 4),
        flag=np.arange(ROWS) % 2 == 1,
    )


def days(*texts: str | None) -> np.ndarray:
    return objects(*texts * (ROWS // len(texts)))


DATED = {"kind": "table", "dates": ["s.day"]}


def test_dates_become_elapsed_time_and_the_parts_that_vary_in_training() -> None:
    dataset = load_input(DATED, day=days("2024-05-03 06:00", "2024-05-04 06:00", "2024-05-05 06:00"))
    assert dataset.inputs["x"].specs() == {"x.day": ((), "float64")}
    assert dataset.inputs["x"].times["s.day"].names == [
        "elapsed",
        *("day sine", "day cosine", "weekday sine", "weekday cosine"),
    ]
    assert all_rows(dataset, "raw", "x.day")[0] == 1714716000.0
    prepared = all_rows(dataset)
    friday = 2 * np.pi * 4 / 7
    np.testing.assert_allclose(prepared[0, 3:], [np.sin(friday), np.cos(friday)], atol=1e-6)
    assert prepared[0, 0] < prepared[1, 0] == 0 < prepared[2, 0]


def test_a_missing_date_is_marked_and_an_unreadable_one_named() -> None:
    prepared = all_rows(load_input(DATED, day=days("5/3/2024", None, "5/30/2024", "NA")))
    np.testing.assert_array_equal(prepared[:4, -1], [0, 1, 0, 1])
    assert (prepared[1, :-1] == 0).all()
    with pytest.raises(RowError, match=r"not a date: column 's.day', source s, row 2") as caught:
        load_input(DATED, day=days("5/3/2024", None, "3.5.", "5/30/2024"))
    assert caught.value.key == "data.inputs.x.dates"
    with pytest.raises(ConfigError, match="no training row has a value"):
        load_input(DATED, day=objects(*[None] * 6, *["2024-05-03"] * 6))


def test_a_date_that_does_not_say_where_the_day_is_is_told(caplog: pytest.LogCaptureFixture) -> None:
    dataset = load_input(DATED, day=days("3/4/2024", "5/6/2024"))
    assert "s.day: dates such as 3/4/2024 may begin with the month or with the day" in caplog.text
    assert "(data.inputs.x.day_first=true reads the day first)" in caplog.text
    assert all_rows(dataset, "raw", "x.day")[0] == 1709510400
    caplog.clear()
    dataset = load_input(DATED | {"day_first": True}, day=days("3/4/2024", "5/6/2024"))
    assert all_rows(dataset, "raw", "x.day")[0] == 1712102400
    assert not caplog.messages


def test_times_of_day_and_durations_are_dates_too() -> None:
    dataset = load_input(DATED, day=days("06:00", "18:00"))
    assert dataset.inputs["x"].times["s.day"].names == ["elapsed", "hour sine", "hour cosine"]
    np.testing.assert_allclose(all_rows(dataset)[:2, 1:], [[1, 0], [-1, 0]], atol=1e-6)
    dataset = load_input(DATED, day=days("2 days", "3 days 12:00:00"))
    assert dataset.inputs["x"].times["s.day"].names == ["elapsed"]


def test_restored_tables_read_dates_as_in_training_in_whatever_form() -> None:
    fitted = load_input(DATED, day=days("3/4/2024", "13/4/2024")).inputs["x"]
    table = restore(fitted, DATED)
    table.recall(json.loads(json.dumps(fitted.facts())))
    for cells in (
        objects("4/3/2024", "2024-03-04"),
        objects("Mar 4, 2024", "04.03.2024"),
        objects(dt.date(2024, 3, 4), "1709510400"),
        np.array(["2024-03-04"] * 2, dtype="datetime64[s]"),
        np.array([1709510400] * 2),
    ):
        assert read_new(table, day=cells)["x.day"].tolist() == [1709510400] * 2
    with pytest.raises(RowError, match="not a date"):
        read_new(table, day=objects("3/14/2024"))


def test_restored_tables_convert_the_cells_of_text_files_to_the_types_of_training(
    fitted: data.Dataset,
) -> None:
    raw = read_new(
        restore(fitted.inputs["x"], ENTRY),
        amount=objects("1.5", None, "NA"),
        code=objects("1", "2", None),
        flag=objects("true", "True", "FALSE"),
        colour=objects("red", None, "green"),
    )
    np.testing.assert_array_equal(raw["x.amount"], np.float32([1.5, NAN, NAN]))
    assert raw["x.code"].tolist() == ["1", "2", ""]
    assert raw["x.flag"].tolist() == ["true", "true", "false"]
    assert raw["x.colour"].tolist() == ["red", "", "green"]


def test_a_text_among_numeric_categories_is_unseen_and_not_missing(fitted: data.Dataset) -> None:
    # Models of version 0.1 take numeric categories as numbers.
    table = build(ENTRY, INPUTS, "data.inputs.x")
    table.restore("x", fitted.inputs["x"].specs() | {"x.code": ((), "float64")})
    columns = {"amount": np.ones(2), "flag": objects("true", "true"), "colour": objects("red", "red")}
    codes = read_new(table, code=objects("one", None), **columns)["x.code"]
    assert codes[0] == np.inf
    assert np.isnan(codes[1])
    with pytest.raises(RowError, match="text instead of a number"):
        read_new(table, **(columns | {"amount": objects("1", "two")}), code=np.ones(2))


def test_years_of_two_digits_are_said_and_unreadable_dates_name_a_remedy(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("day,other\n5/31/68,2024-05-31\n6/30/70,0000-00-00\n")
    sources = Sources({"s": str(tmp_path / "s.csv")})
    form_of(sources.column("s.day", "k"))
    assert caplog.messages == [
        "s.day: years of two digits are those from 1969 to 2068: 5/31/68 is 2068-05-31"
    ]
    other = sources.column("s.other", "k")
    with pytest.raises(ConfigError, match=r"data\.sources\.s\.missing: \['', '0000-00-00'\]"):
        read_times(other, form_of(other))
