"""Sweeps over one machine's cores: eight short trials three ways, run in turn, and the ratios of their times.

joblib      one command, `hydra/launcher=joblib`: warm workers that share the cores
in_process  one command, Hydra's own launcher: one trial after the other in one process
commands    eight commands, one after the other

Times include everything, from the start of the command to its exit; each way begins without a database.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHORT = ["experiment=image_series", "trainer.epochs=3", "insight=off", "tracking.log_model=false"]
FLOORS = {"in_process": 0.7, "commands": 0.35}  # at most this part of the other's time, on two cores


def timed(where: Path, *commands: list[str]) -> float:
    """Seconds that commands take, one after the other, in a folder of their own."""
    with tempfile.TemporaryDirectory(dir=where) as folder:
        started = time.perf_counter()
        for words in commands:
            subprocess.run(
                [sys.executable, "-m", "pipeline.train", *words], cwd=folder, check=True, capture_output=True
            )
        return time.perf_counter() - started


def once(where: Path, trials: int, overrides: list[str]) -> dict[str, float]:
    """One round: seconds of each way."""
    seeds = "seed=" + ",".join(str(seed) for seed in range(trials))
    sweep = ["-m", *overrides, seeds]
    return {
        "joblib": timed(where, [*sweep, "hydra/launcher=joblib"]),
        "in_process": timed(where, sweep),
        "commands": timed(where, *([*overrides, f"seed={seed}"] for seed in range(trials))),
    }


def main() -> None:
    """Run the rounds and print the ratios with their range."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("overrides", nargs="*", default=SHORT)
    given = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(given.rounds):
            rounds.append(once(Path(folder), given.trials, given.overrides))
            print("  ".join(f"{way} {seconds:.1f} s" for way, seconds in rounds[-1].items()), flush=True)
    for way, most in FLOORS.items():
        ratios = [seconds["joblib"] / seconds[way] for seconds in rounds]
        spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
        print(f"joblib / {way}: {statistics.median(ratios):.2f} ({spread}), at most {most}")


if __name__ == "__main__":
    main()
