"""Look before a night of training: `python -m pipeline.check`, with the overrides of `pipeline.train`.

Composes, checks, loads, looks for leaks, builds and takes a few steps; prints a page, leaves nothing behind.
"""

import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from omegaconf import DictConfig

from pipeline.command import verb
from pipeline.config import folders, overrides, trusted
from pipeline.config.auto_trainer import settle
from pipeline.heavy_imports import importing

if TYPE_CHECKING:
    from pipeline.job.job import Job

# Hydra's folder, log and callbacks would leave files.
NOTHING_KEPT = [
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=terminal",
    "~hydra.callbacks.sweep",
]
STEPS = 8  # timed together
FORWARD_SHARE = 1 / 3  # of a training step's time: a forward pass, without the two halves of the backward one


@verb
def command(cfg: DictConfig) -> None:
    """Check one composed config with its data."""
    print(page(cfg, folders=folders(), trusted_modules=trusted(overrides())))


def main() -> None:
    """Run the command so that nothing is written."""
    sys.argv[1:1] = NOTHING_KEPT
    command()


def page(cfg: DictConfig, *, folders: Sequence[Path], trusted_modules: Sequence[str] = ()) -> str:
    """What is printed of a config that could be trained.

    Raises:
        ConfigError: what training would raise before its first epoch.
    """
    with importing():
        from pipeline import compose
        from pipeline.config.make import maker
        from pipeline.job import label_overview
        from pipeline.training.keras_setup import set_up

    trainer = cfg.trainer
    set_up(
        seed=cfg.seed,
        precision=trainer.precision,
        threads=trainer.threads,
        deterministic=trainer.deterministic,
    )
    started = time.perf_counter()
    make = maker(trusted_modules)
    dataset = compose.load_data(cfg, make, folders=folders)
    loaded = time.perf_counter() - started
    cfg = settle(cfg, len(dataset.splits["train"].rows))
    job = compose.build(cfg, dataset, make)
    sections = {
        "data": _data(job, loaded),
        "labels": label_overview.as_text(label_overview.overview(job)),
        "leaks": _leaks(job, cfg.data.leaks),
        "model": _model(job),
        **_tried(job, cfg.trainer.batch_size, cfg.trainer.epochs),
    }
    return "\n".join(f"{name:<8}{text}".replace("\n", f"\n{'':<8}") for name, text in sections.items())


def _data(job: "Job", seconds: float) -> str:
    splits = ", ".join(f"{name} {len(split.rows):,}" for name, split in job.dataset.splits.items())
    arrays = [
        array
        for split in job.dataset.splits.values()
        for array in (*split.prepared.values(), *split.labels.values())
    ]
    size = sum(int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize for array in arrays)
    kept = "read while it trains" if job.dataset.streamed else "held in memory"
    return f"rows: {splits}; {_bytes(size)} {kept}; read in {_duration(seconds)}"


def _leaks(job: "Job", policy: str) -> str:
    if policy == "ignore":
        return "not looked for (data.leaks=ignore)"
    return (
        "\n".join(f"{leak.sentence}: {'; '.join(leak.examples)}" for leak in job.dataset.leaks)
        or "none found"
    )


def _model(job: "Job") -> str:
    from pipeline.model.layer_names import is_part

    parts = ", ".join(
        f"{layer.name.replace('_', ' ', 1)} {layer.count_params():,}"
        for layer in job.model.layers
        if is_part(layer.name)
    )
    optimizer = sum(int(np.prod(variable.shape)) for variable in job.trainer.optimizer.variables)
    size = 4 * (job.model.count_params() + optimizer)
    return f"{job.model.count_params():,} weights, {_bytes(size)} with the optimizer's state: {parts}"


def _tried(job: "Job", batch_size: int, epochs: int) -> dict[str, str]:
    """A few steps, forward and backward: what they gave, and what the whole run would take by them."""
    rows = job.rows["train"]
    order = np.arange(min(len(rows), STEPS * batch_size))
    weights = np.array([job.loss_weights[name] for name in job.trainer.losses], np.float32)
    variables = job.model.trainable_variables
    before = [variable.numpy() for variable in variables]
    started = time.perf_counter()
    first = job.trainer.train(rows, order, weights)
    traced = time.perf_counter() - started
    losses = ", ".join(f"{name} {loss:.4g}" for name, loss in first.losses.items())
    still = [v.path for v, old in zip(variables, before, strict=True) if np.array_equal(v.numpy(), old)]
    seconds = job.trainer.train(rows, order, weights).seconds / len(order)
    epoch = seconds * (len(rows) + FORWARD_SHARE * len(job.rows["val"]))
    run = traced + epochs * epoch + FORWARD_SHARE * seconds * (len(job.rows["val"]) + len(job.rows["test"]))
    steps = -(-len(rows) // batch_size)
    stays = f"do not move: {', '.join(still)}" if still else "every weight moves"
    memory = _bytes(peak_memory())
    return {
        "steps": f"losses {losses}; {stays}",
        "memory": f"{memory} at most so far, TensorFlow included; MLflow and the report come on top",
        "time": f"{steps:,} steps an epoch, {_duration(epoch)} with validation; "
        f"{epochs} epochs: {_duration(run)}",
    }


def peak_memory() -> int:
    """The most resident memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: there a process inherits the peak of the one that started it.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.3g} GB"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


if __name__ == "__main__":
    main()
