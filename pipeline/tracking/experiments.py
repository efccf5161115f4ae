"""Experiments of a store: which one a run belongs to; it is made if necessary."""

import os
from pathlib import Path

from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.tracking.relocation import BESIDE, beside

DEFAULT_EXPERIMENT = "pipeline"  # of sweeps over several data sets, and of all runs of version 0.1


def default_experiment_id(client: MlflowClient, experiment: str | None) -> str | None:
    """The id of the experiment of all runs of version 0.1, if this config's runs might have been there."""
    if experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME") or os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return None
    found = client.get_experiment_by_name(DEFAULT_EXPERIMENT)
    return found and str(found.experiment_id)


def experiment_of(client: MlflowClient, run_id: str | None) -> str | None:
    """The id of a run's experiment; None for no run, or one that the store does not have."""
    try:
        return run_id and str(client.get_run(run_id).info.experiment_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return None  # who opens the run says so


def experiment_id(client: MlflowClient, name: str | None, default: str, database: Path | None) -> str:
    """The id of an experiment, which is created if necessary; a local store has its artifacts beside it."""
    named, _ = experiment_name(name, default)
    if named is None:
        return _of_id(client, os.environ["MLFLOW_EXPERIMENT_ID"])
    found = client.get_experiment_by_name(named)
    if found is None:
        return _create(client, named, database)
    return usable(name, default, found.experiment_id, found.lifecycle_stage)


def experiment_name(name: str | None, default: str) -> tuple[str | None, str]:
    """The name of an experiment, None if only its id is known, and the key or variable that it comes from."""
    if name is None and (name := os.environ.get("MLFLOW_EXPERIMENT_NAME")):
        return name, "MLFLOW_EXPERIMENT_NAME"
    if name is None and os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return None, "MLFLOW_EXPERIMENT_ID"
    return name or default, "tracking.experiment"


def usable(name: str | None, default: str, id_: str, stage: str) -> str:
    """The id of an experiment, which must not have been deleted."""
    named, key = experiment_name(name, default)
    if stage != LifecycleStage.ACTIVE:
        raise _deleted(key, str(named), id_)
    return str(id_)


def _create(client: MlflowClient, name: str, database: Path | None) -> str:
    tags = {"mlflow.experimentKind": "custom_model_development"}
    place = None
    if database is not None:
        tags[BESIDE], place = "beside the database", beside(database).as_uri()
    try:
        return str(client.create_experiment(name, place, tags=tags))
    except MlflowException:
        # Another process may have created it meanwhile.
        if (found := client.get_experiment_by_name(name)) is None:
            raise
        return str(found.experiment_id)


def _of_id(client: MlflowClient, id_: str) -> str:
    key = "MLFLOW_EXPERIMENT_ID"
    try:
        found = client.get_experiment(id_)
    except MlflowException as error:
        known = [experiment.experiment_id for experiment in client.search_experiments(max_results=20)]
        problem = "there is no such experiment in this store (mlflow.set_experiment sets this variable too)"
        raise ConfigError(key, problem, found=id_, allowed=known) from error
    if found.lifecycle_stage != LifecycleStage.ACTIVE:
        raise _deleted(key, found.name, id_)
    return id_


def _deleted(key: str, name: str, id_: str) -> ConfigError:
    return ConfigError(
        key,
        "this experiment was deleted",
        found=name,
        allowed=f"another name; or restore it: mlflow experiments restore --experiment-id {id_}",
    )
