"""One job of a sweep: its run in MLflow, or what an earlier attempt at it reached."""

import hashlib
import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pipeline.config import overrides, run_name
from pipeline.sweep.process import identity

# These say how a run is started and kept; two configs that agree in all else are one trial.
NOT_OF_A_TRIAL = ("hydra", "tracking", "sweep", "objective", "trusted_modules", "resume")


class TrialFailedError(RuntimeError):
    """An earlier attempt of the same command at this trial failed: it is not tried again."""


@dataclass(frozen=True)
class Attempt:
    """A job that may run, in the run `run_id`; or one that is done, and its `objective` known."""

    run_id: str | None = None
    objective: Any = None


# Of this process, which runs one job after the other.
of_job = ""  # the key of the job's config as composed, whatever is worked out of it later
begun = Attempt()
runs = False  # whether a job is under way


def start(config: DictConfig) -> None:
    """A job starts: remember which trial it is."""
    global of_job, begun, runs
    of_job, begun, runs = key(config), Attempt(), True


def stop() -> None:
    """The job has ended."""
    global runs
    runs = False


def begin(cfg: DictConfig, typed: Sequence[str]) -> Attempt:
    """Open the run of a sweep's job under its parent, unless the sweep has its result already.

    Outside of a sweep nothing happens.

    Raises:
        TrialFailedError: this command has tried the job before, and it failed.
    """
    global begun
    if cfg.sweep.parent is None:
        return Attempt()
    from pipeline.sweep.parent import Parent

    parent = Parent.of(cfg)
    mine, since = of_job, int(parent.tag("sweep.since"))
    for trial in parent.attempts():
        if trial.key != mine:
            continue
        if trial.status == "FINISHED" and (objective := trial.objective(cfg.objective)) is not None:
            begun = Attempt(objective=objective)
            return begun
        if trial.status == "FAILED" and trial.started >= since:
            raise TrialFailedError(trial.reason)
    begun = Attempt(run_id=_add(parent, cfg, typed))
    return begun


def end_failed(cfg: DictConfig, error: BaseException) -> None:
    """Give a failed job's run its status, where the job ended before it had one; make the run if need be."""
    global begun
    if isinstance(error, TrialFailedError):
        return
    from pipeline.sweep.parent import Parent

    parent, typed, run_id = Parent.of(cfg), overrides(), begun.run_id
    if run_id is None and isinstance(error, Exception):
        run_id = _add(parent, cfg, typed)
    begun = Attempt()
    if run_id is not None:
        parent.end(run_id, error)


def key(config: DictConfig) -> str:
    """What makes a job's composed config this trial and no other, as 16 hexadecimal digits."""
    plain: Any = OmegaConf.to_container(config, resolve=False)
    kept = {name: node for name, node in plain.items() if name not in NOT_OF_A_TRIAL}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _add(parent: Any, cfg: DictConfig, typed: Sequence[str]) -> str:
    varies = json.loads(parent.tag("sweep.varies"))
    return parent.add(run_name(typed, varies), tags(cfg, typed, varies))


def tags(cfg: DictConfig, typed: Sequence[str], varies: Sequence[str]) -> dict[str, str]:
    """A child's tags: whose child it is, which trial, what varies in it, which process runs it."""
    return {
        "mlflow.parentRunId": cfg.sweep.parent,
        "sweep.id": cfg.sweep.parent,
        "sweep.trial": of_job,
        "sweep.varied": json.dumps(varied(typed, varies)),
        "sweep.process": identity(),
        "sweep.overrides": shlex.join(typed),
        "pipeline.version": metadata.version("multihead-pipeline"),
    }


def varied(typed: Sequence[str], varies: Sequence[str]) -> dict[str, str]:
    """The overrides that vary in a sweep, key -> value as written; seed, which only repeats, comes last."""
    given = dict(override.lstrip("+").partition("=")[::2] for override in typed)
    return {name: given[name] for name in sorted(varies, key=lambda name: name == "seed") if name in given}
