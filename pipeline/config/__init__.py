"""A composed config: its cross-checks, and its words for MLflow. Imports nothing heavier than Hydra."""

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
    check_metrics,
    check_names,
)
from pipeline.config.naming import choices, flatten, run_name
from pipeline.config.nodes import check_nodes
from pipeline.config.parts import check_parts
from pipeline.config.trust import check_trust, trusted, whitelist
from pipeline.errors import ConfigError

__all__ = [
    "CONF",
    "TOLD",
    "check",
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
# The override with which a sweep tells its jobs which run is their parent.
TOLD = "sweep.parent="
# An installed wheel has conf inside the package, a checkout beside it.
CONF = next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())


def check(cfg: DictConfig, *, overrides: Sequence[str] = (), folders: Sequence[Path] | None = None) -> None:
    """Everything that can be wrong in a config and seen without its data.

    Args:
        cfg: the composed config, without Hydra's own node.
        overrides: as typed on the command line; only they may widen `trusted_modules`.
        folders: where relative paths of files are looked for, in turn; the working folder if not given.

    Raises:
        ConfigError: the first fault found, with its key, what was found and what is allowed.
    """
    config = resolved(cfg)
    check_nodes(config)
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
    check_metrics(config)


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """A config as plain dicts and lists, interpolations resolved.

    Raises:
        ConfigError: an interpolation leads nowhere, or a value is still `???`.
    """
    try:
        missing = OmegaConf.missing_keys(cfg)
        config: Any = OmegaConf.to_container(cfg, resolve=True)
    except OmegaConfBaseException as error:
        raise ConfigError(str(error.full_key), str(error.msg).splitlines()[0]) from error
    for key in missing:
        raise ConfigError(key, "this value must be given", found="???", allowed=f"{key}=…")
    return config


def overrides() -> list[str]:
    """The running job's overrides as typed, those of a sweep included; none outside a command.

    What a sweep itself tells its jobs is left out.
    """
    if not HydraConfig.initialized():
        return []
    given: Any = OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False)
    return [override for override in given if not override.startswith(TOLD)]


def folders() -> list[Path]:
    """Where relative paths are looked for: the working folder, then that of `--config-dir`."""
    found = [Path.cwd()]
    if HydraConfig.initialized():
        sources = HydraConfig.get().runtime.config_sources
        found += [Path(source.path) for source in sources if source.provider == "command-line"]
    return found
