"""What importing TensorFlow through `heavy_imports` leaves behind in a process."""

import subprocess
import sys

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


def test_imports_are_kept_out_of_the_search_for_cycles_which_goes_on_for_all_else() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
