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

    Input: a dict of arrays, or a frame or list of rows with one column per input; a series may differ in
    length from row to row, missing values are NaN or None. Output: a dict of arrays (rows, width) by head.
    """

    # MLflow wants type hints to learn the signature from, and warns without; the signature is logged.
    _skip_type_hint_validation = True

    def load_context(self, context):  # type: ignore[no-untyped-def]
        self.model = keras.saving.load_model(context.artifacts["keras_model"])

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        columns = _columns(model_input)
        absent = [name for name in self.model.input if name not in columns]
        if absent:
            raise mlflow.exceptions.MlflowException.invalid_parameter_value(
                f"input {absent[0]!r} is missing; the model takes {', '.join(self.model.input)}"
            )
        values = {name: _array(name, columns[name], tensor) for name, tensor in self.model.input.items()}
        rows = len(next(iter(values.values())))
        pieces = [
            self.model({name: array[first : first + BATCH] for name, array in values.items()}, training=False)
            for first in range(0, rows, BATCH)
        ]
        return {
            head: np.concatenate([np.asarray(piece[head]) for piece in pieces]) for head in self.model.output
        }


def _columns(model_input: Any) -> dict[str, Any]:
    if isinstance(model_input, list):
        model_input = pd.DataFrame(model_input)
    if isinstance(model_input, pd.DataFrame):
        return {str(name): list(column) for name, column in model_input.items()}
    return dict(model_input)


def _array(name: str, values: Any, tensor: Any) -> np.ndarray:
    """The values of one input as an array of the shape and type that the model takes."""
    if tensor.dtype == "string":
        flat = [
            "" if value is None or value != value else str(value)
            for value in np.ravel(np.asarray(values, object))
        ]
        return np.array(flat, object).reshape(-1, *tensor.shape[1:])
    try:
        if len(tensor.shape) == 3 and tensor.shape[1] is None:
            values = _padded([np.asarray(value, tensor.dtype) for value in values])
        array = np.asarray(values, tensor.dtype)
        return array.reshape(len(array), *[-1 if size is None else size for size in tensor.shape[1:]])
    except (TypeError, ValueError) as error:
        raise mlflow.exceptions.MlflowException.invalid_parameter_value(
            f"input {name!r} must be {tensor.dtype} of shape {tuple(tensor.shape)}: {error}"
        ) from error


def _padded(series: list[np.ndarray]) -> np.ndarray:
    longest = max(len(one) for one in series)
    out = np.full((len(series), longest, series[0].shape[-1]), np.nan, series[0].dtype)
    for row, one in zip(out, series, strict=True):
        row[: len(one)] = one
    return out


set_model(LoggedModel())
