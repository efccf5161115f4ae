"""Compose, check, load, build, train, test, report, record: `python -m pipeline.train`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import choices, folders, overrides, trusted
from pipeline.config.auto_trainer import settle
from pipeline.heavy_imports import importing
from pipeline.job.resume import Origin, folder_of, is_finished, keep_config, mark_finished, stored
from pipeline.sweep.attempt import begin
from pipeline.sweep.launchers import threads

if TYPE_CHECKING:
    from pipeline.job.job import Job
    from pipeline.tracking import Run
    from pipeline.training.fit import FitResult
    from pipeline.training.state import RestoredState


@verb
def main(cfg: DictConfig) -> Any:
    """Train one model and record it."""
    from hydra.core.hydra_config import HydraConfig

    typed, groups = overrides(), choices(HydraConfig.get().runtime.choices)
    origin = Origin(typed, groups, folders())
    attempt = begin(cfg, typed)
    if attempt.objective is not None:
        return attempt.objective
    if cfg.resume:
        cfg, origin = stored(cfg, typed, groups)
        if is_finished(cfg.resume, cfg.trainer.epochs):
            print(f"run {cfg.resume} is finished; to train it further, give a larger trainer.epochs")
            return None
    return run(
        cfg,
        origin,
        trusted_modules=trusted(typed),
        run_id=cfg.resume or attempt.run_id,
        threads=threads(HydraConfig.get().launcher),
    )


def run(
    cfg: DictConfig,
    origin: Origin,
    *,
    trusted_modules: Sequence[str] = (),
    run_id: str | None = None,
    threads: int | None = None,
) -> Any:
    """Run one composed config from its data to its record in MLflow; returns the objective.

    Args:
        origin: what the config was composed from.
        run_id: an MLflow run that exists already: a trial's, or the one to resume.
        threads: what `trainer.threads=auto` means if trials share the machine.
    """
    # TensorFlow and MLflow take seconds to import: a wrong config has ended before.
    with importing():
        from pipeline import compose
        from pipeline.config.make import maker
        from pipeline.job import artifacts, label_overview, results
        from pipeline.tracking import open_run
        from pipeline.training.keras_setup import set_up
        from pipeline.training.state import restore

    clock, make = Clock(), maker(trusted_modules)
    with clock.phase("set up"):
        set_up(
            seed=cfg.seed,
            precision=cfg.trainer.precision,
            threads=threads if threads and cfg.trainer.threads == "auto" else cfg.trainer.threads,
            deterministic=cfg.trainer.deterministic,
        )
    with clock.phase("load data"):
        dataset = compose.load_data(cfg, make, folders=origin.folders)
    cfg = settle(cfg, len(dataset.splits["train"].rows))
    with clock.phase("build"):
        job = compose.build(cfg, dataset, make)
    label_overview.show(job)
    start = restore(folder_of(cfg.resume), job.trainer, job.callbacks) if cfg.resume else None
    with open_run(run_id=run_id, **artifacts.opening(cfg, origin)) as tracked:
        artifacts.log_config(tracked, cfg, job, origin.overrides)
        keep_config(tracked.run_id, cfg, origin)
        with clock.phase("train"):
            fitted = train(cfg, job, tracked, start)
        with clock.phase("test"):
            reached = results.test_kept(job, fitted)
        artifacts.log(tracked, cfg, job, fitted, reached, overrides=origin.overrides, clock=clock.seconds)
    mark_finished(tracked.run_id, cfg.trainer.epochs)
    print(results.ending(reached, tracked, list(job.heads)))
    return results.objective(cfg.objective, reached)


def train(cfg: DictConfig, job: "Job", tracked: "Run", start: "RestoredState | None") -> "FitResult":
    """Fit the job's model and log every epoch.

    Args:
        start: the state from which a resumed run goes on.
    """
    from pipeline.config.make import settings
    from pipeline.job.artifacts import first_metrics
    from pipeline.training.checkpoint import Saver
    from pipeline.training.fit import fit
    from pipeline.training.progress import Progress
    from pipeline.training.state import save_to

    if start:
        tracked.log_history(start.progress.history)
    progress = Progress(first_metrics(job.heads), len(job.rows["train"]))
    with Saver(folder_of(tracked.run_id)) as saver:
        return fit(
            job.trainer,
            job.rows,
            job.references,
            loss_weights=job.schedules,
            epochs=cfg.trainer.epochs,
            shuffle=cfg.trainer.shuffle,
            seed=cfg.seed,
            early_stopping=settings(cfg.trainer).get("early_stopping"),
            callbacks=[tracked.log_epochs(), progress, *job.callbacks, *(start.callbacks if start else [])],
            watch=progress.rows_done,
            probe=job.probe,
            start=start.progress if start else None,
            save=save_to(saver, job.trainer, job.callbacks, cfg.trainer.checkpoint_every),
        )


class Clock:
    """Seconds per phase of a run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started


if __name__ == "__main__":
    main()
