"""Configs and jobs, composed in the test's own process."""

from hydra import initialize_config_dir
from omegaconf import DictConfig

from pipeline import compose
from pipeline.config import CONF, expand
from pipeline.job.job import Job
from tests.config.composition import composer

PENGUINS = ["experiment=penguins", "branches.traits.units=[4]", "fusion.units=[4]"]
_composed = composer()


def config(*overrides: str) -> DictConfig:
    """The default config with overrides, expanded as a command does."""
    with initialize_config_dir(str(CONF)):
        return expand(_composed(*overrides))


def job(*overrides: str) -> Job:
    """The job of the default config with overrides."""
    return compose.compose_job(config(*overrides), folders=[])
