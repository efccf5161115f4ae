"""The code that is logged with a model; it takes raw rows and returns predictions.

MLflow runs this file when it loads the model (models from code, without pickle), also on machines without
this package, so the file imports nothing of it.
"""

import hashlib
import importlib.util
import json
import os
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from mlflow.exceptions import MlflowException
from mlflow.models import set_model, utils
from mlflow.pyfunc import PythonModel

BATCH = 256
FLAGS = {"true": "1", "false": "0"}
LARGEST = float(np.finfo(np.float32).max)  # the model computes in float32
NO_ROWS = (0, 0)  # shape of the columns of a data frame without rows
SERVED = "__pyfunc_model_path__"  # variable of the processes of `mlflow models serve`


class LoggedModel(PythonModel):
    """A Keras model with several named inputs and outputs.

    It takes a dict of arrays, or a data frame with one column per input. The series of different rows may
    differ in length (in an array of objects). NaN, None and empty texts are missing values; they may replace
    a row's whole input as well. It returns a dict of arrays (rows, width), one per head. Wrong values raise
    an error that names the input; a server turns it into status 400. The answers of a server also have, for
    each head of classes, `<head>_classes`, their names, and `<head>_predicted`, that of each row; and for
    heads with a threshold `<head>_predicted`, 1 for yes and 0 for no in each column.
    """

    # Silences MLflow's warning that the signature has no type hints; the signature is logged instead.
    _skip_type_hint_validation = True

    def load_context(self, context):  # type: ignore[no-untyped-def]
        self.model = keras.saving.load_model(context.artifacts["keras_model"])
        signature = {name: tf.TensorSpec(x.shape, x.dtype) for name, x in self.model.input.items()}
        graph = tf.function(
            lambda inputs: self.model(inputs, training=False), input_signature=[signature], autograph=False
        )
        # For a few rows many times as fast as Keras' call of a model. Traced here, because TensorFlow takes
        # the first calls of several models for retracing and warns.
        self.graph = graph.get_concrete_function()
        self.fold_texts = runpy.run_path(context.artifacts["folding"])["fold_texts"]
        self.times = _package(Path(context.artifacts["times"]))
        forms = json.loads(Path(context.artifacts["forms"]).read_text(encoding="utf-8"))
        self.forms = {name: self.times.TimeForm(**form) for name, form in forms.items()}
        self.classes = json.loads(Path(context.artifacts["classes"]).read_text(encoding="utf-8"))
        members = [layer for layer in self.model.layers if layer.name.startswith("member_")]  # of an ensemble
        # These inputs arrive as floats, because missing values are NaN, but their branches take bytes.
        self.byte_inputs = [
            name
            for name in self.model.input
            for layer in (members or [self.model])[0].layers
            if layer.name == f"branch_{name}" and layer.input.dtype == "uint8"
        ]

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        columns = _columns(model_input, list(self.model.input))
        for name in self.model.input:
            if name not in columns:
                raise _wrong(name, f"is missing; the inputs of the model are {', '.join(self.model.input)}")
        if all(np.shape(columns[name]) == NO_ROWS for name in self.model.input):
            return {head: np.zeros((0, *x.shape[1:]), x.dtype) for head, x in self.model.output.items()}
        values = self.values(columns)
        rows = len(next(iter(values.values())))
        texts_folded = self.fold_texts(self.model, values)
        pieces = [
            self.graph(
                {
                    name: tf.convert_to_tensor(array[first : first + BATCH], self.model.input[name].dtype)
                    for name, array in texts_folded.items()
                }
            )
            for first in range(0, rows, BATCH)
        ]
        outputs = {
            head: np.concatenate([np.asarray(piece[head]) for piece in pieces]) for head in self.model.output
        }
        _check_sound(values, outputs)
        return {**self._names(outputs), **outputs} if SERVED in os.environ else outputs

    def values(self, columns: dict[str, Any]) -> dict[str, np.ndarray]:
        """The columns as arrays that the model takes; raises an error that names the wrong one."""
        values = {
            name: self._seconds(name, columns[name])
            if name in self.forms
            else _array(name, columns[name], tensor)
            for name, tensor in self.model.input.items()
        }
        rows = len(next(iter(values.values())))
        if not rows:
            raise _wrong(next(iter(values)), "has no rows")
        for name, array in values.items():
            if len(array) != rows:
                raise _wrong(name, f"has {len(array)} rows, but {next(iter(values))!r} has {rows}")
            if name in self.byte_inputs and not _are_bytes(array):
                raise _wrong(name, "must be whole numbers from 0 to 255, or null for a whole row")
            _check_range(name, array)
        return values

    def _names(self, outputs: dict[str, np.ndarray]) -> dict[str, Any]:
        """The names of the classes, and of the most probable one of each row; yes and no as 1 and 0."""
        found: dict[str, Any] = {}
        for head, names in self.classes["all"].items():
            found[f"{head}_classes"] = names
            if head in self.classes["one"]:
                found[f"{head}_predicted"] = [names[place] for place in outputs[head].argmax(axis=1)]
        for head, limits in self.classes.get("thresholds", {}).items():
            found[f"{head}_predicted"] = (outputs[head] > np.array(limits)).astype(int).tolist()
        return found

    def _seconds(self, name: str, values: Any) -> np.ndarray:
        """Dates and times in any form as seconds; numbers are what they were in training, else seconds."""
        form = self.forms[name]
        cells = np.empty(len(values), dtype=object)
        cells[:] = [cell.item() if isinstance(cell, np.ndarray) else cell for cell in values]
        missing = np.array([_text(cell) == "" for cell in cells])
        cells[missing] = None
        found = self.times.seconds(cells, replace(form, unit=form.unit or "s"))
        unreadable = np.isnan(found) & ~missing
        if unreadable.any():
            row = int(np.argmax(unreadable))
            raise _wrong(name, f"must be a {form.kind} or null, row {row} has {cells[row]!r}")
        return np.asarray(found)


