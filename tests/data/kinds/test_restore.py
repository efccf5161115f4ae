"""Inputs without their fit: what a logged model's raw inputs say is enough to read rows for it."""

import numpy as np
import pytest
from PIL import Image

from pipeline import data
from pipeline.data.columns import RowError
from pipeline.data.kinds import INPUTS, build
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

ROWS = 12
NAN = float("nan")
rng = np.random.default_rng(0)
SOURCE = {
    "image": rng.integers(0, 255, (ROWS, 4, 5, 1)).astype("uint8"),
    "series": rng.normal(size=(ROWS, 6, 2)).astype("float32"),
    "length": np.arange(ROWS) % 6 + 1,
    "vector": np.where(rng.random((ROWS, 3)) < 0.2, NAN, 1.5),
    "amount": rng.normal(size=ROWS),
    "colour": np.array(["red", "", "blue"], dtype=object)[np.arange(ROWS) % 3],
    "code": np.array([1.0, 2.0, NAN])[np.arange(ROWS) % 3],
    "flag": np.arange(ROWS) % 2 == 1,
    "title": np.array(["a red one", "", "blue"], dtype=object)[np.arange(ROWS) % 3],
    "y": np.arange(ROWS) % 2,
    "split": np.arange(ROWS) % 3,
}
ENTRIES = {
    "image": {"kind": "image", "column": "s.image"},
    "series": {"kind": "series", "column": "s.series", "length": "s.length"},
    "vector": {"kind": "vector", "column": "s.vector"},
    "table": {"kind": "table", "numeric": ["s.amount"], "categorical": ["s.colour", "s.code", "s.flag"]},
    "text": {"kind": "text", "column": "s.title"},
}
TARGET = {"y": {"kind": "category", "column": "s.y"}}


@pytest.fixture(scope="module")
def fitted():
    split = {"column": "s.split", "train": 0, "val": 1, "test": 2}
    return data.load({"s": SOURCE}, ENTRIES, TARGET, split).inputs


def restored(fitted, name, **options):
    entry = {option: value for option, value in {**ENTRIES[name], **options}.items() if value is not None}
    one = build(entry, INPUTS, f"data.inputs.{name}")
    one.restore(name, fitted[name].specs())
    return one


def read(fitted, name, rows=None, /, options=(), **columns):
    """Raw arrays of new rows, all of SOURCE's columns but those given."""
    sources = Sources({"s": {**SOURCE, **columns}})
    rows = np.arange(ROWS) if rows is None else np.array(rows)
    return restored(fitted, name, **dict(options)).raw(sources, rows)


@pytest.mark.parametrize("name", ENTRIES)
def test_restored_inputs_read_what_fitted_ones_read(fitted, name):
    rows = np.array([7, 0, 11])
    due = fitted[name].raw(Sources({"s": SOURCE}), rows)
    found = read(fitted, name, rows)
    assert found.keys() == due.keys()
    for key in due:
        assert found[key].dtype == due[key].dtype
        np.testing.assert_array_equal(found[key], due[key])


def test_cells_that_a_text_file_holds_are_read_as_the_types_of_training(fitted):
    cells = {
        "amount": np.array(["1.5", None, "NA"] * 4, dtype=object),
        "code": np.array(["1", "2.0", None] * 4, dtype=object),
        "flag": np.array(["true", "True", "FALSE"] * 4, dtype=object),
        "colour": np.array(["red", None, "green"] * 4, dtype=object),
    }
    found = read(fitted, "table", [0, 1, 2], **cells)
    np.testing.assert_array_equal(found["table.amount"], np.float32([1.5, NAN, NAN]))
    np.testing.assert_array_equal(found["table.code"], [1, 2, NAN])
    assert found["table.flag"].tolist() == ["true", "true", "false"]
    assert found["table.colour"].tolist() == ["red", "", "green"]


def test_a_text_among_categories_of_numbers_is_an_unseen_category_not_a_missing_one(fitted):
    found = read(fitted, "table", [0, 1, 2], code=np.array(["one", None, "2"] * 4, dtype=object))
    assert found["table.code"].tolist()[0] == np.inf
    assert np.isnan(found["table.code"][1])


def test_series_may_be_longer_or_shorter_than_those_of_training(fitted):
    lists = np.empty(ROWS, dtype=object)
    lists[:] = [np.ones((steps, 2)).tolist() for steps in range(1, ROWS + 1)]
    entry = {"length": None}
    assert read(fitted, "series", [0, 11], options=entry, series=lists)["series"].shape == (2, 12, 2)
    assert read(fitted, "series", [0, 2], options=entry, series=lists)["series"].shape == (2, 3, 2)
    nothing = np.full(ROWS, None, dtype=object)
    assert np.isnan(read(fitted, "series", [0], options=entry, series=nothing)["series"]).all()


def test_vectors_of_lists_have_the_width_of_training_and_may_be_missing(fitted):
    lists = np.empty(ROWS, dtype=object)
    lists[:] = [[1.0, 2.0, 3.0]] * 10 + [None, [1.0]]
    assert read(fitted, "vector", [0, 10], vector=lists[:11].repeat([1] * 10 + [2]))["vector"].shape == (2, 3)
    with pytest.raises(RowError, match="another shape"):
        read(fitted, "vector", [11], vector=lists)
    nothing = np.full(ROWS, None, dtype=object)
    assert np.isnan(read(fitted, "vector", [0], vector=nothing)["vector"]).all()
    with pytest.raises(ConfigError, match="another number of columns"):
        read(fitted, "vector", vector=np.ones((ROWS, 2)))


def test_images_are_of_the_shape_and_kind_of_training(fitted):
    with pytest.raises(RowError, match="not the pixels that the model takes"):
        read(fitted, "image", image=np.full((ROWS, 4, 5, 1), 0.5))
    with pytest.raises(RowError, match="not the pixels that the model takes"):
        read(fitted, "image", image=np.where(np.arange(5)[:, None] == 2, NAN, np.ones((ROWS, 4, 5, 1))))
    gone = read(fitted, "image", image=np.full((ROWS, 4, 5, 1), NAN))["image"]
    assert np.isnan(gone).all()
    with pytest.raises(ConfigError, match="another shape"):
        read(fitted, "image", image=np.zeros((ROWS, 4, 4, 1), "uint8"))
    whole = read(fitted, "image", image=SOURCE["image"].astype(float))["image"]
    assert whole.dtype == np.uint8
    np.testing.assert_array_equal(whole, SOURCE["image"])


def test_pictures_stand_in_for_arrays_and_are_resized_only_where_the_config_says_so(fitted, tmp_path):
    Image.fromarray(SOURCE["image"][0, ..., 0]).save(tmp_path / "right.png")
    Image.new("L", (9, 9)).save(tmp_path / "large.png")
    paths = np.array([str(tmp_path / "right.png"), str(tmp_path / "large.png")] * 6, dtype=object)
    np.testing.assert_array_equal(read(fitted, "image", [0], image=paths)["image"][0], SOURCE["image"][0])
    with pytest.raises(RowError, match="a picture of another size"):
        read(fitted, "image", [0, 1], image=paths)
    assert read(fitted, "image", [0, 1], options={"size": [4, 5]}, image=paths)["image"].shape == (2, 4, 5, 1)


def test_a_row_at_fault_says_why_without_its_place():
    error = RowError(
        "key",
        "text where numbers are due",
        column="s.a",
        place="a.csv, row 3",
        found="'x'",
        allowed="numbers",
    )
    assert error.reason == "text where numbers are due; found: 'x'; allowed: numbers"
    assert "column 's.a', a.csv, row 3" in str(error)
