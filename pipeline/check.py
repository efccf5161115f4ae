"""`python -m pipeline.check`: check a config and its data before a long run.

It takes the overrides of `pipeline.train`, loads the data, looks for leaks, builds the model and takes a few
steps. It prints a summary and writes no files.
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
from pipeline.errors import printable
from pipeline.heavy_imports import importing
from pipeline.terminal import folded, show, terminal_width

if TYPE_CHECKING:
    from pipeline.job.job import Job

# Otherwise Hydra's folder, log and callbacks would write files.
NO_FILES = [
    "hydra.run.dir=.",
    "hydra.output_subdir=null",
    "hydra/job_logging=terminal",
    "~hydra.callbacks.sweep",
]
STEPS = 8  # training steps that are timed
INDENT = 8  # characters of a section's name
FORWARD_SHARE = 1 / 3  # of a training step's time; the backward pass takes about two thirds


@verb
def command(cfg: DictConfig) -> None:
    """Check one composed config with its data."""
    show(printable(page(cfg, folders=folders(), trusted_modules=trusted(overrides()))), sys.stdout)


def main() -> None:
    """Run the command without writing files."""
    sys.argv[1:1] = NO_FILES
    command()


def page(cfg: DictConfig, *, folders: Sequence[Path], trusted_modules: Sequence[str] = ()) -> str:
    """Return the summary of a config.

    Raises:
        ConfigError: the error that training would raise before its first epoch.
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
    cfg = settle(cfg, len(dataset.splits["train"].rows), dataset.labelled_shares())
    job = compose.build(cfg, dataset, make)
    columns = terminal_width(sys.stdout)
    width = columns - INDENT if columns else None
    sections = {
        "data": _data(job, loaded),
        "labels": label_overview.as_text(label_overview.overview(job), width),
        "leaks": _leaks(job, cfg.data.get("leaks", "warn")),
        **_texts(job),
        "model": _model(job),
        **_trial_steps(job, cfg.trainer.batch_size, cfg.trainer.epochs),
    }
    return "\n".join(_indented(name, text, width) for name, text in sections.items())


def _indented(name: str, text: str, width: int | None) -> str:
    """Put a section beside its name."""
    lines = "\n".join(folded(line, width) if width else line for line in text.split("\n"))
    return f"{name:<{INDENT}}{lines}".replace("\n", f"\n{'':<{INDENT}}")


def _data(job: "Job", seconds: float) -> str:
    splits = ", ".join(f"{name} {len(split.rows):,}" for name, split in job.dataset.splits.items())
    arrays = [
        array
        for split in job.dataset.splits.values()
        for array in (*split.prepared.values(), *split.labels.values())
    ]
    size = sum(int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize for array in arrays)
    storage = "read during training" if job.dataset.streamed else "in memory"
    return f"rows: {splits}; {_bytes(size)} {storage}; loaded in {_duration(seconds)}"


def _leaks(job: "Job", policy: str) -> str:
    if policy == "ignore":
        return "not checked (data.leaks=ignore)"
    return (
        "\n".join(f"{leak.sentence}: {'; '.join(leak.examples)}" for leak in job.dataset.leaks)
        or "none found"
    )


def _texts(job: "Job") -> dict[str, str]:
    from pipeline import data

    sentences = data.unseen_sentences(job.dataset)
    return {"texts": "\n".join(sentences)} if sentences else {}


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


def _trial_steps(job: "Job", batch_size: int, epochs: int) -> dict[str, str]:
    """Take a few training steps; describe their losses, the memory, and the estimated time of the run."""
    rows = job.rows["train"]
    order = np.arange(min(len(rows), STEPS * batch_size))
    weights = np.array([job.loss_weights[name] for name in job.trainer.losses], np.float32)
    variables = job.model.trainable_variables
    before = [variable.numpy() for variable in variables]
    started = time.perf_counter()
    first = job.trainer.train(rows, order, weights)
    first_seconds = time.perf_counter() - started
    losses = ", ".join(f"{name} {loss:.4g}" for name, loss in first.losses.items())
    unchanged = [v.path for v, old in zip(variables, before, strict=True) if np.array_equal(v.numpy(), old)]
    seconds = job.trainer.train(rows, order, weights).seconds / len(order)
    epoch = seconds * (len(rows) + FORWARD_SHARE * len(job.rows["val"]))
    run = (
        first_seconds
        + epochs * epoch
        + FORWARD_SHARE * seconds * (len(job.rows["val"]) + len(job.rows["test"]))
    )
    steps = -(-len(rows) // batch_size)
    weights_text = (
        f"these weights do not change: {', '.join(unchanged)}" if unchanged else "every weight changes"
    )
    memory = _bytes(peak_memory())
    return {
        "steps": f"losses {losses}; {weights_text}",
        "memory": f"{memory} at most so far, including TensorFlow but not MLflow and the report",
        "time": f"{steps:,} steps per epoch, {_duration(epoch)} with validation; "
        f"{epochs} epochs: {_duration(run)}, building the graph and testing included",
    }


def peak_memory() -> int:
    """Return the peak of this process's resident memory, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage would include the peak of the parent process.
        line = next(
            line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:")
        )
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
