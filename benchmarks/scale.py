"""A large table: the time from the start to the first epoch, and the memory, against reading the file.

    python -m benchmarks.scale

It writes a parquet file of a million rows, 20 columns of numbers, 5 of words and 2 targets. In processes of
their own, several times and in turns, it reads the file with pandas, imports the program, starts
`pipeline.train` up to its first epoch, and runs `pipeline.check`. It prints medians.

first rows  seconds with a file of the first thousand rows: imports, config, model, graph, MLflow's database
for rows    seconds that the other rows add, and how many times those of pandas
memory      the largest resident memory beyond that with the first rows; the arrays are those of the 27
            columns, 8 bytes a cell
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import yaml

from benchmarks.machine import description
from pipeline.check import peak_memory

NUMBERS, WORDS = 20, 5
DATA = {
    "sources": {"s": "rows.parquet"},
    "inputs": {
        "table": {
            "kind": "table",
            "numeric": [f"s.x{number}" for number in range(NUMBERS)],
            "categorical": [f"s.c{number}" for number in range(WORDS)],
        }
    },
    "targets": {
        "amount": {"kind": "number", "column": "s.amount"},
        "kind": {"kind": "category", "column": "s.kind"},
    },
    "split": {"fractions": [0.7, 0.15, 0.15], "stratify": "kind", "seed": 0},
}
WHAT = ["--config-dir", "conf", "data=rows", "branches=auto", "heads=auto"]
STOP = ["trusted_modules=[benchmarks]", "trainer.callbacks=[{_target_: benchmarks.scale.Stop}]"]
IMPORTS = (
    "from pipeline import compose; from pipeline.job import artifacts, results; import pipeline.tracking"
)
CHECK = "import pipeline.check; pipeline.check.main()"
REPORT = "from benchmarks.scale import measured; import json; print(json.dumps(measured()))"
READ = (
    "import json, time, pandas; started = time.perf_counter(); frame = pandas.read_parquet('rows.parquet'); "
    "print(json.dumps({'seconds': time.perf_counter() - started, 'memory': 0}))"
)
FIRST = 1000  # rows
STARTED = "SCALE_STARTED"  # environment variable: when the process was started


class Stop(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the process where the first epoch would begin, and prints its seconds and its memory."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        print(json.dumps(measured()), flush=True)
        os._exit(0)


def main() -> None:
    """Print the table; `--rows 2000 --rounds 1` only tests that the script runs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "large", options.rows)
        write(folder / "small", FIRST)
        found = [one_round(folder / "large", folder / "small") for _ in range(options.rounds)]
    print(table(found, options.rows * (NUMBERS + WORDS + 2) * 8))
    print(description())


def write(folder: Path, rows: int) -> None:
    """Write the file and its data config."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(size=(rows, NUMBERS))
    columns = {f"x{number}": numbers[:, number] for number in range(NUMBERS)}
    for number in range(WORDS):
        words = np.array([f"word {word}" for word in range(10 ** (number % 4 + 1))], dtype=object)
        columns[f"c{number}"] = words[draw.integers(0, len(words), rows)]
    columns["amount"] = numbers[:, 0] + draw.normal(size=rows)
    columns["kind"] = np.array(["a", "b", "c"], dtype=object)[np.digitize(numbers[:, 1], [-0.5, 1])]
    (folder / "conf" / "data").mkdir(parents=True)
    pd.DataFrame(columns).to_parquet(folder / "rows.parquet")
    (folder / "conf" / "data" / "rows.yaml").write_text(yaml.safe_dump(DATA))


def one_round(large: Path, small: Path) -> dict[str, dict[str, float]]:
    """Measure every process once."""
    found = {"pandas": child(large, "-c", READ), "imports": child(large, "-c", f"{IMPORTS}; {REPORT}")}
    for name, folder in (("", large), (" of first rows", small)):
        found[f"train{name}"] = child(folder, "-m", "pipeline.train", *WHAT, *STOP)
        found[f"check{name}"] = child(folder, "-c", f"import sys; sys.argv[1:] = {WHAT!r}; {CHECK}; {REPORT}")
    return found


def child(folder: Path, *words: str) -> dict[str, float]:
    """Run a process; returns what it prints at its end."""
    environment = os.environ | {
        STARTED: str(time.time()),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def measured() -> dict[str, float]:
    """The seconds since this process was started, and its largest memory in bytes."""
    return {"seconds": time.time() - float(os.environ[STARTED]), "memory": float(peak_memory())}


def table(rounds: list[dict[str, dict[str, float]]], arrays: int) -> str:
    """The medians as text."""

    def median(name: str, word: str) -> float:
        return statistics.median(found[name][word] for found in rounds)

    pandas = median("pandas", "seconds")
    lines = [
        f"pandas {pandas:.2f} s, imports {median('imports', 'seconds'):.2f} s",
        f"{'':8}{'seconds':>9}{'first rows':>12}{'for rows':>10}{'x pandas':>10}{'memory':>10}{'arrays':>8}",
    ]
    for name in ("train", "check"):
        seconds, first = median(name, "seconds"), median(f"{name} of first rows", "seconds")
        memory = median(name, "memory") - median(f"{name} of first rows", "memory")
        times = f"{seconds:9.2f}{first:12.2f}{seconds - first:10.2f}{(seconds - first) / pandas:10.1f}"
        lines.append(f"{name:8}{times}{memory / 1e6:7.0f} MB{memory / arrays:7.2f}x")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
