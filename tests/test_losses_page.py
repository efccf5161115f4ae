"""The script that writes docs/losses.md from runs of the default job."""

import sys
from pathlib import Path

import pytest

from tests.processes import run

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_page_and_its_figures_are_written(tmp_path):
    words = [ROOT / "docs/losses.py", "--epochs", 1, "--folder", tmp_path]
    run([sys.executable, *words], tmp_path, more={"PYTHONPATH": str(ROOT)}, check=True)
    page = (tmp_path / "losses.md").read_text(encoding="utf-8")
    assert "trained for 1 epochs" in page
    assert {file.stem for file in (tmp_path / "figures").iterdir()} == {
        "losses_flow",
        "losses_contribution",
        "losses_starving",
    }
