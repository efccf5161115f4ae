"""Checks the node `hydra` of a composed config, before Hydra acts on it.

Hydra sets environment variables, opens log files, loads plugins and imports packages as this node says, and
any config file can change the node. So whatever has an effect beyond Hydra's own folders must be what this
program ships, or must be typed on the command line.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import AnyNode, Container, DictConfig, OmegaConf

import pipeline.config.expansion  # noqa: F401 - limits what Hydra resolves
from pipeline.config.trust import SWEEP_CALLBACK, TERMINAL_HANDLER, find_targets, trusted
from pipeline.errors import ConfigError

OPTUNA_MAKERS = (
    "_impl.create_nsgaii_sampler",
    "_impl.create_nsgaiii_sampler",
    "config.raise_motpe_removed",
)
OPTUNA_SAMPLERS = ("CmaEs", "GP", "Grid", "QMC", "Random", "TPE")
HYDRA_PARTS = (
    SWEEP_CALLBACK,
    "hydra._internal.core_plugins.basic_launcher.BasicLauncher",
    "hydra._internal.core_plugins.basic_sweeper.BasicSweeper",
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher",
    "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper",
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.LocalLauncher",
    "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher",
    *(f"hydra_plugins.hydra_optuna_sweeper.{name}" for name in OPTUNA_MAKERS),
    *(f"optuna.samplers.{name}Sampler" for name in OPTUNA_SAMPLERS),
)
# Keys that only the command line may set: they set variables, run programs or open connections.
TYPED = (
    "job.env_set",
    "job.env_copy",
    "aliases",
    "launcher.setup",
    "launcher.python",
    "launcher.srun_args",
    "launcher.additional_parameters",
    "launcher.ray.init.address",
    "launcher.ray.init.runtime_env",
)
NOT_SET: tuple[Any, ...] = (None, {}, [])
LOG_FILE = "${hydra.runtime.output_dir}/${hydra.job.name}.log"
LOG_CLASSES = (
    "logging.StreamHandler",
    TERMINAL_HANDLER,
    "logging.FileHandler",
    "logging.NullHandler",
    "colorlog.ColoredFormatter",
)
LOG_STREAMS = ("ext://sys.stdout", "ext://sys.stderr")


def check_hydra(node: DictConfig, typed: Sequence[str]) -> None:
    """Nothing in the node `hydra` has an effect that neither this program nor the command line asks for.

    Args:
        node: the composed node.
        typed: the overrides on the command line, or those of one job of a sweep.

    Raises:
        ConfigError: the first key with another effect.
    """
    plain: Any = OmegaConf.to_container(node, resolve=False)
    _check_typed(plain.get("overrides") or {}, typed)
    _check_written_out("hydra", node, typed)
    modules = tuple(f"{name}." for name in trusted(typed))
    for key, target in find_targets(plain, "hydra"):
        if target not in HYDRA_PARTS and not str(target).startswith(modules):
            problem = "a config file may not choose this; trusted_modules on the command line allows it"
            raise ConfigError(key, problem, found=target, allowed=HYDRA_PARTS)
    for name in TYPED:
        for key, value in _leaves(f"hydra.{name}", _value(plain, name)):
            if value not in NOT_SET and not _is_typed(key, typed):
                problem = "only the command line can set this, not a config file"
                raise ConfigError(key, problem, found=value)
    _check_name(plain["job"]["name"])
    if _value(plain, "job.chdir"):
        problem = "runs, checkpoints and relative paths belong to the folder in which the command is started"
        raise ConfigError("hydra.job.chdir", problem, found="true", allowed="false")
    _check_lines("hydra.launcher", plain.get("launcher"))
    for name in ("job_logging", "hydra_logging"):
        if plain.get(name) is not None and not _is_typed(f"hydra.{name}", typed):
            _check_logging(f"hydra.{name}", plain[name], typed)
    sweeper = plain.get("sweeper") or {}
    space = sweeper.get("custom_search_space")
    if space is not None and not str(space).startswith(modules):
        problem = f"to call this, add trusted_modules=[{str(space).partition('.')[0]}] to the command line"
        raise ConfigError("hydra.sweeper.custom_search_space", problem, found=space)
    for name in ("params", "search_space"):
        if sweeper.get(name):
            _check_choices(f"hydra.sweeper.{name}", sweeper[name], typed)


def check_search_path(config: Any, typed: Sequence[str]) -> None:
    """A main config adds no package to Hydra's search path, because Hydra imports it.

    Raises:
        ConfigError: it does, and the command line does not.
    """
    paths = OmegaConf.select(config, "hydra.searchpath") if OmegaConf.is_dict(config) else None
    if not _is_typed("hydra.searchpath", typed):
        for path in paths or ():
            if str(path).startswith("pkg:"):
                problem = "only the command line can add packages, because Hydra imports them"
                raise ConfigError("hydra.searchpath", problem, found=path, allowed="file://…")


def _value(node: Any, key: str) -> Any:
    for name in key.split("."):
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _leaves(key: str, node: Any) -> Iterator[tuple[str, Any]]:
    """The values of nested mappings, each with its key."""
    if not isinstance(node, dict):
        yield key, node
        return
    for name, value in node.items():
        yield from _leaves(f"{key}.{name}", value)


def _is_typed(key: str, typed: Sequence[str]) -> bool:
    """Whether an override names the key or one above it; one below it says nothing about the others there."""
    names = [override.lstrip("+~").partition("=")[0].strip() for override in typed]
    return any(f"{key}.".startswith(f"{name}.") for name in names)


def _check_typed(stored: dict[str, Any], typed: Sequence[str]) -> None:
    """Hydra's list of what was typed, which decides what is trusted, has nothing that a file added."""
    for name, words in stored.items():
        for word in words or ():
            if word not in typed:
                problem = "this lists what was typed, so a config file cannot set it"
                raise ConfigError(f"hydra.overrides.{name}", problem, found=word)


