"""A training works without a locale, a home folder, a user name and git."""

import json
import os
from pathlib import Path

import pytest

from tests import processes, stores

WORDS = [
    *("data=mine", "branches=auto", "heads=auto", "trainer.epochs=1", "insight=off"),
    *("data.split.fractions=[0.6,0.2,0.2]", "trainer.batch_size=8"),
]
DATA = """
sources: {rows: rows.csv}
inputs: {größe: {kind: table, numeric: [rows.größe]}}
targets: {art: {kind: category, column: rows.art}}
split: {fractions: [0.7, 0.15, 0.15], seed: 0}
"""


@pytest.mark.slow
def test_a_training_needs_neither_a_locale_nor_a_home_nor_git(folder_with_store: Path) -> None:
    rows = [f"{i % 7},{'犬' if i % 2 else 'köter'}" for i in range(80)]
    (folder_with_store / "rows.csv").write_text("\n".join(["größe,art", *rows]), encoding="utf-8")
    (folder_with_store / "conf" / "data").mkdir(parents=True)
    data = DATA.replace("größe: {", "size: {")  # names of inputs are of ASCII letters
    (folder_with_store / "conf" / "data" / "mine.yaml").write_text(data, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    bare = kept | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PATH": "/nowhere"}
    command = processes.command("train", "--config-dir", "conf", *WORDS)
    variables = [f"{name}={value}" for name, value in bare.items()]
    done = processes.run(["/usr/bin/env", "-i", *variables, *command], folder_with_store)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "Logging error" not in done.stderr
    (run,) = stores.all_runs(folder_with_store)
    assert run.info.status == "FINISHED"
    labels = stores.artifact(folder_with_store, run, "config/labels.json").read_text(encoding="utf-8")
    assert set(json.loads(labels)["art"]) == {"犬", "köter"}
