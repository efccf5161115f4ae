"""Five folds on two workers, with the ensemble and the board, beside five single commands.

    python -m benchmarks.folds

folds     `-m sweep=folds hydra/launcher=joblib`, with out-of-fold predictions, the ensemble and the board
commands  one command for each fold, one after the other

Times are those of whole commands, from start to exit. Each way starts without a database.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from benchmarks.machine import description
from benchmarks.sweep import timed

LIMIT = 0.6  # upper limit of the ratio on two cores


def once(where: Path, folds: int, overrides: list[str]) -> dict[str, float]:
    """Run one round and return the seconds of each way."""
    single = [[*overrides, f"+data.split.folds={folds}", f"+data.split.fold={fold}"] for fold in range(folds)]
    together = ["-m", "sweep=folds", f"data.split.folds={folds}", *overrides, "hydra/launcher=joblib"]
    return {"folds": timed(where, together), "commands": timed(where, *single)}


def main() -> None:
    """Run the rounds and print the ratio with its range."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("overrides", nargs="*", default=["data=penguins", "branches=auto", "heads=auto"])
    options = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.rounds):
            rounds.append(once(Path(folder), options.folds, options.overrides))
            print("  ".join(f"{way} {seconds:.1f} s" for way, seconds in rounds[-1].items()), flush=True)
    ratios = [seconds["folds"] / seconds["commands"] for seconds in rounds]
    spread = f"{min(ratios):.2f} … {max(ratios):.2f}"
    print(f"folds / commands: {statistics.median(ratios):.2f} ({spread}), at most {LIMIT}")
    print(description())


if __name__ == "__main__":
    main()
