"""A finished run that was never trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from omegaconf import DictConfig, OmegaConf

from pipeline.config.make import maker
from pipeline.finished.run import FinishedRun
from pipeline.job import artifacts
from pipeline.job.job import Job
from pipeline.model import export_model
from tests import composed


@dataclass(frozen=True)
class Untrained:
    """Has the artifacts and the model of a run, like a `StoredRun`."""

    folder: Path
    job: Job
    tags: ClassVar[dict[str, str]] = {}

    def artifact(self, path: str) -> Path:
        return self.folder / path

    def has(self, path: str) -> bool:
        return (self.folder / path).exists()

    def model(self) -> Path:
        return self.folder / "model.keras"

    def data(self) -> DictConfig:
        """The config of the run's data, to be changed."""
        return OmegaConf.load(self.artifact("config/config.yaml")).data


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Untrained:
    """The penguins' run: a class, and quantiles of a number with missing labels."""
    folder = tmp_path_factory.mktemp("untrained")
    overrides = [*composed.PENGUINS, "head@heads.body_mass=quantiles"]
    job = composed.job(*overrides)
    artifacts._write_config(folder / "config", composed.config(*overrides), overrides, job)
    export_model(job.dataset.inputs, job.model, job.presenter, {}).save(folder / "model.keras")
    return Untrained(folder, job)


@pytest.fixture(scope="session")
def finished(untrained: Untrained) -> FinishedRun:
    """The penguins' run, loaded."""
    return FinishedRun.of(untrained, maker())
