"""Training from disk: resident memory with a large .npy file, and speed compared with data in memory.

    python -m benchmarks.streaming

memory    trains one epoch on a generated file, 6 GB by default, in its own process: peak resident memory
          beyond that of the imports, and seconds before the first epoch (reading, hashing, leak check)
speed     trains a small job streamed and in memory, in alternating epochs: median ratio of their speeds
metrics   validation loss and accuracy of this job after the same epochs, streamed and in memory

The images are noise with a bright column whose position tells the class.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir

from benchmarks.machine import description
from pipeline import compose, config
from pipeline.check import peak_memory
from pipeline.training.fit import fit, order_of

ROW_BYTES = 32 * 32 * 3 * 4
CLASSES = 10
DATA = """
sources: {image: image.npy, label: label.npy, split: split.npy}
inputs: {image: {kind: image, column: image}}
targets: {class: {kind: category, column: label}}
split: {column: split, train: [0, 1, 2, 3, 4, 5, 6, 7], val: 8, test: 9}
"""
MODEL = ["data=generated", "branches=image", "heads=class", "branches.image.filters=[8,16]"]
FEWER = ["trainer.early_stopping=null", "trainer.epochs=1", "trainer.batch_size=32", "schedule=constant"]


def main() -> None:
    """Print the three tables; `--quick` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--epoch-in", type=Path, help="only train one epoch on the data in this folder and print the memory"
    )
    options = parser.parse_args()
    if options.epoch_in:
        print(json.dumps(one_epoch(options.epoch_in)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(folder / "large", rows=2_000 if options.quick else int(options.gigabytes * 1e9 / ROW_BYTES))
        measure_memory(folder / "large")
        (folder / "large" / "image.npy").unlink()
        generate(folder / "small", rows=2_000 if options.quick else 30_000)
        compare(folder / "small", 2 if options.quick else options.rounds)
    print(description())


def generate(folder: Path, rows: int, signal: float = 0.15) -> None:
    """Write images (rows, 32, 32, 3) float32, their labels and splits, and a data config."""
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "generated.yaml").write_text(DATA)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, rows)
    np.save(folder / "label.npy", labels)
    np.save(folder / "split.npy", np.arange(rows) % 10)
    shape = (rows, 32, 32, 3)
    with (folder / "image.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, rows, 4096):
            block = rng.random((min(4096, rows - start), 32, 32, 3), dtype=np.float32)
            block[np.arange(len(block)), :, 3 * labels[start : start + len(block)]] += signal
            block.tofile(file)


def measure_memory(folder: Path) -> None:
    """Train one epoch in its own process and print the memory and time it needed."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--epoch-in", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    needed = json.loads(done.stdout)
    size = (folder / "image.npy").stat().st_size
    print(f"{'file':>8}{'imports':>9}{'beyond, peak':>14}{'before epoch 1':>16}{'epoch':>9}{'rows/s':>9}")
    print(
        f"{size / 1e9:>5.2f} GB{needed['imports'] / 1e6:>6.0f} MB{needed['beyond'] / 1e6:>11.0f} MB"
        f"{needed['load']:>14.0f} s{needed['epoch']:>7.0f} s{needed['rate']:>9.0f}",
        flush=True,
    )


def one_epoch(folder: Path) -> dict[str, float]:
    """Load, build, train and validate once, streamed; return resident bytes and seconds."""
    import tensorflow as tf

    tf.constant(0.0)
    imports = peak_memory()
    started = time.perf_counter()
    job = make_job(folder, in_memory=False)
    loaded = time.perf_counter()
    metrics = train(job, epochs=1)
    return {
        "imports": imports,
        "beyond": peak_memory() - imports,
        "load": loaded - started,
        "epoch": time.perf_counter() - loaded,
        "rate": metrics["time/examples_per_s"],
    }


def compare(folder: Path, rounds: int) -> None:
    """Train the same job streamed and in memory, in alternating epochs; print rates and metrics."""
    jobs = {in_memory: make_job(folder, in_memory=in_memory) for in_memory in (False, True)}
    for job in jobs.values():
        train(job, epochs=1)
    rates: dict[bool, list[float]] = {False: [], True: []}
    for number in range(rounds):
        for in_memory, job in jobs.items():
            rates[in_memory].append(epoch_rate(job, number + 2))
    ratios = np.array(rates[False]) / np.array(rates[True])
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    print(f"\n{'streamed':>12}{'in memory':>12}{'ratio':>8}  quartiles")
    print(
        f"{np.median(rates[False]):>8.0f} r/s{np.median(rates[True]):>8.0f} r/s{middle:>8.2f}"
        f"  {low:.2f} … {high:.2f}",
        flush=True,
    )
    print(f"\n{'':<12}{'val/loss':>10}{'val/class_accuracy':>20}")
    for in_memory, word in ((False, "streamed"), (True, "in memory")):
        for seed in (0, 1):
            metrics = train(make_job(folder, in_memory=in_memory, seed=seed), epochs=2)
            print(f"{word:<12}{metrics['val/loss']:>10.4f}{metrics['val/class_accuracy']:>20.4f}", flush=True)


def make_job(folder: Path, *, in_memory: bool, seed: int = 0) -> Any:
    """Compose the job as the command line would."""
    from keras.utils import set_random_seed

    set_random_seed(seed)
    with initialize_config_dir(str(config.CONF)):
        # hydra.searchpath is what --config-dir sets.
        cfg = hydra_compose(
            "config",
            overrides=[f"hydra.searchpath=[file://{folder}]", *MODEL, *FEWER, f"data.in_memory={in_memory}"],
        )
    return compose.compose_job(cfg, folders=[folder])


def train(job: Any, epochs: int) -> dict[str, float]:
    """Train for some epochs and return the metrics of the last one."""
    splits = {split: job.rows[split] for split in ("train", "val")}
    weights = job.loss_weights
    result = fit(
        job.trainer,
        splits,
        job.references,
        loss_weights=weights,
        epochs=epochs,
        shuffle=True,
        seed=0,
        early_stopping=None,
    )
    return {name: values[-1] for name, values in result.history.items()}


def epoch_rate(job: Any, epoch: int) -> float:
    """Train one epoch and return the rows per second."""
    rows = job.rows["train"]
    weights = np.ones(1, np.float32)
    return len(rows) / job.trainer.train(rows, order_of(epoch, len(rows), 0, True), weights).seconds


if __name__ == "__main__":
    main()
