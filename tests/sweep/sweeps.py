"""Small sweeps, and what they leave in MLflow."""

import contextlib
import json
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from omegaconf import DictConfig, OmegaConf

from pipeline.sweep.parent import Parent
from pipeline.tracking import connect, open_run
from pipeline.train import Outcome
from pipeline.training.epoch import NotFiniteError
from tests import stores

SMALL = [
    "experiment=penguins",
    "fusion.units=[4]",
    "trainer.epochs=2",
    "schedule=constant",
    "tracking.log_model=false",
    "insight=off",
]
JOBLIB = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
# Processes that do not run: their numbers are larger than any.
GONE, ALSO_GONE = (f"{socket.gethostname()}:{2**22 + i}:1" for i in (1, 2))


@contextlib.contextmanager
def without_training(interrupt: int | None = None) -> Iterator[None]:
    """Trials open their run and log metrics, which the loss weight decides, but train nothing.

    A learning rate above 1 leads to NaN, as in a training. The board is drawn at the end alone.

    Args:
        interrupt: a signal that each trial sends to its process.
    """

    def run(cfg: DictConfig, origin: Any, *, run_id: str | None = None, **options: object) -> Any:
        weight = cfg.loss_weights.species
        skills = {"skill": 1 / (1 + weight), "species_skill": weight / (1 + weight), "body_mass_skill": 0.5}
        metrics = {f"best/val_{name}": value for name, value in skills.items()}
        store = connect(cfg.tracking.uri, cfg.tracking.experiment)
        params = {"loss_weights.species": weight}
        with open_run(store, run_id=run_id, run_name="", tags={}, params=params) as tracked:
            tracked.log_metrics(metrics, 0)
            if interrupt is not None:
                signal.raise_signal(interrupt)
            if cfg.optimizer.learning_rate > 1:
                raise NotFiniteError("the loss of head species is nan")
        names = cfg.objective
        objective = metrics[names] if isinstance(names, str) else tuple(metrics[name] for name in names)
        return Outcome(tracked.run_id, tracked.uri, objective)

    with mock.patch("pipeline.train.run", run), mock.patch("pipeline.sweep.watch.Watch.look"):
        yield


def runs_of(where: Path) -> tuple[list[Any], list[Any]]:
    """The sweeps' own runs and their trials', in the order of their starts."""
    runs = stores.all_runs(where)
    trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
    return [run for run in runs if run not in trials], trials


def statuses(runs: list[Any]) -> Counter[str]:
    return Counter(run.info.status for run in runs)


def config_of(where: Path, name: str | None = "s") -> DictConfig:
    """What a sweep's parent reads of its config."""
    tracking = {"uri": f"sqlite:///{where}/mlruns/mlflow.db", "experiment": "e", "run_name": None}
    sweep = {"name": name, "parent": None}
    return OmegaConf.create({"tracking": tracking, "sweep": sweep, "objective": "best/val_skill"})


def open_parent(cfg: DictConfig, process: str = GONE) -> Parent:
    """A sweep's run, opened by this process."""
    tags = {"sweep.varies": json.dumps(["seed"]), "sweep.process": process}
    return Parent.open(cfg, tags, cfg.sweep.parent)


def add_trial(
    parent: Parent,
    key: str,
    status: str = "RUNNING",
    *,
    process: str = GONE,
    parameter: str = "seed",
    **skills: float,
) -> str:
    """A trial of a sweep, with `best/val_…` metrics; returns its run's id."""
    tags = {
        "mlflow.parentRunId": parent.run_id,
        "sweep.trial": key,
        "sweep.varied": json.dumps({parameter: key}),
        "sweep.process": process,
        "sweep.overrides": f"{parameter}={key}",
    }
    run_id = parent.add(f"{parameter}={key}", tags)
    for name, value in skills.items():
        parent.client.log_metric(run_id, f"best/val_{name}", value)
    if status != "RUNNING":
        parent.client.set_terminated(run_id, status)
    return run_id
