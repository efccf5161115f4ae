"""Brings a stored Optuna study up to date before Hydra's sweeper resumes it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline.errors import ConfigError
from pipeline.metric_names import direction
from pipeline.sweep.trials import Trial

if TYPE_CHECKING:
    import optuna

DIRECTIONS = {"min": "minimize", "max": "maximize"}


def is_search(sweeper: DictConfig) -> bool:
    """Whether the node `hydra.sweeper` is that of Optuna."""
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
    """Settings that make Hydra's Optuna sweeper run only the remaining trials of a search.

    Without them, the sweeper adds `n_trials` to a stored study, however many trials it has.

    Args:
        sweeper: the node `hydra.sweeper`.
        name: name of the study.
        metrics: the metrics that trials return, which determine the directions.
        trials: the sweep's trials so far.
        since: when this command started; trials that fail after it are not replaced by other trials.
        workers: number of trials at the same time if `n_jobs` is 0.

    Raises:
        ConfigError: there is no storage, or the stored study has other objectives.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if sweeper.storage is None:
        problem = "a search needs a database for its study"
        raise ConfigError("hydra.sweeper.storage", problem, found="null", allowed="sqlite:///…")
    if sweeper.storage.startswith("sqlite:///"):
        Path(sweeper.storage.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    directions = [DIRECTIONS[direction(metric)] for metric in metrics]
    with _usable(sweeper.storage):
        study = optuna.create_study(
            study_name=name, storage=sweeper.storage, directions=directions, load_if_exists=True
        )
    stored = [direction.name.lower() for direction in study.directions]
    if stored != directions:
        problem = f"the stored study {name} has other objectives"
        allowed = f"objectives to {' and '.join(stored)}; or another sweep.name"
        raise ConfigError("objective", problem, found=f"to {' and '.join(directions)}", allowed=allowed)
    _settle(study, trials, metrics)
    failed = sum(trial.status == "FAILED" and trial.started >= since for trial in trials)
    complete = sum(trial.state == optuna.trial.TrialState.COMPLETE for trial in study.trials)
    settings = {
        "study_name": name,
        "direction": directions if len(directions) > 1 else directions[0],
        "n_jobs": sweeper.n_jobs or workers,
        "n_trials": max(0, sweeper.n_trials - complete - failed),
    }
    if sweeper.sampler.get("seed") is not None:
        # A sampler with the same seed would suggest the same values again.
        settings["sampler.seed"] = sweeper.sampler.seed + len(study.trials)
    return settings


@contextmanager
def _usable(storage: str) -> Iterator[None]:
    """Turns errors of a study's database into one message."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError, OSError, RuntimeError) as error:
        raise ConfigError(
            "hydra.sweeper.storage",
            "the database of the study cannot be used: it is locked, damaged or of another version",
            found=f"{storage}: {str(error).splitlines()[0]}",
            allowed="wait until its other users have ended; or another file, hydra.sweeper.storage=sqlite:///…",
        ) from error


def _settle(study: "optuna.Study", trials: Sequence[Trial], metrics: Sequence[str]) -> None:
    """Tells the study how its running trials ended, and queues the interrupted ones again."""
    import optuna

    states = optuna.trial.TrialState
    by_params = {tuple(sorted(trial.varied.items())): trial for trial in trials}
    for suggestion in study.get_trials(states=(states.RUNNING,)):
        params = suggestion.params
        trial = by_params.get(tuple(sorted((name, str(value)) for name, value in params.items())))
        values = trial.objective(metrics) if trial and trial.status == "FINISHED" else None
        if values is not None:
            study.tell(suggestion.number, values)
            continue
        study.tell(suggestion.number, state=states.FAIL)
        if params and (trial is None or trial.status == "KILLED"):
            study.enqueue_trial(params)


def importances(storage: str, name: str, metrics: Sequence[str]) -> dict[str, dict[str, float]]:
    """The importance of each parameter for each objective, by fANOVA (Hutter et al. 2014); the sum is 1.

    Skips objectives that have the same value in all complete trials. Empty if no parameter varies.
    """
    import optuna

    study = optuna.load_study(study_name=name, storage=storage)
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    shares = {}
    for i, metric in enumerate(metrics):
        values = {trial.values[i] for trial in complete}
        if len(values) < 2 or not any(len({t.params[p] for t in complete}) > 1 for p in complete[0].params):
            continue
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=0)
        shares[metric] = optuna.importance.get_param_importances(
            study, evaluator=evaluator, target=lambda trial, i=i: trial.values[i]
        )
    return shares
