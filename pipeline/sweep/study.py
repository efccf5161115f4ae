"""A stored Optuna study, brought up to date before Hydra's sweeper goes on with it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.errors import ConfigError
from pipeline.metric_names import direction
from pipeline.sweep.trials import Trial

DIRECTIONS = {"min": "minimize", "max": "maximize"}


def is_search(sweeper: DictConfig) -> bool:
    """Whether Hydra's sweeper node is Optuna's."""
    return "optuna" in str(sweeper["_target_"])


def left_to_do(
    sweeper: DictConfig,
    *,
    name: str,
    metrics: Sequence[str],
    trials: Sequence[Trial],
    since: int,
    workers: int,
) -> dict[str, Any]:
    """Settings for Hydra's Optuna sweeper, so that it does what is left to do and no more.

    The sweeper itself runs `n_trials` more on a stored study, whatever became of the earlier ones.

    Args:
        sweeper: the node `hydra.sweeper`.
        name: of the study.
        metrics: what trials return; they tell the directions.
        trials: the sweep's trials so far.
        since: when this command began; trials that failed later are not replaced by further ones.
        workers: trials in flight at once, where `n_jobs` is 0.

    Raises:
        ConfigError: no storage is given, or the stored study has other objectives.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if sweeper.storage is None:
        raise ConfigError("hydra.sweeper.storage", "a search is stored", found=None, allowed="sqlite:///…")
    if sweeper.storage.startswith("sqlite:///"):
        Path(sweeper.storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    directions = [DIRECTIONS[direction(metric)] for metric in metrics]
    study = optuna.create_study(
        study_name=name, storage=sweeper.storage, directions=directions, load_if_exists=True
    )
    stored = [one.name.lower() for one in study.directions]
    if stored != directions:
        raise ConfigError("objective", "the stored study has others", found=directions, allowed=stored)
    _settle(study, trials, metrics)
    failed = sum(trial.status == "FAILED" and trial.started >= since for trial in trials)
    complete = sum(one.state == optuna.trial.TrialState.COMPLETE for one in study.trials)
    settings = {
        "study_name": name,
        "direction": directions if len(directions) > 1 else directions[0],
        "n_jobs": sweeper.n_jobs or workers,
        "n_trials": max(0, sweeper.n_trials - complete - failed),
    }
    if sweeper.sampler.get("seed") is not None:
        # A sampler of the same seed would begin with the same suggestions again.
        settings["sampler.seed"] = sweeper.sampler.seed + len(study.trials)
    return settings


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


def importances(storage: str, name: str, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """How much of each objective's variance each parameter explains, by fANOVA (Hutter et al. 2014).

    Empty while fewer than two trials are complete, or where nothing varies.
    """
    import optuna

    study = optuna.load_study(study_name=name, storage=storage)
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    found = {}
    for i, metric in enumerate(metrics):
        values = {trial.values[i] for trial in complete}
        if len(values) < 2 or not any(len({t.params[p] for t in complete}) > 1 for p in complete[0].params):
            continue
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        found[metric] = optuna.importance.get_param_importances(
            study, evaluator=evaluator, target=lambda trial, i=i: trial.values[i]
        )
    return found
