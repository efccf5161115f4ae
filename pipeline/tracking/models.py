"""Logs and registers models; of the versions under a name one is `candidate` and one `champion`."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlflow
import numpy as np
from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME
from mlflow.tracking import MlflowClient
from mlflow.types import Schema, TensorSpec

from pipeline import folding, times
from pipeline.errors import ConfigError
from pipeline.paths import write_text
from pipeline.tracking.pager import all_pages

if TYPE_CHECKING:
    import keras

LOGGED_MODEL = Path(__file__).with_name("logged_model.py")
Specs = Mapping[str, tuple[tuple[int | None, ...], str]]
CANDIDATE, CHAMPION = "candidate", "champion"
LINKS = 3  # requests at a time


def save_model(
    path: Path,
    run_id: str,
    model: "keras.Model",
    specs: Specs,
    example: Mapping[str, Any],
    forms: Mapping[str, Mapping[str, Any]],
    classes: Mapping[str, Mapping[str, list[str]]],
    thresholds: Mapping[str, list[float]],
) -> None:
    """Saves a Keras model in MLflow's form to the folder `path`; it loads without this package.

    Args:
        model: takes raw inputs and returns probabilities and original units, both by name.
        specs: raw input -> its shape without the rows, and the type of its values.
        example: a few rows of every input.
        forms: raw input of times -> the fields of its `pipeline.times.TimeForm`.
        classes: see `pipeline.tracking.writing.Run.log_model`.
        thresholds: see `pipeline.tracking.writing.Run.log_model`.
    """
    outputs = [TensorSpec(np.dtype(x.dtype), _open(x.shape), name) for name, x in model.output.items()]
    kinds = {name: {"dtype": dtype, "shape": [-1, *_open(shape)]} for name, (shape, dtype) in specs.items()}
    with tempfile.TemporaryDirectory() as folder:
        keras_path = Path(folder) / "model.keras"
        model.save(keras_path)
        facts = {"forms": forms, "classes": {"one": {}, "all": {}, "thresholds": dict(thresholds), **classes}}
        files = {name: Path(folder) / f"{name}.json" for name in facts}
        for name, file in files.items():
            file.write_text(json.dumps(facts[name], ensure_ascii=False), encoding="utf-8")
        mlflow.pyfunc.save_model(
            path=str(path),
            mlflow_model=Model(run_id=run_id),
            python_model=str(LOGGED_MODEL),
            artifacts={
                "keras_model": str(keras_path),
                "folding": folding.__file__,
                "times": str(Path(times.__file__).parent),
                **{name: str(file) for name, file in files.items()},
            },
            # Without shapes and types, because with them MLflow refuses nulls and series of different
            # lengths, without naming the input. The logged code checks both and names it.
            signature=ModelSignature(
                Schema([TensorSpec(np.dtype(object), (-1,), name) for name in model.input]), Schema(outputs)
            ),
            metadata={
                "inputs": kinds,
                "classes": dict(classes.get("all", {})),
                **({"thresholds": dict(thresholds)} if thresholds else {}),
            },
            input_example=dict(example),
            pip_requirements=[
                f"{name}=={metadata.version(name)}"
                for name in ("mlflow", "tensorflow", "keras", "numpy", "pandas")
            ],
        )
    # Loading the code for the example may leave them.
    for cache in path.rglob("__pycache__"):
        shutil.rmtree(cache, ignore_errors=True)


def send_model(
    client: MlflowClient,
    run_id: str,
    experiment_id: str,
    folder: Path,
    *,
    params: Mapping[str, str],
    register: str | None,
    link: Callable[[str], None],
    upload: Callable[[Path, str], None],
) -> None:
    """Logs a saved model as the `model` of a run.

    MLflow's own `log_model` asks for the history of each metric of the run, one after the other.

    Args:
        folder: holds `model/`, and how far an earlier attempt came.
        register: registers the model under this name, as its `candidate`; None: does not register it.
        link: links metrics to a model's id.
        upload: copies a folder to a place of artifacts.
    """
    state = _State(folder / "state.json")
    if "id" not in state:
        logged = client.create_logged_model(experiment_id, "model", run_id, params=dict(params))
        state.add(id=logged.model_id, place=logged.artifact_location)
    if "ready" not in state:
        _name(folder / "model", state["id"], state["place"])
        upload(folder / "model", state["place"])
        # At the same time, because a server may take a second for each.
        with ThreadPoolExecutor(LINKS) as pool:
            done = [
                pool.submit(client.finalize_logged_model, state["id"], LoggedModelStatus.READY),
                pool.submit(_log_output, client, run_id, state["id"]),
                pool.submit(link, state["id"]),
            ]
        for one in done:
            one.result()
        state.add(ready="yes")
    if register is not None:
        _register(client, register, state, run_id)


def _log_output(client: MlflowClient, run_id: str, model_id: str) -> None:
    """Names a model as the output of a run, also if an earlier attempt did so and was interrupted then."""
    try:
        client.log_outputs(run_id, [LoggedModelOutput(model_id, 0)])
    except MlflowException:
        # A second time, MLflow's database refuses it.
        outputs = client.get_run(run_id).outputs
        if outputs is None or model_id not in {output.model_id for output in outputs.model_outputs}:
            raise


def _name(folder: Path, model_id: str, place: str) -> None:
    """Writes the id that the store gave a model into its description."""
    model = Model.load(str(folder))
    model.model_id = model.model_uuid = model_id
    model.artifact_path = place
    model.save(str(folder / MLMODEL_FILE_NAME))


def _register(client: MlflowClient, name: str, state: "_State", run_id: str) -> None:
    if "version" not in state:
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"):
                raise
        source = f"models:/{state['id']}"
        version = client.create_model_version(name, source, run_id, model_id=state["id"])
        state.add(version=str(version.version))
    client.set_registered_model_alias(name, CANDIDATE, state["version"])


class _State(dict[str, str]):
    """Facts that a file keeps, so that an interrupted upload is not begun again as another model."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})

    def add(self, **facts: str) -> None:
        self.update(facts)
        write_text(self.path, json.dumps(self))


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
