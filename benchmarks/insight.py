"""The cost of insight: alternating runs of the default job with `insight=default` and `insight=off`.

    python -m benchmarks.insight

Runs include validation. The times of insight include the probe of each epoch, the tracing of its graph in the
first epoch, and the contributions after training. The probe alone is measured too, once its graph is traced.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from benchmarks.machine import description
from pipeline import compose, config
from pipeline.insight import contributions
from pipeline.model.stand_in import stand_ins
from pipeline.training.fit import fit


def main() -> None:
    """Print the medians; `--quick` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    rounds, epochs = (1, 1) if options.quick else (options.rounds, options.epochs)
    jobs = {insight: make_job(insight) for insight in ("default", "off")}
    for job in jobs.values():
        train(job, 1, with_insight=False)
    seconds: dict[str, list[float]] = {insight: [] for insight in jobs}
    probe_seconds, once_seconds = [], []
    for _ in range(rounds):
        for insight, job in jobs.items():
            seconds[insight].append(timed(partial(train, job, epochs, with_insight=insight == "default")))
        probe = untraced_probe(jobs["default"])
        weights = dict.fromkeys(jobs["default"].heads, 1.0)
        first, *later = [timed(partial(probe, weights)) for _ in range(6)]
        probe_seconds.append(float(np.median(later)))
        measuring = timed(partial(measure_contributions, jobs["default"]))
        once_seconds.append(first - probe_seconds[-1] + measuring)
    report(seconds, np.median(probe_seconds), np.median(once_seconds), epochs)


def report(seconds: dict[str, list[float]], probe: Any, once: Any, epochs: int) -> None:
    """Print the medians, and the machine."""
    ratio = np.array(seconds["default"]) / np.array(seconds["off"])
    epoch = float(np.median(seconds["off"])) / epochs
    print(f"epoch without insight         {epoch:.3f} s, {epochs} epochs")
    print(
        f"run with insight / without    {np.median(ratio):.4f} (quartiles {np.quantile(ratio, [0.25, 0.75])})"
    )
    print(f"probe, per epoch              {probe:.4f} s, {probe / epoch:.2%} of an epoch")
    print(f"tracing and contributions     {once:.2f} s, {once / epoch / epochs:.2%} of the run")
    print(description())


def make_job(insight: str) -> Any:
    """Compose the default job with an option of `insight`."""
    with initialize_config_dir(str(config.CONF)):
        cfg = hydra_compose("config", overrides=[f"insight={insight}", "trainer.early_stopping=null"])
    return compose.compose_job(cfg, folders=[Path.cwd()])


def train(job: Any, epochs: int, with_insight: bool) -> None:
    """Train without recording the run."""
    fit(
        job.trainer,
        {split: job.rows[split] for split in ("train", "val")},
        job.references,
        loss_weights=job.loss_weights,
        epochs=epochs,
        shuffle=True,
        seed=0,
        early_stopping=None,
        probe=untraced_probe(job) if with_insight else None,
    )
    if with_insight:
        measure_contributions(job)


def untraced_probe(job: Any) -> Any:
    """Return a probe whose graph is not traced yet, as at the start of a run."""
    return compose.probe(job.insight, job.trainer, job.rows["train"])


def measure_contributions(job: Any) -> None:
    """Measure the branches' contributions, as at the end of a run."""
    contributions(
        job.trainer,
        job.rows["val"],
        job.references["val"],
        repeats=job.insight.repeats,
        number=job.insight.rows,
        stand_ins=stand_ins(job.model, job.rows["train"]),
    )


def timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
