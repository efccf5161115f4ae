"""The code that is logged with a model: whole rows in, readable outputs out. It imports nothing of ours.

MLflow runs this file where the model is loaded (models from code: no pickle), so it must stand alone.
"""

from typing import Any

import keras
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

BATCH = 256


class LoggedModel(PythonModel):
    """A Keras model of several named inputs and outputs.

    Input: a dict of arrays, or a frame of rows with one column per input. Series may differ in length by
    row (an array of objects); missing values are NaN, None or empty text, also for a whole input of a row.
    Output: a dict of arrays (rows, width) by head. What does not fit is an error that names the input, which
    a server answers as 400.
    """

    # MLflow wants type hints to learn the signature from, and warns without; the signature is logged.
    _skip_type_hint_validation = True

    def load_context(self, context):  # type: ignore[no-untyped-def]
        self.model = keras.saving.load_model(context.artifacts["keras_model"])
        # Their branches take bytes; they come as floats, since a missing one is NaN.
        self.of_bytes = [
            name
            for name in self.model.input
            for layer in self.model.layers
            if layer.name == f"branch_{name}" and layer.input.dtype == "uint8"
        ]

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        columns = _columns(model_input)
        for name in self.model.input:
            if name not in columns:
                raise _wrong(name, f"is missing; the model takes {', '.join(self.model.input)}")
        values = {name: _array(name, columns[name], tensor) for name, tensor in self.model.input.items()}
        rows = len(next(iter(values.values())))
        for name, array in values.items():
            if len(array) != rows:
                raise _wrong(name, f"has {len(array)} rows, {next(iter(values))!r} has {rows}")
            if name in self.of_bytes and not _are_bytes(array):
                raise _wrong(name, "must be whole numbers from 0 to 255, or null for a whole row")
        pieces = [
            self.model({name: array[first : first + BATCH] for name, array in values.items()}, training=False)
            for first in range(0, rows, BATCH)
        ]
        outputs = {
            head: np.concatenate([np.asarray(piece[head]) for piece in pieces]) for head in self.model.output
        }
        _check_sound(values, outputs)
        return outputs


def _columns(model_input: Any) -> dict[str, Any]:
    if isinstance(model_input, list):
        model_input = pd.DataFrame(model_input)
    if isinstance(model_input, pd.DataFrame):
        return {str(name): list(column) for name, column in model_input.items()}
    return dict(model_input)


def _array(name: str, values: Any, tensor: Any) -> np.ndarray:
    """The values of one input as an array of the shape and type that the model takes."""
    shape, dtype = tensor.shape[1:], tensor.dtype
    # What a server makes of a list of rows holds cells as arrays without an axis.
    if isinstance(values, list) or (isinstance(values, np.ndarray) and values.dtype.kind == "O"):
        values = [cell.item() if isinstance(cell, np.ndarray) and cell.ndim == 0 else cell for cell in values]
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu" and values.ndim == 1 + len(shape):
        array = values
    elif not shape:
        return _cells(name, values, dtype)
    else:
        array = _stacked(name, [_row(name, row, value, shape) for row, value in enumerate(values)], shape)
    if any(due not in (None, size) for due, size in zip(shape, array.shape[1:], strict=True)):
        raise _wrong(name, f"has rows of shape {array.shape[1:]}, due is {tuple(shape)}")
    return array.astype(dtype, copy=False)


def _cells(name: str, values: Any, dtype: str) -> np.ndarray:
    """One value a row: text, where missing is empty, or a number, where missing is NaN."""
    if np.ndim(values) == 2 and np.shape(values)[1] == 1:
        values = [row[0] for row in values]
    texts = [_text(value) for value in values]
    if dtype == "string":
        return np.array(texts, dtype=object)
    found = np.full(len(texts), np.nan, dtype=dtype)
    for row, text in enumerate(texts):
        try:
            found[row] = float(text or "nan")
        except ValueError as error:
            # Numbers of 64 bits are codes of categories: a text among them is one that training never saw.
            if dtype != "float64":
                raise _wrong(name, f"must be a number or null, row {row} has {values[row]!r}") from error
            found[row] = np.inf
    return found


def _text(value: Any) -> str:
    """A value as training read it: 3.0 is "3", True is "true", and what is missing is empty."""
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and value != value):
        return ""
    if isinstance(value, bool | np.bool_) or value in ("True", "TRUE", "False", "FALSE"):
        return str(value).lower()
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value) if str(value).strip() else ""


def _row(name: str, row: int, value: Any, shape: Any) -> np.ndarray | None:
    """One row's numbers; None where the whole input is missing."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    try:
        found = np.array(value.tolist() if isinstance(value, np.ndarray) else value, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise _wrong(name, f"must be numbers of shape {tuple(shape)}, row {row} is not: {error}") from error
    # A series of one channel, or a grey image, may lack its last axis.
    return found[..., None] if found.ndim == len(shape) - 1 and shape[-1] == 1 else found


def _stacked(name: str, found: list[np.ndarray | None], shape: Any) -> np.ndarray:
    """Rows in one array; steps that a series has less than the longest, and missing rows, are NaN."""
    for row, one in enumerate(found):
        if one is None:
            continue
        if one.ndim != len(shape) or any(d not in (None, s) for d, s in zip(shape, one.shape, strict=True)):
            raise _wrong(name, f"must be of shape {tuple(shape)}, row {row} is {one.shape}")
    longest = max((len(one) for one in found if one is not None), default=1)
    array = np.full((len(found), *(longest if size is None else size for size in shape)), np.nan, np.float32)
    for place, one in zip(array, found, strict=True):
        if one is not None:
            place[: len(one)] = one
    return array


def _are_bytes(array: np.ndarray) -> bool:
    fits = (array >= 0) & (array <= 255) & (array == np.floor(array))
    rows = tuple(range(1, array.ndim))
    return bool((fits.all(axis=rows) | np.isnan(array).all(axis=rows)).all())


def _check_sound(values: dict[str, np.ndarray], outputs: dict[str, np.ndarray]) -> None:
    """Raise where a row got no number, which happens where cells are missing that never were in training."""
    wrong = ~np.all([np.isfinite(output).all(axis=1) for output in outputs.values()], axis=0)
    for row in np.flatnonzero(wrong):
        for name, array in values.items():
            # A series has gaps where it is shorter than others; an image that misses pixels only is at fault.
            lacks = np.any if array.ndim == 4 else np.all
            if array.dtype.kind == "f" and lacks(np.isnan(array[row])):
                raise _wrong(name, f"lacks values in row {row}, and no training row did")


def _wrong(name: str, problem: str) -> Exception:
    return mlflow.exceptions.MlflowException.invalid_parameter_value(f"input {name!r} {problem}")


set_model(LoggedModel())
