"""Suggestions of a search that are no config: they fail as trials, and the search goes on."""

import functools
import hashlib
import json
import shlex
from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from pipeline.config import PARENT_OVERRIDE, run_name
from pipeline.sweep.attempt import varied
from pipeline.sweep.process import identity

if TYPE_CHECKING:
    from pipeline.sweep.parent import Parent

MOST_REPLACED = 3  # times as many suggestions as planned may be no config


class Composing:
    """A launcher that composes each suggestion first, and reports those that do not compose as failed jobs.

    Without it, Hydra's launchers end the whole search at the first of them.

    Args:
        launcher: a launcher of Hydra.
        context: Hydra's, whose loader composes configs.
        config: the config of the search.
        parent: the sweep's run, below which a suggestion that does not compose becomes a failed run.
    """

    def __init__(self, launcher: Any, context: Any, config: DictConfig, parent: "Parent") -> None:
        self.launcher, self.context, self.config, self.parent = launcher, context, config, parent
        self.misfits: dict[tuple[str, ...], Exception] = {}
        self.replaced = 0

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        """Run the jobs that compose; the results are in the order of the overrides."""
        errors = [self._error(tuple(overrides)) for overrides in job_overrides]
        good = [words for words, error in zip(job_overrides, errors, strict=True) if error is None]
        ran = iter(self.launcher.launch(good, initial_job_idx=initial_job_idx) if good else [])
        return [next(ran) if error is None else _failed(error) for error in errors]

    def _error(self, overrides: tuple[str, ...]) -> Exception | None:
        known = self.misfits.get(overrides)
        try:
            self.context.config_loader.load_sweep_config(self.config, list(overrides))
        except (HydraException, OmegaConfBaseException) as error:
            self.replaced += 1
            if known is None:
                self.misfits[overrides] = error
                self._record(overrides, error)
            return error
        return None

    def _record(self, overrides: Sequence[str], error: Exception) -> None:
        typed = [word for word in overrides if not word.startswith(PARENT_OVERRIDE)]
        varies = json.loads(self.parent.tag("sweep.varies"))
        tags = {
            "mlflow.parentRunId": self.parent.run_id,
            "sweep.id": self.parent.run_id,
            "sweep.trial": hashlib.sha256(json.dumps(sorted(typed)).encode()).hexdigest()[:16],
            "sweep.varied": json.dumps(varied(typed, varies)),
            "sweep.process": identity(),
            "sweep.overrides": shlex.join(typed),
            "pipeline.version": metadata.version("multihead-pipeline"),
        }
        self.parent.end(self.parent.add(run_name(typed, varies), tags), error)


def keep_searching(parent: "Parent", config: DictConfig) -> None:
    """Let the Optuna sweeper of this process go on after suggestions that do not compose.

    Each is replaced by another suggestion, and the study knows it as failed. Hydra has no other way to reach
    the sweeper's launcher; the version of the plugin is fixed.
    """
    from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl

    sweep = getattr(OptunaSweeperImpl.sweep, "original", OptunaSweeperImpl.sweep)

    def with_replacements(self: Any, arguments: list[str]) -> None:
        composing = Composing(self.launcher, self.hydra_context, self.config, parent)
        is_grid = isinstance(self.sampler, functools.partial)  # all of whose points are tried anyway
        self.launcher, most = composing, MOST_REPLACED * self.n_trials
        while True:
            before = composing.replaced
            try:
                sweep(self, arguments)
            except ValueError:
                # Optuna has no best trial as long as none is complete.
                if is_grid or composing.replaced == before or composing.replaced > most:
                    raise
            self.n_trials = composing.replaced - before
            if is_grid or not self.n_trials or composing.replaced > most:
                return

    with_replacements.original = sweep  # type: ignore[attr-defined]
    OptunaSweeperImpl.sweep = with_replacements  # type: ignore[method-assign]


def _failed(error: Exception) -> JobReturn:
    result = JobReturn()
    result.status, result._return_value = JobStatus.FAILED, error
    return result
