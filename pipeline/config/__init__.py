"""Checks a composed config and describes it for MLflow. Imports nothing heavier than Hydra."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline.config.auto_parts import expand
from pipeline.config.data import check_entries, check_files, check_split
from pipeline.config.heads import (
    check_auxiliary,
    check_fusion,
    check_heads,
    check_loss_weights,
    check_names,
)
from pipeline.config.hydra_node import check_hydra
from pipeline.config.metrics import check_flow_names, check_metric_names, check_watched_metrics
from pipeline.config.naming import choices, flatten, run_name
from pipeline.config.nodes import check_machine_use, check_nodes
from pipeline.config.parts import check_parts
from pipeline.config.trust import check_trust, trusted, whitelist
from pipeline.errors import ConfigError

__all__ = [
    "CONF",
    "PARENT_OVERRIDE",
    "check",
    "check_hydra",
    "choices",
    "expand",
    "flatten",
    "folders",
    "overrides",
    "resolved",
    "run_name",
    "trusted",
    "whitelist",
]

PACKAGE = Path(__file__).parent.parent
PARENT_OVERRIDE = "sweep.parent="  # a sweep adds it to the overrides of its jobs
# A wheel has conf/ inside the package, a checkout has it beside the package.
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())


def check(cfg: DictConfig, *, overrides: Sequence[str] = (), folders: Sequence[Path] | None = None) -> None:
    """Checks all of a config that can be checked without its data.

    Args:
        cfg: the composed config, without the node `hydra`.
        overrides: as typed on the command line; only they may set `trusted_modules`.
        folders: searched for relative paths, in this order; None: the working folder.

    Raises:
        ConfigError: the first mistake.
    """
    config = resolved(cfg)
    check_nodes(config)
    check_machine_use(config)
    check_trust(config, trusted(overrides))
    check_parts(config)
    check_entries(config)
    check_split(config)
    check_files(config, [Path.cwd()] if folders is None else folders)
    check_names(config)
    check_fusion(config)
    check_auxiliary(config)
    check_loss_weights(config)
    check_heads(config)
    check_metric_names(config)
    check_flow_names(config)
    check_watched_metrics(config)


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """A config as plain dicts and lists, with interpolations resolved.

    Raises:
        ConfigError: an interpolation names no key, or a value is still `???`.
    """
    try:
        missing = OmegaConf.missing_keys(cfg)
        config: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    except OmegaConfBaseException as error:
        raise ConfigError(str(error.full_key), str(error.msg).splitlines()[0]) from error
    for key in missing:
        raise ConfigError(key, "this value is required", found="???", allowed=f"{key}=…")
    return config


def overrides() -> list[str]:
    """The overrides of the running job, as typed or as chosen by its sweep; [] outside a command.

    The override that a sweep adds to every job is left out.
    """
    if not HydraConfig.initialized():
        return []
    task: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return [override for override in task if not override.startswith(PARENT_OVERRIDE)]


def folders() -> list[Path]:
    """The folders to search for relative paths: the working folder, then the one of `--config-dir`."""
    if not HydraConfig.initialized():
        return [Path.cwd()]
    sources = HydraConfig.get().runtime.config_sources
    return [Path.cwd(), *(Path(source.path) for source in sources if source.provider == "command-line")]