def _package(folder: Path) -> ModuleType:
    """Imports a folder of modules under a name of its own, so that models of several versions go together."""
    name = f"logged_{folder.name}_{hashlib.sha256(str(folder).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


def _columns(model_input: Any, names: list[str]) -> dict[str, Any]:
    if isinstance(model_input, list):
        model_input = pd.DataFrame(model_input)
    if isinstance(model_input, pd.DataFrame):
        return {str(name): _cells_of(column) for name, column in model_input.items()}
    if not isinstance(model_input, dict):
        raise _wrong(names[0], f"is not named; the inputs of the model are {', '.join(names)}")
    for name, values in model_input.items():
        if np.ndim(values) == 0 if isinstance(values, np.ndarray) else not isinstance(values, list | tuple):
            raise _wrong(name, "must be a list with a value for each row")
    return dict(model_input)


def _cells_of(column: pd.Series) -> np.ndarray:
    cells = np.empty(len(column) or NO_ROWS, dtype=object)
    for row, cell in enumerate(column):
        cells[row] = cell
    return cells


def _take_every_frame() -> None:
    """Lets data frames of any index, of no rows and of whole series pass MLflow's check of the signature.

    The check looks for the row that is labelled 0, and joins the lists of all rows.
    """
    check = utils._reshape_and_cast_pandas_column_values
    if check.__module__ != utils.__name__:
        return  # another model has done it

    def column_values(name: str, column: pd.Series, spec: Any) -> np.ndarray:
        ours = spec.shape == (-1,) and spec.type == np.dtype(object)
        return _cells_of(column) if ours else check(name, column, spec)

    utils._reshape_and_cast_pandas_column_values = column_values


def _array(name: str, values: Any, tensor: Any) -> np.ndarray:
    """The values of one input as an array with the shape and type that the model takes."""
    shape, dtype = tensor.shape[1:], tensor.dtype
    # A server turns a list of rows into an array of cells that are arrays without an axis.
    if isinstance(values, list) or (isinstance(values, np.ndarray) and values.dtype.kind == "O"):
        values = [cell.item() if isinstance(cell, np.ndarray) and cell.ndim == 0 else cell for cell in values]
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 1 + len(shape):
        array = values
    elif not shape:
        return _cells(name, values, dtype)
    else:
        rows = [_row(name, row, value, shape) for row, value in enumerate(values)]
        array = _stacked(name, rows, shape, dtype)
    if any(expected not in (None, size) for expected, size in zip(shape, array.shape[1:], strict=True)):
        raise _wrong(name, f"has rows of shape {array.shape[1:]}, but the model takes {tuple(shape)}")
    with np.errstate(over="ignore"):  # `_check_range` tells which input is too large
        return array.astype(dtype, copy=False)


