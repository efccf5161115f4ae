"""Compose, check, load, build, train, test, report, record: `python -m pipeline.train`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import choices, folders, overrides, run_name, trusted
from pipeline.config.auto_trainer import settle
from pipeline.heavy_imports import importing
from pipeline.job import resume
from pipeline.job.resume import Origin, stored
from pipeline.sweep.attempt import begin
from pipeline.sweep.launchers import threads


@verb
def main(cfg: DictConfig) -> Any:
    """Train one model and record it."""
    from hydra.core.hydra_config import HydraConfig

    typed, groups = overrides(), choices(HydraConfig.get().runtime.choices)
    origin = Origin(typed, groups, folders())
    begun = begin(cfg, typed)
    if begun.objective is not None:
        return begun.objective
    if cfg.resume:
        cfg, origin = stored(cfg, typed, groups)
        if resume.is_finished(cfg.resume, cfg.trainer.epochs):
            print(f"run {cfg.resume} is finished; a larger trainer.epochs goes on")
            return None
    return run(
        cfg,
        origin,
        trusted_modules=trusted(typed),
        run_id=cfg.resume or begun.run_id,
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
        origin: what it was composed from.
        run_id: a run that is open already, as a sweep's are, or that is resumed.
        threads: what `trainer.threads=auto` means where trials share the machine.
    """
    # TensorFlow and MLflow take seconds to import: a wrong config has ended before.
    with importing():
        from pipeline import compose
        from pipeline.config.make import maker, settings
        from pipeline.job import artifacts, label_overview, results
        from pipeline.tracking import open_run
        from pipeline.training.checkpoint import Saver
        from pipeline.training.fit import fit
        from pipeline.training.keras_setup import set_up
        from pipeline.training.progress import Progress
        from pipeline.training.state import restore, save_to

    clock = Clock()
    make = maker(trusted_modules)
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
    start, callbacks = restore(resume.folder_of(cfg.resume), job) if cfg.resume else (None, [])
    progress = Progress(artifacts.first_metrics(job.heads), len(job.rows["train"]))
    opening = artifacts.opening(cfg, origin.overrides, origin.groups, run_name(origin.overrides))
    if cfg.resume:
        opening["params"] = resume.params_that_stay(opening["params"])
    with open_run(run_id=run_id, **opening) as tracked:
        artifacts.log_config(tracked, cfg, job, origin.overrides)
        resume.keep_config(tracked.run_id, cfg, origin)
        if start:
            tracked.log_history(start.history)
        with clock.phase("train"), Saver(resume.folder_of(tracked.run_id)) as saver:
            fitted = fit(
                job.trainer,
                job.rows,
                job.references,
                loss_weights=job.schedules,
                epochs=cfg.trainer.epochs,
                shuffle=cfg.trainer.shuffle,
                seed=cfg.seed,
                early_stopping=settings(cfg.trainer).get("early_stopping"),
                callbacks=[tracked.log_epochs(), progress, *job.callbacks, *callbacks],
                watch=progress.rows_done,
                probe=job.probe,
                start=start,
                save=save_to(saver, job, cfg.trainer.checkpoint_every),
            )
        with clock.phase("test"):
            reached = results.test_kept(job, fitted)
        artifacts.log(tracked, cfg, job, fitted, reached, overrides=origin.overrides, clock=clock.seconds)
    resume.mark_finished(tracked.run_id, cfg.trainer.epochs)
    print(results.ending(reached, tracked, list(job.heads)))
    return results.objective(cfg.objective, reached)


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
