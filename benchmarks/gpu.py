"""A GPU beside the CPU: first whether it computes the same, then how fast it is. At most ten minutes.

    python -m benchmarks.gpu

Checks, on the default job with two epochs:

losses     of every epoch on the GPU and on the CPU, from the same seed, within 1e-3 of their size
mixed      finite losses with `trainer.precision=mixed_float16`
resume     two epochs and a resume to four reach the losses of four epochs at once

Then it measures epochs of the default job, of `experiment=gray_colour` and of a wide model as
`benchmarks.speed` does (ours beside `fit` and a hand-written graph): in float32, in mixed precision and with
XLA. Each measurement begins only while time is left. On a machine without a GPU both sides are the CPU's;
`--quick` only tests that the script runs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import mlflow
import numpy as np

from benchmarks import speed
from benchmarks.machine import description

ROOT = Path(__file__).parents[1]
SHORT = ["trainer.epochs=2", "insight=off", "tracking.log_model=false", "schedule=constant"]
NO_GPU = {"CUDA_VISIBLE_DEVICES": "-1"}
EXACT = {"NVIDIA_TF32_OVERRIDE": "0"}  # TF32 rounds inputs of products to 10 bits, which is more than 1e-3
WIDE = ["branches.image.filters=[128,256,256]", "branches.series.filters=[256,256]", "fusion.units=[1024]"]
JOBS = {"default": [], "gray_colour": ["experiment=gray_colour"], "wide": WIDE}
VARIANTS = {"float32": [], "mixed": ["trainer.precision=mixed_float16"], "jit": ["trainer.jit=true"]}
NEEDED = 60.0  # seconds that must be left for another measurement


def main() -> None:
    """Check, then measure until the time is up; exit with 1 if a check failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    job = ["experiment=image_series", "data.sources.noise.rows=64"] if options.quick else []
    with tempfile.TemporaryDirectory() as folder:
        passed = [check(Path(folder), job) for check in (same_losses, finite_mixed, same_after_resume)]
    for name, overrides in {"quick": job}.items() if options.quick else JOBS.items():
        for variant, more in VARIANTS.items():
            if time.monotonic() + NEEDED > until:
                print(f"{name} {variant}: not measured, the time is up")
                continue
            measure(name, variant, [*overrides, *more], options.rounds, options.quick)
    print(description())
    if not all(passed):
        raise SystemExit(1)


def same_losses(folder: Path, job: Sequence[str]) -> bool:
    """Compare the losses of the GPU and the CPU."""
    gpu = losses(folder / "gpu", [*job, *SHORT], EXACT)
    cpu = losses(folder / "cpu", [*job, *SHORT], NO_GPU)
    return verdict("losses", distance(gpu, cpu), 1e-3)


def finite_mixed(folder: Path, job: Sequence[str]) -> bool:
    """Train in half precision."""
    found = losses(folder / "mixed", [*job, *SHORT, *VARIANTS["mixed"]])
    return verdict("mixed", 0.0 if np.isfinite(found).all() else np.inf, 0.0)


def same_after_resume(folder: Path, job: Sequence[str]) -> bool:
    """Compare four epochs with two that are resumed."""
    whole = losses(folder / "whole", [*job, *SHORT, "trainer.epochs=4"], EXACT)
    losses(folder / "resumed", [*job, *SHORT], EXACT)
    again = losses(folder / "resumed", [f"resume={run(folder / 'resumed')}", "trainer.epochs=4"], EXACT)
    return verdict("resume", distance(again, whole), 1e-3)


def losses(folder: Path, overrides: Sequence[str], more: Mapping[str, str] | None = None) -> np.ndarray:
    """Train in a folder; return the training and validation loss of every epoch, (2, epochs).

    Args:
        more: environment variables.
    """
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | dict(more or {})
    command = [sys.executable, "-m", "pipeline.train", *overrides]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    client = mlflow.MlflowClient(store(folder))
    history = [client.get_metric_history(run(folder), name) for name in ("train/loss", "val/loss")]
    return np.array([[point.value for point in sorted(points, key=lambda p: p.step)] for points in history])


def run(folder: Path) -> str:
    """Return the id of the only run of a folder."""
    client = mlflow.MlflowClient(store(folder))
    (found,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    return str(found.info.run_id)


def store(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlruns' / 'mlflow.db'}"


def distance(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest relative difference."""
    return float(np.max(np.abs(found - expected) / np.abs(expected)))


def verdict(name: str, found: float, limit: float) -> bool:
    """Print a check's result and return whether it passed."""
    passed = found <= limit
    print(f"{name:<12}{'passed' if passed else 'FAILED'}: {found:.1e}, limit {limit:.0e}", flush=True)
    return passed


def measure(name: str, variant: str, overrides: list[str], rounds: int, quick: bool) -> None:
    """Print how many times as fast as `fit` the whole-epoch graph is, without validation."""
    seconds = speed.times(overrides, validated=False, rounds=rounds, epochs=1 if quick else 2)
    shown = "  ".join(f"{np.median(ratios):.2f} x {way}" for way, ratios in speed.ratios(seconds).items())
    ours = np.median(seconds["ours"])
    print(f"{name:<14}{variant:<10}{ours * 1000:8.1f} ms/epoch  {shown}", flush=True)


if __name__ == "__main__":
    main()
