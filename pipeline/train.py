"""`python -m pipeline.train`: train one model and log it to MLflow."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline import signals
from pipeline.command import verb
from pipeline.config import check, choices, folders, overrides, trusted
from pipeline.config.auto_trainer import settle
from pipeline.heavy_imports import importing
from pipeline.job.resume import (
    SHORT_ID,
    Origin,
    found_id,
    how_to_resume,
    is_finished,
    mark_finished,
    rate_change,
    resumed_config,
    resuming,
    save_config,
)
from pipeline.notices import Clock, notice, tell
from pipeline.paths import checkpoint_folder
from pipeline.sweep.attempt import begin
from pipeline.sweep.launchers import threads
from pipeline.terminal import show

NOT_SENT = 3  # exit code: the training is complete, but its store does not have all of it

if TYPE_CHECKING:
    from pipeline.job.job import Job
    from pipeline.tracking import Run, Store
    from pipeline.training.fit import FitResult
    from pipeline.training.state import RestoredState


@dataclass(frozen=True)
class Outcome:
    """The run that was trained, its store, and its objective; None if a finished run was to be resumed."""

    run_id: str
    uri: str | None
    objective: float | tuple[float, ...] | None


@verb
def main(cfg: DictConfig) -> float | tuple[float, ...] | None:
    """Train one model and log it to MLflow."""
    from hydra.core.hydra_config import HydraConfig

    typed, groups = overrides(), choices(HydraConfig.get().runtime.choices)
    attempt = begin(cfg, typed)
    objective: float | tuple[float, ...] | None = attempt.objective
    if objective is not None:
        return objective
    number = threads(HydraConfig.get().launcher)
    outcome = start(cfg, typed, groups, folders=folders(), run_id=attempt.run_id, threads=number)
    return outcome.objective


def start(
    cfg: DictConfig,
    typed: list[str],
    groups: dict[str, str],
    *,
    folders: list[Path],
    run_id: str | None = None,
    threads: int | None = None,
) -> Outcome:
    """Train a new run, or resume the run that the config names.

    Args:
        cfg: a checked config.
        typed: the overrides that it was composed from.
        groups: config group -> option.
        folders: where relative paths of the data are looked up.
        run_id, threads: see `run`.
    """
    origin = Origin(typed, groups, folders)
    if cfg.resume:
        name, run_id = cfg.resume, found_id(cfg)
        if name != run_id:
            notice(f"resume={name} is run {run_id}")
        cfg.resume = run_id
        cfg, origin = resumed_config(cfg, typed, groups)
        check(cfg, overrides=typed, folders=origin.folders)  # somebody may have changed the stored config
        if is_finished(cfg.resume, cfg.trainer.epochs):
            show(
                f"run {cfg.resume} has finished; to train it further, set a larger trainer.epochs", sys.stdout
            )
            return Outcome(cfg.resume, cfg.tracking.uri, None)
    return run(cfg, origin, trusted_modules=trusted(typed), run_id=run_id, threads=threads)


def run(
    cfg: DictConfig,
    origin: Origin,
    *,
    trusted_modules: Sequence[str] = (),
    run_id: str | None = None,
    threads: int | None = None,
) -> Outcome:
    """Load the data, train, test and log one run.

    Args:
        origin: what the config was composed from.
        run_id: an existing MLflow run: that of a trial, or the one to resume.
        threads: value of `trainer.threads=auto` if several trials share the machine.
    """
    clock = Clock()
    # Before the data and the model: nobody should wait for these to learn that the store is not there.
    with clock.phase("opening the store"):
        from pipeline.tracking import connect, connect_early

        place = place_of(cfg, origin, run_id)
        store = connect_early(**place)
    with heavy_imports(clock):
        from pipeline.job import artifacts, data_identity, label_overview, not_finite, results
        from pipeline.tracking.running import refuse_if_running

    if cfg.resume:
        refuse_if_running(cfg.resume)
    cfg, job = built(cfg, origin, clock, trusted_modules, threads)
    data = data_identity.identity(job)
    state = restored(cfg, job, data) if cfg.resume else None
    if store is None:
        with clock.phase("making the store"):
            store = connect(**place)
    with opened(store, artifacts.run_arguments(cfg, origin), run_id) as mlflow_run:
        save_config(mlflow_run.run_id, cfg, origin, data, store.uri)
        announce(mlflow_run.run_id, cfg)
        artifacts.log_config(mlflow_run, cfg, job, origin.overrides)
        with clock.phase("training", at_once=True, more=label_overview.sentence(job)):
            fitted = train(cfg, job, mlflow_run, state)
        failure = not_finite.ending(cfg, job, fitted, mlflow_run)
        with clock.phase("testing"):
            result = results.evaluate_kept(job, fitted)
        artifacts.log_results(mlflow_run, cfg, job, fitted, result, origin=origin, clock=clock)
        if failure:
            tell(results.summary(result, mlflow_run, list(job.heads), clock.sentence()))
            raise failure
    mark_finished(mlflow_run.run_id, cfg.trainer.epochs)
    if cfg.sweep.parent is None:
        signals.advise("")
    tell(results.summary(result, mlflow_run, list(job.heads), clock.sentence()))
    if mlflow_run.unsent and cfg.sweep.parent is None:
        raise SystemExit(NOT_SENT)
    return Outcome(mlflow_run.run_id, mlflow_run.uri, results.objective(cfg.objective, result))


def place_of(cfg: DictConfig, origin: Origin, run_id: str | None) -> dict[str, Any]:
    """Where the run is recorded: arguments of `pipeline.tracking.connect`."""
    from pipeline.tracking.experiments import DEFAULT_EXPERIMENT

    default = origin.groups.get("data") or DEFAULT_EXPERIMENT  # an experiment for each data set
    return {
        "uri": cfg.tracking.uri,
        "experiment": cfg.tracking.experiment,
        "default": default,
        "run_id": run_id,
    }


@contextmanager
def heavy_imports(clock: Clock) -> Iterator[None]:
    """Import TensorFlow, and what the block imports; it takes seconds, so it comes after the checks."""
    with (
        clock.phase("importing TensorFlow", at_once="tensorflow" not in sys.modules, silent=True),
        importing(),
    ):
        yield


def built(
    cfg: DictConfig, origin: Origin, clock: Clock, trusted_modules: Sequence[str], threads: int | None
) -> tuple[DictConfig, "Job"]:
    """Set up the process, load the data and build the job; return the config without "auto" values too."""
    from pipeline import compose
    from pipeline.config.make import maker
    from pipeline.job import label_overview
    from pipeline.training.keras_setup import set_up

    make = maker(trusted_modules)
    with clock.phase("setting up"):
        set_up(
            seed=cfg.seed,
            precision=cfg.trainer.precision,
            threads=threads if threads and cfg.trainer.threads == "auto" else cfg.trainer.threads,
            deterministic=cfg.trainer.deterministic,
            shared=threads is not None,
        )
    with clock.phase("loading the data"):
        dataset = compose.load_data(cfg, make, folders=origin.folders)
    cfg = settle(cfg, len(dataset.splits["train"].rows), dataset.labelled_shares())
    with clock.phase("building the model"):
        job = compose.build(cfg, dataset, make)
    label_overview.show(job)
    return cfg, job


def restored(cfg: DictConfig, job: "Job", data: Any) -> "RestoredState | None":
    """Put the state of the run's last checkpoint into the job; None if it has none yet.

    Raises:
        ConfigError: the data is not that of the run.
    """
    from pipeline.job import data_identity
    from pipeline.training.state import restore

    data_identity.check_same(data_identity.stored_identity(cfg.resume, cfg.tracking.uri), data)
    return restore(checkpoint_folder(cfg.resume), job.trainer, job.callbacks, rate_change(cfg.resume, cfg))


def announce(run_id: str, cfg: DictConfig) -> None:
    """Tell the run's id, and what to do after an interruption."""
    notice(f"run {run_id}")
    if cfg.sweep.parent is None:  # a sweep has advice of its own
        notice(f"after an interruption: {resuming(run_id[:SHORT_ID], cfg.tracking.uri)}")
        signals.advise(how_to_resume(run_id, cfg.tracking.uri))


