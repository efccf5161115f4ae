"""Sweeps on one machine: eight short trials, run in three ways, and the ratios of their times.

    python -m benchmarks.sweep

joblib      one command with `hydra/launcher=joblib`: several worker processes share the cores
in_process  one command with Hydra's default launcher: one trial after the other in one process
commands    eight commands, one after the other

Times are those of whole commands, from start to exit. Each way starts without a database.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import description

SHORT = ["experiment=image_series", "trainer.epochs=3", "insight=off", "tracking.log_model=false"]
LIMITS = {"in_process": 0.7, "commands": 0.35}  # upper limits of the ratios on two cores


def timed(where: Path, *commands: list[str]) -> float:
    """Run commands one after the other in a new folder and return their seconds."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        started = time.perf_counter()
        for words in commands:
            subprocess.run(
                [sys.executable, "-m", "pipeline.train", *words], cwd=folder, check=True, capture_output=True
            )
        return time.perf_counter() - started


def once(where: Path, trials: int, overrides: list[str]) -> dict[str, float]:
    """Run one round and return the seconds of each way."""
    seeds = "seed=" + ",".join(str(seed) for seed in range(trials))
    sweep = ["-m", *overrides, seeds]
    return {
        "joblib": timed(where, [*sweep, "hydra/launcher=joblib"]),
        "in_process": timed(where, sweep),
        "commands": timed(where, *([*overrides, f"seed={seed}"] for seed in range(trials))),
    }


def main() -> None:
    """Run the rounds and print the ratios with their ranges."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("overrides", nargs="*", default=SHORT)
    options = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            rounds.append(once(Path(folder), options.trials, options.overrides))
            print("  ".join(f"{way} {seconds:.1f} s" for way, seconds in rounds[-1].items()), flush=True)
    for way, limit in LIMITS.items():
        ratios = [seconds["joblib"] / seconds[way] for seconds in rounds]
        spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
        print(f"joblib / {way}: {statistics.median(ratios):.2f} ({spread}), at most {limit}")
    print(description())


if __name__ == "__main__":
    main()
