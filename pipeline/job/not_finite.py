"""What a run leaves of a loss or gradient that was not finite: the batch, and what to try."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from pipeline.job.job import Job
from pipeline.job.resume import mark_not_finite
from pipeline.tracking import Run
from pipeline.training.epoch import NotFiniteError
from pipeline.training.fault import Fault
from pipeline.training.fit import FitResult

FOLDER = "not_finite"  # of the artifacts


def ending(cfg: DictConfig, job: Job, fitted: FitResult, run: Run) -> NotFiniteError | None:
    """Log the batch whose loss or gradient was not finite; return the error if it ended the training.

    Raises:
        NotFiniteError: it ended the training in the first epoch, so there is nothing to test.
    """
    fault = fitted.failure.fault if fitted.failure else fitted.skipped
    if fault:
        log_batch(run, job, fault)
    if not fitted.failure:
        return None
    mark_not_finite(run.run_id)
    error = explained(cfg, fitted, run)
    if not fitted.best_epoch:
        raise error
    return error


def log_batch(run: Run, job: Job, fault: Fault) -> None:
    """Log a batch as artifacts: its row numbers, inputs and labels, and what is known of it."""
    rows = job.dataset.splits[fault.split].rows
    arrays = {f"input {name}": values.numpy() for name, values in fault.batch.inputs.items()}
    arrays |= {f"label {name}": values.numpy() for name, values in fault.batch.labels.items()}
    facts: dict[str, Any] = {
        "losses": fault.losses,
        "gradient_norms": fault.gradients,
        "finite_outputs": fault.outputs,
    }
    facts["split"] = fault.split
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / FOLDER
        folder.mkdir()
        np.savez(folder / "batch.npz", row=rows[fault.positions], **arrays)
        (folder / "batch.json").write_text(json.dumps(facts, indent=2, default=str) + "\n", encoding="utf-8")
        run.log_folder(Path(name))


def explained(cfg: DictConfig, fitted: FitResult, run: Run) -> NotFiniteError:
    """Return the error that ended a training, with what was kept and what to try."""
    assert fitted.failure is not None
    kept = (
        f"epoch {fitted.best_epoch} was tested and logged" if fitted.best_epoch else "no epoch was finished"
    )
    rate, clip = cfg.optimizer.learning_rate, cfg.trainer.gradient_clip
    options = [f"optimizer.learning_rate={rate / 10:g}", "trainer.on_nan=skip"]
    if clip is None:
        options.insert(1, "trainer.gradient_clip=1")
    if cfg.trainer.precision == "mixed_float16":
        options.append("trainer.precision=float32 (in a new run)")
    lines = [
        str(fitted.failure),
        f"  kept: {kept}",
        f"  the batch: artifact {FOLDER}/batch.npz; look for wrong values among its rows",
        f"  try: python -m pipeline.train resume={run.run_id} with one of {', '.join(options)}",
    ]
    return NotFiniteError("\n".join(lines), fitted.failure.fault)