@contextmanager
def opened(store: "Store", arguments: Mapping[str, Any], run_id: str | None) -> Iterator["Run"]:
    """Open a run in MLflow, and be the only process that trains it.

    Args:
        arguments: of `pipeline.tracking.open_run`.
        run_id: an existing run; None: a new one.

    Raises:
        ConfigError: another process trains the run.
    """
    from pipeline.tracking import open_run
    from pipeline.tracking.running import only_process

    with ExitStack() as held:
        if run_id:
            held.enter_context(only_process(run_id, store.uri))
        with open_run(store, run_id=run_id, **arguments) as mlflow_run:
            if not run_id:
                held.enter_context(only_process(mlflow_run.run_id, mlflow_run.uri))
            yield mlflow_run


def train(cfg: DictConfig, job: "Job", mlflow_run: "Run", start: "RestoredState | None") -> "FitResult":
    """Fit the job's model and log every epoch.

    Args:
        start: the state of the last checkpoint, for a resumed run.
    """
    from pipeline.compose import fit_job
    from pipeline.config.make import settings
    from pipeline.training.checkpoint import Saver
    from pipeline.training.progress import Progress
    from pipeline.training.state import save_to

    if start:
        mlflow_run.log_history(start.progress.history)
    stopping = settings(cfg.trainer).get("early_stopping")
    monitor = stopping["monitor"] if stopping else None
    progress = Progress(list(job.heads), len(job.rows["train"]), monitor=monitor)
    if start:
        progress.recall(start.progress.history)
    with Saver(checkpoint_folder(mlflow_run.run_id)) as saver:
        return fit_job(
            cfg,
            job,
            callbacks=[
                mlflow_run.log_epochs(),
                progress,
                *job.callbacks,
                *(start.callbacks if start else []),
            ],
            watch=progress.rows_done,
            probe=job.probe,
            start=start.progress if start else None,
            save=save_to(saver, job.trainer, job.callbacks, cfg.trainer.checkpoint_every),
        )


if __name__ == "__main__":
    main()
