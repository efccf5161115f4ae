"""The source archive holds everything that its own tests import and read."""

import tarfile
from pathlib import Path

import pytest

from tests.processes import python

ROOT = Path(__file__).parent.parent
# Without any checkout on the path, which would lend what the archive lacks.
COLLECT = """
import os, sys
sys.path = [place for place in sys.path if not (place and os.path.exists(f"{place}/pipeline/train.py"))]
import pytest
sys.exit(pytest.main(["--collect-only", "-p", "no:cacheprovider"]))
"""


@pytest.mark.slow
def test_the_tests_of_a_source_archive_can_be_collected(tmp_path):
    from hatchling.builders.sdist import SdistBuilder

    (path,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with tarfile.open(path) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 knows it
        archive.extractall(tmp_path)
    (unpacked,) = (folder for folder in tmp_path.iterdir() if folder.is_dir())
    done = python(COLLECT, where=unpacked)
    assert done.returncode == 0, done.stdout
    collected = {Path(line.split("::")[0]) for line in done.stdout.splitlines() if "::" in line}
    assert collected == {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py")}