def _cells(name: str, values: Any, dtype: str) -> np.ndarray:
    """One value per row: texts, where "" is missing, or numbers, where NaN is missing."""
    values = [row[0] if isinstance(row, list | np.ndarray) and len(row) == 1 else row for row in values]
    for row, value in enumerate(values):
        if isinstance(value, list | dict | np.ndarray):
            raise _wrong(name, f"must be one value per row, row {row} has {value!r}")
    texts = [_text(value) for value in values]
    if dtype == "string":
        return np.array(texts, dtype=object)
    numbers = np.full(len(texts), np.nan, dtype=dtype)
    for row, text in enumerate(texts):
        try:
            with np.errstate(over="ignore"):
                numbers[row] = float(FLAGS.get(text, text) or "nan")
        except ValueError as error:
            raise _wrong(name, f"must be a number or null, row {row} has {values[row]!r}") from error
    return numbers


def _text(value: Any) -> str:
    """A value as the training data reads it: 3.0 as "3", True as "true", a missing value as ""."""
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and value != value):
        return ""
    if isinstance(value, bool | np.bool_) or value in ("True", "TRUE", "False", "FALSE"):
        return str(value).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value) if str(value).strip() else ""


def _row(name: str, row: int, value: Any, shape: Any) -> np.ndarray | None:
    """The numbers of one row; None if the whole input is missing."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    try:
        numbers = np.array(value.tolist() if isinstance(value, np.ndarray) else value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong(name, f"must be numbers of shape {tuple(shape)}, row {row} is not: {error}") from error
    # A series with one channel and a grey image may come without the last axis.
    return numbers[..., None] if numbers.ndim == len(shape) - 1 and shape[-1] == 1 else numbers


def _stacked(name: str, rows: list[np.ndarray | None], shape: Any, dtype: str) -> np.ndarray:
    """All rows in one array; series are padded with NaN to the longest, and missing rows are NaN."""
    for number, row in enumerate(rows):
        if row is None:
            continue
        if row.ndim != len(shape) or any(
            expected not in (None, size) for expected, size in zip(shape, row.shape, strict=True)
        ):
            raise _wrong(name, f"must be of shape {tuple(shape)}, row {number} is {row.shape}")
    longest = max((len(row) for row in rows if row is not None), default=1)
    array = np.full((len(rows), *(longest if size is None else size for size in shape)), np.nan, dtype)
    for place, row in zip(array, rows, strict=True):
        if row is not None:
            with np.errstate(over="ignore"):
                place[: len(row)] = row
    return array


def _are_bytes(array: np.ndarray) -> bool:
    fits = (array >= 0) & (array <= 255) & (array == np.floor(array))
    rows = tuple(range(1, array.ndim))
    return bool((fits.all(axis=rows) | np.isnan(array).all(axis=rows)).all())


def _check_range(name: str, array: np.ndarray) -> None:
    """Raises an error for infinite numbers and those beyond float32, which would become NaN in the model."""
    if array.dtype.kind != "f":
        return
    large = (np.abs(array) > LARGEST).reshape(len(array), -1).any(axis=1)
    if large.any():
        row = int(np.argmax(large))
        number = float(np.nanmax(np.abs(array[row])))
        raise _wrong(name, f"must have finite numbers up to {LARGEST:.3g}, row {row} has {number:.3g}")


def _check_sound(values: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> None:
    """Raises an error if a prediction is not finite: values are missing that training had, or too large."""
    wrong = ~np.all([np.isfinite(output).all(axis=1) for output in outputs.values()], axis=0)
    for row in np.flatnonzero(wrong):
        for name, array in values.items():
            # A single NaN is wrong in an image; in a series it may be padding.
            some_or_all = np.any if array.ndim == 4 else np.all
            if array.dtype.kind == "f" and some_or_all(np.isnan(array[row])):
                raise _wrong(name, f"has missing values in row {row}, which no training row had")
        sizes = {
            name: float(np.max(np.abs(np.nan_to_num(array[row].astype(np.float64))), initial=0.0))
            for name, array in values.items()
            if array.dtype.kind == "f"
        }
        name = max(sizes, key=lambda one: sizes[one]) if sizes else next(iter(values))
        raise _wrong(name, f"has values in row {row} for which the model gives no finite number")


def _wrong(name: str, problem: str) -> MlflowException:
    return MlflowException.invalid_parameter_value(f"input {name!r} {problem}")


_take_every_frame()
set_model(LoggedModel())
