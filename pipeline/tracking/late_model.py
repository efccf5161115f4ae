"""Logs a model to a run that has been trained elsewhere, such as the ensemble of a sweep."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.models import Model

from pipeline.tracking.models import Specs, save_model, send_model
from pipeline.tracking.reading import StoredRun
from pipeline.tracking.sending import upload

if TYPE_CHECKING:
    import keras


def log_late_model(
    run: StoredRun,
    model: "keras.Model",
    specs: Specs,
    classes: Mapping[str, Mapping[str, list[str]]],
    thresholds: Mapping[str, list[float]],
    *,
    like: Path,
    register: str | None,
) -> None:
    """Logs a Keras model as the `model` of a run; an earlier one stays in the store, but is not found.

    Args:
        specs, classes, thresholds: see `pipeline.tracking.models.save_model`.
        like: the .keras file of a logged model with the same inputs, which has the example and the forms of
            times.
        register: registers the model under this name, as its `candidate`; None: does not register it.
    """
    folder = like.parent.parent
    forms = json.loads((folder / "artifacts" / "forms.json").read_text(encoding="utf-8"))
    example = Model.load(str(folder)).load_input_example(str(folder))
    with tempfile.TemporaryDirectory() as name:
        save_model(Path(name) / "model", run.run_id, model, specs, example, forms, classes, thresholds)
        send_model(
            run.client,
            run.run_id,
            run.experiment_id,
            Path(name),
            params={},
            register=register,
            link=lambda model_id: None,
            upload=lambda files, place: upload(files, place, run.uri),
        )
