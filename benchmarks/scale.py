"""A large table: the time from the start to the first epoch, and the memory, against reading the file.

    python -m benchmarks.scale

It writes a parquet file of a million rows, 20 columns of numbers, 5 of words and 2 targets. In processes of
their own, several times and in turns, it reads the file with pandas, imports the program, starts
`pipeline.train` up to its first epoch, and runs `pipeline.check`. It prints the medians, and what dominates.

due        at most 3 x pandas plus the imports; memory beyond the imports at most 2.5 x the arrays
memory     the largest resident memory; the arrays are those of the 27 columns, 8 bytes a cell
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
        write(folder, options.rows)
        found = [one_round(folder) for _ in range(options.rounds)]
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
    pd.DataFrame(columns).to_parquet(folder / "rows.parquet")
    (folder / "conf" / "data").mkdir(parents=True)
    (folder / "conf" / "data" / "rows.yaml").write_text(yaml.safe_dump(DATA))


def one_round(folder: Path) -> dict[str, dict[str, float]]:
    """Measure every process once."""
    report = "from benchmarks.scale import measured; import json; print(json.dumps(measured()))"
    read = "import time, pandas; t = time.perf_counter(); f = pandas.read_parquet('rows.parquet'); "
    seconds = "import json; print(json.dumps({'seconds': time.perf_counter() - t, 'memory': 0}))"
    return {
        "pandas": child(folder, "-c", read + seconds),
        "imports": child(folder, "-c", f"{IMPORTS}; {report}"),
        "train": child(folder, "-m", "pipeline.train", *WHAT, *STOP),
        "check": child(folder, "-c", f"import sys; sys.argv[1:] = {WHAT!r}; {CHECK}; {report}"),
    }


CHECK = "import pipeline.check; pipeline.check.main()"


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
    """The medians as text, with what is due."""

    def median(name: str, word: str) -> float:
        return statistics.median(found[name][word] for found in rounds)

    base = median("imports", "memory")
    due = 3 * median("pandas", "seconds") + median("imports", "seconds")
    lines = [f"{'':10}{'seconds':>9}{'of due':>8}{'memory, MB':>12}{'x arrays':>10}"]
    lines += [
        f"{'pandas':10}{median('pandas', 'seconds'):9.2f}",
        f"{'imports':10}{due - 3 * median('pandas', 'seconds'):9.2f}",
    ]
    for name in ("train", "check"):
        seconds, memory = median(name, "seconds"), median(name, "memory") - base
        lines.append(
            f"{name:10}{seconds:9.2f}{seconds / due:8.2f}{memory / 1e6:12.0f}{memory / arrays:10.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
