"""Logged models, and the registry: versions under a name, of which one is `candidate` and one `champion`."""

import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

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
) -> None:
    """Log a Keras model of named inputs and outputs as the open run's `model`; it loads without this package.

    Args:
        model: raw inputs to presented outputs, both by name.
        specs: raw input -> its shape without the rows, and the type that people give it in.
        example: a few rows of every input.
        register: name under which the model is registered, as its `candidate`; None for not at all.
    """
    outputs = [TensorSpec(np.dtype(x.dtype), _open(x.shape), name) for name, x in model.output.items()]
    kinds = {name: {"dtype": dtype, "shape": [-1, *_open(shape)]} for name, (shape, dtype) in specs.items()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(LOGGED_MODEL),
            artifacts={"keras_model": str(path)},
            # With shapes and types here, MLflow itself would refuse series of several lengths and nulls, and
            # would not say which input is at fault: the logged code checks them and names it.
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


def version_of(client: MlflowClient, name: str, alias: str) -> Any | None:
    """The version of a registered model that has an alias; None if none has.

    Raises:
        ConfigError: no model is registered under this name.
    """
    known = [
        model.name for model in all_pages(lambda token: client.search_registered_models(page_token=token))
    ]
    if name not in known:
        raise ConfigError(
            "name",
            "no model is registered under this name; a run does it with tracking.register=<name>",
            found=name,
            allowed=known,
        )
    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException:
        return None


def promote(client: MlflowClient, name: str, version: str) -> None:
    """Make a version the champion; if it was the candidate, there is none until the next is registered."""
    client.set_registered_model_alias(name, CHAMPION, version)
    candidate = version_of(client, name, CANDIDATE)
    if candidate is not None and candidate.version == version:
        client.delete_registered_model_alias(name, CANDIDATE)


def _open(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(-1 if size is None else size for size in shape)
