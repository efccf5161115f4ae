"""Training from the disk: resident memory on an .npy file larger than it, and speed against data in memory.

memory    a process of its own trains an epoch on a generated file, 6 GB by default: its peak of resident
          memory beyond what the imports took, and the seconds before the first epoch (reading, hashes, leaks)
speed     the same small job streamed and in memory, epochs in turn in one process: the median ratio of rates
metrics   validation loss and accuracy of that job after the same epochs, streamed and in memory

The images are noise with a bright column that tells the class, so there is something to learn.
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
    """Print the three tables; `--quick` shrinks everything to see that it runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gigabytes", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument(
        "--epoch-in", type=Path, help="train one epoch on the data in this folder, tell the memory"
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


def generate(folder: Path, rows: int, signal: float = 0.15) -> None:
    """Write images (rows, 32, 32, 3) float32, their labels and splits, and a config of the data."""
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
    """Train one epoch in a process of its own and print what it needed."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--epoch-in", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found = json.loads(done.stdout)
    size = (folder / "image.npy").stat().st_size
    print(f"{'file':>8}{'imports':>9}{'beyond, peak':>14}{'before epoch 1':>16}{'epoch':>9}{'rows/s':>9}")
    print(
        f"{size / 1e9:>5.2f} GB{found['imports'] / 1e6:>6.0f} MB{found['beyond'] / 1e6:>11.0f} MB"
        f"{found['load']:>14.0f} s{found['epoch']:>7.0f} s{found['rate']:>9.0f}",
        flush=True,
    )


def one_epoch(folder: Path) -> dict[str, float]:
    """Load, build, train and validate once, streamed; resident bytes and seconds."""
    import tensorflow as tf

    tf.constant(0.0)
    imports = peak_memory()
    started = time.perf_counter()
    job = made(folder, in_memory=False)
    loaded = time.perf_counter()
    found = trained(job, epochs=1)
    return {
        "imports": imports,
        "beyond": peak_memory() - imports,
        "load": loaded - started,
        "epoch": time.perf_counter() - loaded,
        "rate": found["time/examples_per_s"],
    }


def compare(folder: Path, rounds: int) -> None:
    """Train the same job streamed and in memory, epochs in turn; print rates and metrics."""
    jobs = {in_memory: made(folder, in_memory=in_memory) for in_memory in (False, True)}
    for job in jobs.values():
        trained(job, epochs=1)
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
            found = trained(made(folder, in_memory=in_memory, seed=seed), epochs=2)
            print(f"{word:<12}{found['val/loss']:>10.4f}{found['val/class_accuracy']:>20.4f}", flush=True)


def made(folder: Path, *, in_memory: bool, seed: int = 0) -> Any:
    """The job, as the command line would compose it."""
    from keras.utils import set_random_seed

    set_random_seed(seed)
    with initialize_config_dir(str(config.CONF)):
        # hydra.searchpath is what --config-dir sets.
        cfg = hydra_compose(
            "config",
            overrides=[f"hydra.searchpath=[file://{folder}]", *MODEL, *FEWER, f"data.in_memory={in_memory}"],
        )
    return compose.compose_job(cfg, folders=[folder])


def trained(job: Any, epochs: int) -> dict[str, float]:
    """The metrics of the last of some epochs."""
    splits = {split: job.rows[split] for split in ("train", "val")}
    weights = job.loss_weights
    fitted = fit(
        job.trainer,
        splits,
        job.references,
        loss_weights=weights,
        epochs=epochs,
        shuffle=True,
        seed=0,
        early_stopping=None,
    )
    return {name: values[-1] for name, values in fitted.history.items()}


def epoch_rate(job: Any, epoch: int) -> float:
    """Rows a second of one epoch."""
    rows = job.rows["train"]
    weights = np.ones(1, np.float32)
    return len(rows) / job.trainer.train(rows, order_of(epoch, len(rows), 0, True), weights).seconds


if __name__ == "__main__":
    main()
