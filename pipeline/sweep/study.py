"""A stored Optuna study, brought up to date before Hydra's sweeper goes on with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.direction import direction
from pipeline.errors import ConfigError
from pipeline.sweep.parent import Trial

DIRECTIONS = {"min": "minimize", "max": "maximize"}


def is_search(sweeper: DictConfig) -> bool:
    """Whether Hydra's sweeper node is Optuna's."""
    return "optuna" in str(sweeper["_target_"])


def prepare(
    sweeper: DictConfig,
    *,
    name: str,
    objective: Any,
    trials: Sequence[Trial],
    since: int,
    workers: int,
) -> None:
    """Set Hydra's Optuna sweeper to what is left to do; changes its node.

    The sweeper itself runs `n_trials` more on a stored study, whatever became of the earlier ones.

    Args:
        sweeper: the node `hydra.sweeper`.
        name: of the study.
        objective: the metric or metrics that trials return; they tell the directions.
        trials: the sweep's trials so far.
        since: when this command began; trials that failed later are not replaced by further ones.
        workers: trials in flight at once, where `n_jobs` is 0.

    Raises:
        ConfigError: no storage is given, or the stored study has other objectives.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    metrics = [objective] if isinstance(objective, str) else list(objective)
    directions = [DIRECTIONS[direction(metric)] for metric in metrics]
    sweeper.direction = directions if len(directions) > 1 else directions[0]
    sweeper.n_jobs = sweeper.n_jobs or workers
    sweeper.study_name = name
    if sweeper.storage is None:
        raise ConfigError("hydra.sweeper.storage", "a search is stored", found=None, allowed="sqlite:///…")
    if sweeper.storage.startswith("sqlite:///"):
        Path(sweeper.storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=name, storage=sweeper.storage, directions=directions, load_if_exists=True
    )
    stored = [DIRECTIONS["min" if one.name == "MINIMIZE" else "max"] for one in study.directions]
    if stored != directions:
        raise ConfigError("objective", "the stored study has others", found=directions, allowed=stored)
    _settle(study, trials, metrics)
    failed = sum(trial.status == "FAILED" and trial.started >= since for trial in trials)
    complete = sum(one.state.name == "COMPLETE" for one in study.trials)
    if sweeper.sampler.get("seed") is not None:
        # A sampler of the same seed would begin with the same suggestions again.
        sweeper.sampler.seed += len(study.trials)
    sweeper.n_trials = max(0, sweeper.n_trials - complete - failed)


def _settle(study: Any, trials: Sequence[Trial], metrics: Sequence[str]) -> None:
    """Tell the study what became of trials that it believes are running; the interrupted come again."""
    import optuna

    states = optuna.trial.TrialState
    of_params = {tuple(sorted(trial.varied.items())): trial for trial in trials}
    for one in study.get_trials(states=(states.RUNNING,)):
        trial = of_params.get(tuple(sorted((name, str(value)) for name, value in one.params.items())))
        values = trial.objective(metrics) if trial and trial.status == "FINISHED" else None
        if values is not None:
            study.tell(one.number, values)
            continue
        study.tell(one.number, state=states.FAIL)
        if one.params and (trial is None or trial.status == "KILLED"):
            study.enqueue_trial(one.params)
