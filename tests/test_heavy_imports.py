"""Importing TensorFlow without garbage collection and without its messages."""

import subprocess
import sys

import pytest

SCRIPT = """
import gc
from pipeline.heavy_imports import OBJECTS, importing
with importing():
    assert not gc.isenabled()
assert gc.isenabled()
assert gc.get_threshold()[0] == OBJECTS
frozen = gc.get_freeze_count()
assert frozen > 100_000, frozen
with importing():
    assert gc.isenabled()
assert gc.get_freeze_count() == frozen
"""


@pytest.mark.slow
def test_garbage_collection_skips_imported_objects_and_runs_again_after_the_imports() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
