"""Make `run_0_1.tar.xz`, a run stored by version 0.1.0, with what that version predicts and measures.

    PYTHONPATH=<checkout of 0.1.0> python make.py <new folder> <archive>

Run it with the environment of that version. Archive members:

    conf/, rows.csv     the run's config folder and data
    mlruns/             two of four epochs: database, artifacts without the report, checkpoints
    expected/           numbers.json: test/* and best/* after four epochs without a break; evaluate's numbers
                        after two; the processor. predictions.parquet: predict's table after two
"""

import csv
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

ANYWHERE = "/the/folder/of/the/run"  # replaced by the test
FILES = {
    "data/rows": """
sources: {rows: rows.csv}
inputs:
  facts: {kind: table, numeric: [rows.length, rows.width], categorical: [rows.colour]}
  profile: {_target_: pipeline.data.vector.Vector, column: [rows.first, rows.second, rows.third]}
targets:
  kind: {kind: category, column: rows.kind}
  amount: {kind: number, column: rows.amount}
split: {fractions: [0.6, 0.2, 0.2], seed: 0}
""",
    "branches/rows": """
defaults:
  - /branch@facts: table
  - /branch@profile: dense
""",
    "heads/rows": """
# @package _global_
defaults:
  - /head@heads.kind: multiclass
  - /head@heads.amount: quantiles
loss_weights: {kind: 1.0, amount: 0.5}
""",
}
WORDS = [
    *("data=rows", "branches=rows", "heads=rows", "balancer=gradnorm", "schedule=constant", "insight=off"),
    *("branches.facts.units=[8]", "branches.profile.units=[8]", "fusion.units=[8]", "fusion.dropout=0.2"),
    *("optimizer.learning_rate=0.01", "trainer.batch_size=16", "tracking.run_name=stored"),
    "trainer.early_stopping={monitor: val/loss, patience: 9}",
]


def main(folder: Path, archive: Path) -> None:
    whole, run, later = folder / "whole", folder / "run", folder / "later"
    write_files(run)
    shutil.copytree(run, whole)
    call(whole, "train", "--config-dir", "conf", *WORDS, "trainer.epochs=4", "tracking.log_model=false")
    call(run, "train", "--config-dir", "conf", *WORDS, "trainer.epochs=2")
    shutil.copytree(run, later)
    replace_path(later / "mlruns", str(run), str(later))
    call(later, "predict", "run=stored", "input=rows.csv", "output=predictions.parquet")
    call(later, "evaluate", "run=stored", "split=test", "resamples=20")
    (run / "expected").mkdir()
    shutil.copy(later / "predictions.parquet", run / "expected")
    numbers = {
        "resumed": metrics(whole, "test/", "best/"),
        "evaluated": metrics(later, "eval_test/"),
        "processor": processor(),
    }
    (run / "expected" / "numbers.json").write_text(json.dumps(numbers, indent=1))
    for name in (
        "artifacts/*/artifacts/report",
        "artifacts/*/artifacts/environment",
        "hydra",
        "**/__pycache__",
    ):
        for place in (run / "mlruns").glob(name):
            shutil.rmtree(place)
    replace_path(run / "mlruns", str(run), ANYWHERE)
    forget_machine(run / "mlruns")
    with tarfile.open(archive, "w:xz") as packed:
        for member in ("conf", "rows.csv", "mlruns", "expected"):
            packed.add(run / member, member, filter=anonymous)


def write_files(folder: Path) -> None:
    draw = random.Random(0)
    for name, text in FILES.items():
        path = folder / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text.lstrip())
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["length", "width", "colour", "first", "second", "third", "kind", "amount"])
        for _ in range(120):
            length, width, *profile = (round(draw.gauss(0, 1), 3) for _ in range(5))
            colour = draw.choice(["red", "green", "blue"])
            kind = "a" if length + profile[0] > 0 else "b" if colour == "red" else "c"
            amount = round(50 + 10 * width + 5 * profile[1] + draw.gauss(0, 2), 2)
            shown = "" if draw.random() < 0.1 else width
            rows.writerow([length, shown, colour, *profile, kind, amount])


def call(folder: Path, verb: str, *words: str) -> None:
    subprocess.run([sys.executable, "-m", f"pipeline.{verb}", *words], cwd=folder, check=True)


def metrics(folder: Path, *beginnings: str) -> dict[str, float]:
    with closing(sqlite3.connect(folder / "mlruns" / "mlflow.db")) as database:
        latest = database.execute("SELECT key, value FROM latest_metrics").fetchall()
    return {name: value for name, value in sorted(latest) if name.startswith(beginnings)}


def processor() -> list[str]:
    """What decides how sums are rounded: the vector instructions that TensorFlow chooses among."""
    flags = next(
        (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), ""
    )
    return sorted({flag for flag in flags.split() if flag.startswith(("avx", "fma", "amx"))})


def replace_path(mlruns: Path, old: str, new: str) -> None:
    for file in mlruns.glob("checkpoints/*/origin.json"):
        file.write_text(file.read_text().replace(old, new))
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as database, database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in database.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.startswith(("VARCHAR", "TEXT")):
                    change = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?)'
                    database.execute(change, (old, new))


def forget_machine(mlruns: Path) -> None:
    for file in mlruns.glob("artifacts/models/*/artifacts/MLmodel"):
        paths = re.compile(r"(artifact_path: |uri: |model_code_path: )\S*?([\w.]+)$", re.MULTILINE)
        file.write_text(paths.sub(rf"\1{ANYWHERE}/\2", file.read_text()))
    with closing(sqlite3.connect(mlruns / "mlflow.db")) as database:
        with database:
            database.execute("DELETE FROM logged_model_tags")
            database.execute("DELETE FROM tags WHERE key LIKE 'mlflow.source%' OR key = 'mlflow.user'")
            database.execute("UPDATE runs SET user_id = '', source_name = ''")
        database.execute("VACUUM")  # else the file keeps what was deleted


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
