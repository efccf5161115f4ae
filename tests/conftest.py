"""A small data set with planted signals, and runs on it that several tests look at."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

PLANTED = """
sources: {planted: planted.npz}
inputs:
  image: {kind: image, column: planted.image}
  series: {kind: series, column: planted.series, length: planted.length}
targets:
  place: {kind: category, column: planted.place, names: [up, down]}
  slope: {kind: number, column: planted.slope}
  both: {kind: category, column: planted.both}
split: {column: planted.split, train: 0, val: 1, test: 2}
"""
HEADS = """
# @package _global_
defaults:
  - /head@heads.place: multiclass
  - /head@heads.slope: regression
  - /head@heads.both: multiclass
loss_weights: {place: 1.0, slope: 1.0, both: 1.0}
"""


def pytest_configure() -> None:
    """A shell lets background jobs ignore Ctrl-C, and they their children: those that tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def planted(rows: int = 800, seed: int = 0) -> dict[str, np.ndarray]:
    """`place` shows only in the image, `slope` only in the series, `both` takes both."""
    rng = np.random.default_rng(seed)
    place, slope = rng.integers(0, 2, rows), rng.uniform(-1, 1, rows)
    image = rng.integers(0, 60, (rows, 8, 8, 1))
    image[np.arange(rows), np.where(place, 6, 1)] += 150
    length = rng.integers(5, 13, rows)
    series = slope[:, None, None] + rng.normal(0, 0.3, (rows, 12, 2))
    return {
        "image": image.astype("uint8"),
        "series": series.astype("float32"),
        "length": length,
        "place": place,
        "slope": 100 + 20 * slope,
        "both": place * 2 + (slope > 0),
        "split": np.arange(rows) % 4 % 3,
    }


@pytest.fixture(scope="session")
def planted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A --config-dir with the data set `planted`, its array file and its heads."""
    folder = tmp_path_factory.mktemp("planted")
    np.savez(folder / "planted.npz", **planted())
    for name, text in {"data/planted": PLANTED, "heads/planted": HEADS}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    return folder


@dataclass(frozen=True)
class RecordedRuns:
    """A folder in which two models were trained: `planted` (image, series) and `penguins` (a table)."""

    folder: Path
    planted: str
    penguins: str


@pytest.fixture(scope="session")
def recorded_runs(tmp_path_factory: pytest.TempPathFactory, planted_folder: Path) -> RecordedRuns:
    """Two finished runs, for whatever comes after training."""
    folder = tmp_path_factory.mktemp("recorded")
    few = ["trainer.early_stopping=null", "optimizer.learning_rate=0.01", "trainer.epochs=4"]
    parts = ["branches=image_series", "branches.image.filters=[4]", "branches.series.filters=[8]"]
    parts.append("heads.place.calibrate=temperature")
    jobs = [
        [
            "--config-dir",
            str(planted_folder),
            "data=planted",
            "heads=planted",
            "tracking.run_name=planted",
            *parts,
            *few,
        ],
        ["experiment=penguins", "tracking.run_name=penguins", "tracking.register=birds", *few],
    ]
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    ids = []
    for job in jobs:
        command = [sys.executable, "-m", "pipeline.train", *job]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        ids += re.findall(r"run ([0-9a-f]{32})", done.stdout)
    return RecordedRuns(folder, *ids)


@pytest.fixture
def recorded(recorded_runs: RecordedRuns, monkeypatch: pytest.MonkeyPatch) -> RecordedRuns:
    """The finished runs, with their folder as the working folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(recorded_runs.folder)
    return recorded_runs
