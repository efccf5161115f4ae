"""A small data set with planted signals, and runs on it that several tests look at."""

import gc
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from filelock import FileLock

from pipeline.heavy_imports import OBJECTS

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
    """Background jobs ignore Ctrl-C, and under nohup hang-ups; so would the processes that tests end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """Garbage collection skips imported objects and runs less often, as in the program's own processes."""
    gc.freeze()
    gc.set_threshold(OBJECTS)


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


MakeOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Fill a folder in the first of xdist's workers that asks for it; the others wait, and only read it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # the folder of the whole test run

    def made(name: str, fill: Callable[[Path], None]) -> Path:
        folder, done = root / name, root / f"{name}.done"
        with FileLock(root / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return made


@pytest.fixture
def folder_with_store(make_once: MakeOnce, tmp_path: Path) -> Path:
    """An empty working folder, but for a database without runs: MLflow takes a second to make one."""

    def fill(folder: Path) -> None:
        from mlflow.tracking import MlflowClient

        (folder / "mlruns").mkdir()
        MlflowClient(f"sqlite:///{folder}/mlruns/mlflow.db").search_experiments()

    (tmp_path / "mlruns").mkdir()
    shutil.copy(make_once("empty_store", fill) / "mlruns" / "mlflow.db", tmp_path / "mlruns")
    return tmp_path


@dataclass(frozen=True)
class RecordedRuns:
    """A folder in which two models were trained: `planted` (image, series) and `penguins` (a table)."""

    folder: Path
    planted: str
    penguins: str


@pytest.fixture(scope="session")
def recorded_runs(
    make_once: MakeOnce, tmp_path_factory: pytest.TempPathFactory, planted_folder: Path
) -> RecordedRuns:
    """Two finished runs, for whatever comes after training; each worker has a copy, as tests write to it."""
    # Imported here: most tests need no MLflow, and start sooner without it.
    from tests import stores
    from tests.verbs import call, without_report

    few = ["trainer.early_stopping=null", "optimizer.learning_rate=0.01", "trainer.epochs=4"]
    planted = ["--config-dir", planted_folder, "data=planted", "heads=planted", "branches=image_series"]
    planted += ["branches.image.filters=[4]", "branches.series.filters=[8]"]
    planted += ["heads.place.calibrate=temperature", "tracking.run_name=planted"]
    planted += ["conformal.calibration=0.5"]
    penguins = ["experiment=penguins", "tracking.run_name=penguins", "tracking.register=birds"]

    def train(folder: Path) -> None:
        for words in (planted, penguins):
            with without_report():
                done = call("train", *words, *few, where=folder)
            assert done.returncode == 0, done.stderr
            (run_id,) = re.findall(r"^run ([0-9a-f]{32})$", done.stdout, re.MULTILINE)
            with (folder / "ids").open("a") as ids:
                ids.write(f"{run_id}\n")

    made = make_once("recorded", train)
    folder = tmp_path_factory.mktemp("recorded") / "copy"
    stores.copy(made, folder)
    return RecordedRuns(folder, *(made / "ids").read_text().split())


@pytest.fixture
def recorded(recorded_runs: RecordedRuns, monkeypatch: pytest.MonkeyPatch) -> RecordedRuns:
    """The finished runs, with their folder as the working folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(recorded_runs.folder)
    return recorded_runs


@pytest.fixture
def no_report() -> Iterator[None]:
    """Training writes no report."""
    from tests.verbs import without_report

    with without_report():
        yield