def _check_written_out(key: str, node: Any, typed: Sequence[str]) -> None:
    """No interpolation stands where a mapping or list can, because the checks see only what is written out.

    Texts and numbers of Hydra's own types may be interpolations; those in logging configs are checked there.
    """
    for name in node if OmegaConf.is_dict(node) else range(len(node)):
        below, value = f"{key}.{name}", node._get_node(name)
        if below in ("hydra.job_logging", "hydra.hydra_logging") or _is_typed(below, typed):
            continue
        if isinstance(value, AnyNode | Container) and value._is_interpolation():
            problem = "a config file has to write this out, because it decides what Hydra calls"
            raise ConfigError(below, problem, found=value._value(), allowed="no interpolation")
        if isinstance(value, Container) and not value._is_none() and not value._is_missing():
            _check_written_out(below, value, typed)


def _check_name(name: Any) -> None:
    """The name of the job is that of its log file."""
    if name != "???" and not re.fullmatch(r"[\w. -]+", str(name)):
        raise ConfigError("hydra.job.name", "is the name of a file", found=name, allowed="a name without /")


def _check_lines(key: str, node: Any) -> None:
    """No text of a launcher has a second line, which would be a command in a script for SLURM."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in pairs:
        if len(str(name).splitlines()) > 1 or (isinstance(value, str) and len(value.splitlines()) > 1):
            raise ConfigError(f"{key}.{name}", "must be one line", found=value)
        _check_lines(f"{key}.{name}", value)


def _check_logging(key: str, node: Any, typed: Sequence[str]) -> None:
    """A logging config writes to the terminal and to Hydra's log file only, and calls no other class."""
    if not isinstance(node, dict):
        raise ConfigError(key, "must be a mapping", found=node)
    for group in ("handlers", "formatters", "filters", "loggers"):
        entries = node.get(group) or {}
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise ConfigError(f"{key}.{group}", "must be a mapping of mappings", found=entries)
        for name, entry in entries.items():
            _check_log_entry(f"{key}.{group}.{name}", entry, typed)


def _check_log_entry(key: str, entry: dict[str, Any], typed: Sequence[str]) -> None:
    rules = {"class": LOG_CLASSES, "()": LOG_CLASSES[-1:], "filename": (LOG_FILE,), "stream": LOG_STREAMS}
    for word, value in entry.items():
        if _is_typed(f"{key}.{word}", typed):
            continue
        allowed = rules.get(word)
        is_reference = allowed is None and str(value).startswith(("ext:", "cfg:"))
        if is_reference or word == "." or (allowed is not None and value not in allowed):
            problem = "a config file may log only to the terminal and to Hydra's log file"
            raise ConfigError(f"{key}.{word}", problem, found=value, allowed=allowed)


def _check_choices(key: str, choices: Any, typed: Sequence[str]) -> None:
    """Choices of a sweep become overrides of its jobs, as if somebody had typed them."""
    for name in choices if isinstance(choices, dict) else ():
        word = str(name).lstrip("+~ \t").partition("=")[0].strip()
        protected = re.match(r"(hydra|trusted_modules)\b", word) or not re.match(r"[\w/@]", word)
        if protected and not _is_typed(f"{key}.{name}", typed):
            raise ConfigError(f"{key}.{name}", "only the command line can set this", found=choices[name])


def _install() -> None:
    """Adds both checks to Hydra's loader, which has no place for them; jobs of a sweep pass it as well."""
    load, search_path = ConfigLoaderImpl._load_configuration, ConfigLoaderImpl._process_config_searchpath

    def checked_load(self: ConfigLoaderImpl, *arguments: Any, **options: Any) -> DictConfig:
        try:
            cfg: DictConfig = load(self, *arguments, **options)
        except (AttributeError, TypeError) as error:
            problem = "Hydra cannot compose the config; is its own node there, and a mapping?"
            raise ConfigError("hydra", problem, found=error) from error
        if "hydra" in cfg:
            check_hydra(cfg.hydra, list(options["overrides"]))
        return cfg

    def checked_search_path(
        self: ConfigLoaderImpl, config_name: str | None, parsed_overrides: Any, repo: Any
    ) -> None:
        loaded = repo.load_config(config_path=config_name) if config_name is not None else None
        if loaded is not None:
            check_search_path(loaded.config, [override.input_line for override in parsed_overrides])
        search_path(self, config_name, parsed_overrides, repo)

    ConfigLoaderImpl._load_configuration = checked_load
    ConfigLoaderImpl._process_config_searchpath = checked_search_path


_install()
