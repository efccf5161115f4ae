"""Every benchmark runs to its end and prints its machine last."""

import sys
from pathlib import Path

import pytest

from benchmarks.machine import cpu_model
from tests.processes import run

ROOT = Path(__file__).parents[2]
QUICK = {
    "balancers": ["--quick", "--heads", 2, "--only", "famo"],
    "folds": [
        "--rounds",
        1,
        "--folds",
        2,
        *["data=penguins", "branches=auto", "heads=auto", "trainer.epochs=1"],
    ],
    "gpu": ["--quick", "--rounds", 1],
    "init": ["--only", "linnerud", "--seeds", 1, "--epochs", 1],
    "insight": ["--quick"],
    "quality": ["--only", "linnerud", "--seeds", 1, "--overrides", "trainer.epochs=1"],
    "scale": ["--rows", 2000, "--rounds", 1],
    "serving": ["--clients", 4, "--seconds", 3, "--overrides", "experiment=penguins"],
    "speed": ["--quick", "--only", "128 rows"],
    "streaming": ["--quick"],
    "study_balancers": ["--epochs", 1, "--rows", 64, "--seeds", 1, "--jobs", "kanji", "--only", "famo"],
    "sweep": ["--rounds", 1, "--trials", 1],
    "time_to_quality": ["--rounds", 1, "--epochs", 1],
}


def test_every_script_is_run_here():
    scripts = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "argparse" in path.read_text()}
    assert scripts == QUICK.keys()


@pytest.mark.slow
@pytest.mark.parametrize("script", QUICK)
def test_the_script_runs_and_prints_its_machine(script, tmp_path):
    done = run(
        [sys.executable, "-m", f"benchmarks.{script}", *QUICK[script]],
        tmp_path,
        more={"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(cpu_model())
