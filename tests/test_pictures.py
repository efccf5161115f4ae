"""The script that redraws the README's pictures."""

import sys
from pathlib import Path

from tests.processes import run

ROOT = Path(__file__).parents[1]


def test_without_a_browser_it_says_what_to_install_before_it_trains(tmp_path):
    done = run(
        [sys.executable, ROOT / "docs/pictures.py", "--folder", tmp_path / "figures"],
        tmp_path,
        more={"PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "apt-get install chromium" in done.stderr
    assert list(tmp_path.iterdir()) == []
