"""One job of a sweep: opens its run in MLflow, or returns the result of an earlier attempt."""

import copy
import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from pipeline.config import overrides, run_name
from pipeline.config.naming import REPEATS
from pipeline.data_options import TESTED
from pipeline.sweep.process import identity

if TYPE_CHECKING:
    from pipeline.sweep.parent import Parent

# Keys that do not change the result of a trial; configs that only differ in these are the same trial.
NOT_OF_A_TRIAL = ("hydra", "tracking", "sweep", "objective", "trusted_modules", "resume")


class TrialFailedError(RuntimeError):
    """The trial has already failed under this command and is not tried again."""


@dataclass(frozen=True)
class Attempt:
    """A job to run, in the run `run_id`; or, if the sweep has its result already, the `objective`."""

    run_id: str | None = None
    objective: Any = None


@dataclass
class CurrentJob:
    """The job that this process runs.

    Args:
        key: the trial, as in `key`; computed from the config before anything changes it.
        config: the same of all trials that repeat one config, see `repeated_key`.
        run_id: the job's run in MLflow, once it is open.
        running: whether the job has started and not ended.
    """

    key: str = ""
    config: str = ""
    run_id: str | None = None
    running: bool = False


# A module global, because Hydra's callback (`start`, `end_failed`, `stop`) and the job (`begin`) share no
# argument. A process runs one job at a time.
current = CurrentJob()


def start(config: DictConfig) -> None:
    """Notes which trial the job that starts is."""
    current.key, current.config = key(config), repeated_key(config)
    current.run_id, current.running = None, True


def stop() -> None:
    """Notes that the job has ended."""
    current.running = False


def is_running() -> bool:
    """Whether this process is running a job."""
    return current.running


def begin(cfg: DictConfig, typed: Sequence[str]) -> Attempt:
    """Opens a run for the current job, unless the sweep has its result already; outside a sweep does nothing.

    Raises:
        TrialFailedError: the trial has already failed under this command.
    """
    if cfg.sweep.parent is None:
        return Attempt()
    from pipeline.sweep.parent import Parent

    parent = Parent.of(cfg)
    since = int(parent.tag("sweep.since"))
    for trial in parent.attempts():
        if trial.key != current.key:
            continue
        if trial.status == "FINISHED" and (objective := trial.objective(cfg.objective)) is not None:
            return Attempt(objective=objective)
        if trial.status == "FAILED" and trial.started >= since:
            raise TrialFailedError(trial.reason)
    current.run_id = _add(parent, cfg, typed)
    return Attempt(run_id=current.run_id)


def end_failed(cfg: DictConfig, error: BaseException) -> None:
    """Closes the run of a failed job, if it is open; a job that failed before it had a run gets one."""
    if isinstance(error, TrialFailedError):
        return
    from pipeline.sweep.parent import Parent

    parent, run_id = Parent.of(cfg), current.run_id
    if run_id is None and isinstance(error, Exception):
        run_id = _add(parent, cfg, overrides())
    current.run_id = None
    if run_id is not None:
        parent.end(run_id, error)


def repeated_key(config: DictConfig) -> str:
    """Identifies a config without the seed, the split's seed and the fold."""
    once = copy.deepcopy(config)
    OmegaConf.set_readonly(once, False)
    for name in REPEATS:
        # A reference to nothing is reported where the config is resolved.
        if OmegaConf.select(once, name, throw_on_resolution_failure=False) is not None:
            OmegaConf.update(once, name, None)
    return key(once)


def key(config: DictConfig) -> str:
    """Identifies the trial of a composed config by 16 hexadecimal digits."""
    plain: Any = OmegaConf.to_container(config, resolve=False)
    of_trial = {name: _with_text_keys(node) for name, node in plain.items() if name not in NOT_OF_A_TRIAL}
    return hashlib.sha256(json.dumps(of_trial, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _with_text_keys(node: Any) -> Any:
    """A node whose keys can be sorted: YAML reads some, such as `yes`, as booleans."""
    if isinstance(node, dict):
        return {str(key): _with_text_keys(value) for key, value in node.items()}
    return [_with_text_keys(value) for value in node] if isinstance(node, list) else node


def _add(parent: "Parent", cfg: DictConfig, typed: Sequence[str]) -> str:
    varies = json.loads(parent.tag("sweep.varies"))
    return parent.add(run_name(typed, varies), tags(cfg, typed, varies))


def tags(cfg: DictConfig, typed: Sequence[str], varies: Sequence[str]) -> dict[str, str]:
    """The tags of a trial's run."""
    return {
        "mlflow.parentRunId": cfg.sweep.parent,
        "sweep.id": cfg.sweep.parent,
        "sweep.trial": current.key,
        "sweep.config": current.config,
        "sweep.varied": json.dumps(varied(typed, varies)),
        "sweep.process": identity(),
        "sweep.overrides": shlex.join(typed),
        "pipeline.version": metadata.version("multihead-pipeline"),
        **_fold_tags(cfg),
    }


def _fold_tags(cfg: DictConfig) -> dict[str, str]:
    folds = OmegaConf.select(cfg, "data.split.folds")
    if folds is None:
        return {}
    return {
        "sweep.folds": str(folds),
        "sweep.tested": str(OmegaConf.select(cfg, "data.split.tested") or TESTED[0]),
    }


def varied(typed: Sequence[str], varies: Sequence[str]) -> dict[str, str]:
    """The overrides that vary in a sweep, key -> value as written; those that only repeat are last."""
    values = dict(override.lstrip("+").partition("=")[::2] for override in typed)
    in_order = sorted(varies, key=lambda name: name in REPEATS)
    return {name: values[name] for name in in_order if name in values}
