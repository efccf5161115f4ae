"""Time to quality: the default job beside the same model by hand (`benchmarks.by_hand`).

    python -m benchmarks.time_to_quality

Runs both as whole commands, alternately, each time in an empty folder. Prints the medians of

whole     seconds of the command, from its start to its exit
reached   seconds from the start to the lowest validation loss that the script reached in the same round, and
          their share of the script's whole time
accuracy  of the class, and
r2        of the number, both on the test rows

The validation loss is the sum of both heads' losses, the number's on the standardised target.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import mlflow

from benchmarks.machine import description

COMMANDS = {"program": ["pipeline.train"], "by hand": ["benchmarks.by_hand"]}
STORES = {"program": "mlruns/mlflow.db", "by hand": "mlflow.db"}
METRICS = {
    "program": ("val/loss", "test/class_accuracy", "test/score_r2"),
    "by hand": ("val_loss", "test_accuracy", "test_r2"),
}


def main() -> None:
    """Run the rounds and print the table; `--rounds 1 --epochs 2` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, help="instead of the default's 20")
    options = parser.parse_args()
    rounds = []
    for _ in range(options.rounds):
        rounds.append({name: command(name, options.epochs) for name in COMMANDS})
        add_reached(rounds[-1])
        print({name: round(found["whole"], 1) for name, found in rounds[-1].items()}, flush=True)
    print(table(rounds))
    print(description())


def command(name: str, epochs: int | None) -> dict:
    """Run a command in an empty folder; returns its seconds, validation losses and test metrics."""
    more = {"EPOCHS": str(epochs)} if epochs else {}
    words = [f"trainer.epochs={epochs}"] if epochs and name == "program" else []
    with tempfile.TemporaryDirectory() as folder:
        started = time.time()
        subprocess.run(
            [sys.executable, "-m", *COMMANDS[name], *words],
            cwd=folder,
            env=os.environ | more | {"PYTHONPATH": str(Path(__file__).parents[1])},
            check=True,
            capture_output=True,
        )
        return {"whole": time.time() - started} | recorded(name, Path(folder), started)


def recorded(name: str, folder: Path, started: float) -> dict:
    """Read a run from its MLflow store: (seconds since the start, validation loss) of epochs, and metrics."""
    client = mlflow.MlflowClient(f"sqlite:///{folder / STORES[name]}")
    run = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])[0]
    loss, accuracy, r2 = METRICS[name]
    history = client.get_metric_history(run.info.run_id, loss)
    return {
        "losses": [(point.timestamp / 1000 - started, point.value) for point in history],
        "accuracy": run.data.metrics[accuracy],
        "r2": run.data.metrics[r2],
    }


def add_reached(found: dict[str, dict]) -> None:
    """Add the seconds until each command reached the script's lowest validation loss; never: infinite."""
    goal = min(loss for _, loss in found["by hand"]["losses"])
    for command in found.values():
        reached = [seconds for seconds, loss in command["losses"] if loss <= goal]
        command["reached"] = min(reached, default=float("inf"))
        command["share"] = command["reached"] / found["by hand"]["whole"]
        command["ratio"] = command["whole"] / found["by hand"]["whole"]


def table(rounds: list[dict[str, dict]]) -> str:
    """The medians as text."""
    columns = ("whole", "ratio", "reached", "share", "accuracy", "r2")
    lines = [f"{'':10}" + "".join(f"{column:>10}" for column in columns)]
    for name in COMMANDS:
        medians = [statistics.median(found[name][column] for found in rounds) for column in columns]
        lines.append(f"{name:10}" + "".join(f"{value:>10.3f}" for value in medians))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
