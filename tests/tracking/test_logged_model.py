"""What a logged model makes of raw values, without a model behind it."""

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from pipeline import folding, times
from pipeline.tracking.logged_model import _are_bytes, _array, _check_range, _columns, _package, _text
from pipeline.tracking.models import LOGGED_MODEL
from tests.data.small_data import objects

NAN = float("nan")


def array(values: Any, shape: tuple[int | None, ...], dtype: str = "float32") -> np.ndarray:
    return _array("x", values, SimpleNamespace(shape=(None, *shape), dtype=dtype))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (3.5, "3.5"),
        (True, "true"),
        ("FALSE", "false"),
        ("007", "007"),
        (10**18 + 1, str(10**18 + 1)),
    ]
    + [(missing, "") for missing in (None, NAN, pd.NA, "", "  ", np.float32("nan"))],
)
def test_a_value_is_the_text_that_training_read(value: object, text: str) -> None:
    assert _text(value) == text


@pytest.mark.parametrize("make", [list, np.array, objects], ids=["list", "array", "objects"])
def test_numbers_of_one_input_may_come_in_any_container(make: Any) -> None:
    values = make([1.5, 2.0]) if make is not objects else objects(1.5, 2.0)
    np.testing.assert_array_equal(array(values, ()), np.float32([1.5, 2]))


def test_series_of_different_lengths_are_padded_and_missing_ones_are_all_nan() -> None:
    found = array([[1.0, 2.0], None, [3.0]], (None, 1))
    np.testing.assert_array_equal(found[..., 0], [[1, 2], [NAN, NAN], [3, NAN]])


def test_a_row_of_another_shape_or_with_words_is_named_with_its_input() -> None:
    for values, message in (
        ([[1.0, 2.0], [1.0]], "'x' must be of shape .2,., row 1 is .1,."),
        ([[1.0, 2.0], ["a", 1.0]], "'x' must be numbers of shape .2,., row 1"),
        (np.zeros((3, 5)), "'x' has rows of shape .5,."),
    ):
        with pytest.raises(MlflowException, match=message):
            array(values, (2,))
    with pytest.raises(MlflowException, match=r"'x' must be a number or null, row 1 has 'a'"):
        array([1.0, "a"], ())
    with pytest.raises(MlflowException, match=r"'x' must be one value per row, row 0 has \[1, 2\]"):
        array([[1, 2], 3], ())


def test_rows_may_be_records_a_frame_or_columns_but_inputs_have_names() -> None:
    wanted = {"x": [1, 2], "y": [3, 4]}
    records = [{"x": 1, "y": 3}, {"x": 2, "y": 4}]
    for given in (wanted, pd.DataFrame(wanted), records):
        assert {name: list(values) for name, values in _columns(given, ["x", "y"]).items()} == wanted
    with pytest.raises(MlflowException, match="the inputs of the model are x, y"):
        _columns(np.zeros((2, 2)), ["x", "y"])
    with pytest.raises(MlflowException, match="'y' must be a list with a value for each row"):
        _columns({"x": [1], "y": 5}, ["x", "y"])


def test_bytes_are_whole_numbers_to_255_and_a_row_may_be_missing_as_a_whole() -> None:
    assert _are_bytes(np.array([[0, 255.0], [NAN, NAN]]))
    for wrong in (-1, 256, 0.5, NAN):
        assert not _are_bytes(np.array([[0, wrong]]))


@pytest.mark.parametrize("number", [np.inf, -np.inf, 1e39])
def test_numbers_beyond_float32_are_refused_with_their_row(number: float) -> None:
    _check_range("x", np.array([1.0, NAN, -3e38]))
    with pytest.raises(MlflowException, match=r"'x' must have finite numbers up to .*, row 1"):
        _check_range("x", np.array([1.0, number]))


def test_what_is_logged_with_a_model_imports_nothing_of_the_program() -> None:
    files = [LOGGED_MODEL, Path(folding.__file__), *Path(times.__file__).parent.glob("*.py")]
    assert len(files) > 5
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            # A module of a logged folder names another one by its place.
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not [name for name in names if name.split(".")[0] == "pipeline"], file


def test_folders_of_several_models_are_modules_of_their_own(tmp_path: Path) -> None:
    found = []
    for size in (1, 2):
        folder = tmp_path / str(size) / "times"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("from .part import SIZE\n")
        (folder / "part.py").write_text(f"SIZE = {size}\n")
        found.append(_package(folder))
    assert [package.SIZE for package in found] == [1, 2]
