"""Logs and registers models; of the versions under a name one is `candidate` and one `champion`."""

import json
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

from pipeline import folding, times
from pipeline.errors import ConfigError
from pipeline.tracking.pager import all_pages

if TYPE_CHECKING:
    import keras

LOGGED_MODEL = Path(__file__).with_name("logged_model.py")
Specs = Mapping[str, tuple[tuple[int | None, ...], str]]
CANDIDATE, CHAMPION = "candidate", "champion"


def log_model(
    client: MlflowClient,
    model: "keras.Model",
    specs: Specs,
    example: Mapping[str, Any],
    register: str | None,
    forms: Mapping[str, Mapping[str, Any]],
) -> None:
    """Logs a Keras model as the `model` of the open run; the logged model loads without this package.

    Args:
        model: takes raw inputs and returns probabilities and original units, both by name.
        specs: raw input -> its shape without the rows, and the type of its values.
        example: a few rows of every input.
        register: registers the model under this name, as its `candidate`; None: does not register it.
        forms: raw input of times -> the fields of its `pipeline.times.TimeForm`.
    """
    outputs = [TensorSpec(np.dtype(x.dtype), _open(x.shape), name) for name, x in model.output.items()]
    kinds = {name: {"dtype": dtype, "shape": [-1, *_open(shape)]} for name, (shape, dtype) in specs.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        forms_path = Path(folder) / "forms.json"
        forms_path.write_text(json.dumps(forms))
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(LOGGED_MODEL),
            artifacts={
                "keras_model": str(path),
                "folding": folding.__file__,
                "times": times.__file__,
                "forms": str(forms_path),
            },
            # Without shapes and types, because with them MLflow refuses nulls and series of different
            # lengths, without naming the input. The logged code checks both and names it.
            signature=ModelSignature(
                Schema([TensorSpec(np.dtype(object), (-1,), name) for name in model.input]), Schema(outputs)
            ),
            metadata={"inputs": kinds},
            input_example=dict(example),
            pip_requirements=[
                f"{name}=={metadata.version(name)}"
                for name in ("mlflow", "tensorflow", "keras", "numpy", "pandas")
            ],
            registered_model_name=register,
        )
    if register is not None:
        client.set_registered_model_alias(register, CANDIDATE, logged.registered_model_version)


def version_of(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """The version of a registered model with this alias; None if there is no such version.

    Raises:
        ConfigError: no model is registered under this name.
    """
    known = [
        model.name for model in all_pages(lambda token: client.search_registered_models(page_token=token))
    ]
    if name not in known:
        raise ConfigError(
            "name",
            "no model is registered under this name; tracking.register=<name> registers the model of a run",
            found=name,
            allowed=known,
        )
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException:
        return None


def promote(client: MlflowClient, name: str, version: str) -> None:
    """Makes a version the champion; if it was the candidate, no version is the candidate any more."""
    client.set_registered_model_alias(name, CHAMPION, version)
    candidate = version_of(client, name, CANDIDATE)
    if candidate is not None and candidate.version == version:
        client.delete_registered_model_alias(name, CANDIDATE)


def _open(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if size is None else size for size in shape)
