"""What a sweep is going to do: what varies, how many trials that makes, what it must not vary."""

import shlex
from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from pipeline.config import PARENT_OVERRIDE
from pipeline.config.data import check_folds as check_split
from pipeline.config.naming import REPEATS
from pipeline.errors import ConfigError
from pipeline.sweep.launchers import workers

ONE_VALUE = (
    "tracking",
    "tracking.uri",
    "tracking.experiment",
    "sweep",
    "sweep.name",
    "sweep.parent",
    "resume",
)


def plan(config: DictConfig) -> tuple[list[str], list[str], int | None]:
    """The overrides of a sweep as typed, the keys that vary, and the number of trials (None: unknown).

    The `hydra.sweeper.params` of a preset come before the overrides of the command line.
    """
    task: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    typed = [override for override in task if not override.startswith(PARENT_OVERRIDE)]
    params = config.hydra.sweeper.get("params") or {}
    parsed = OverridesParser.create().parse_overrides([*(f"{k}={v}" for k, v in params.items()), *typed])
    last = {override.get_key_element().lstrip("+~"): override for override in parsed}
    varies = [name for name, override in last.items() if override.is_sweep_override()]
    if "n_trials" in config.hydra.sweeper:
        return typed, varies, config.hydra.sweeper.n_trials
    planned = 1
    for name in varies:
        if last[name].is_discrete_sweep():
            planned *= sum(1 for _ in last[name].sweep_string_iterator())
    return typed, varies, planned


def beginning(config: DictConfig, run_id: str, planned: int | None) -> str:
    """What a sweep tells when it begins: the number of its trials, its id, and how it goes on if interrupted.

    Example:
        '15 trials, 2 at a time, in sweep 3f2a…; after an interruption the same command goes on'
    """
    at_once = workers(config.hydra.launcher)
    parallel = f", {at_once} at a time" if at_once > 1 else ""
    goes_on = "; after an interruption the same command goes on" if config.sweep.name else ""
    number = "a search" if planned is None else f"{planned} trial{'s' if planned != 1 else ''}"
    return f"{number}{parallel}, in sweep {run_id}{goes_on}"


def going_on(name: str | None, run_id: str, command: str) -> str:
    """A line that tells how an interrupted sweep goes on; empty without a name, as then it does not."""
    return f"to go on with sweep {run_id}: {command}\n" if name else ""


def objectives(config: DictConfig) -> list[str]:
    """The names of the metrics that the trials return."""
    return [config.objective] if isinstance(config.objective, str) else list(config.objective)


def options(words: Sequence[str]) -> str:
    """The words of a command line that name its config folder, which every pasted command needs."""
    folder = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word in ("--config-dir", "-cd"):
            folder += [word, following]
        elif word.startswith("--config-dir="):
            folder.append(word)
    return shlex.join(folder)


def check_varied(varies: Sequence[str]) -> None:
    """Refuses to vary what all trials of a sweep share."""
    for name in varies:
        if name in ONE_VALUE:
            problem = "a sweep cannot vary this: its trials are runs of one experiment, below one parent"
            raise ConfigError(name, problem, allowed="one value, or a sweep for each")


def check_folds(config: DictConfig) -> None:
    """Refuses a wrong number of folds at once, and not in each of its trials."""
    split: Any = OmegaConf.to_container(config.data.split, resolve=True)
    if isinstance(split, dict) and split.get("folds") is not None:
        check_split({name: value for name, value in split.items() if value is not None})


def check_searched(config: DictConfig, varies: Sequence[str]) -> None:
    """Refuses a search over what only repeats a run: it would find the luckiest rows or initial weights."""
    from pipeline.sweep.study import is_search

    for name in varies:
        if name in REPEATS and is_search(config.hydra.sweeper):
            problem = (
                "a search must not choose this: it only repeats a run, and the best value is the luckiest"
            )
            allowed = f"a search with one {name}; then -m sweep=folds or sweep=seeds with the config it found"
            raise ConfigError(name, problem, found="hydra/sweeper=optuna", allowed=allowed)
