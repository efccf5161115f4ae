"""Tables: how categories are coded, and which columns a table takes."""

import numpy as np
import pytest

from pipeline import data
from pipeline.data.columns import RowError
from pipeline.data.kinds import INPUTS, build
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
