"""A worker of a sweep that is forked from the preloaded server has nothing heavy left to import."""

import pytest

from tests import processes

CODE = """
import sys
import pipeline.sweep.preload
before = set(sys.modules)
import pipeline.compose, pipeline.training.fit, pipeline.job.results, pipeline.tracking
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


@pytest.mark.slow
def test_a_trial_imports_no_library_that_is_not_preloaded() -> None:
    done = processes.python(CODE)
    assert done.returncode == 0, done.stderr
    assert not {*done.stdout.split()} & {*processes.HEAVY, "scipy", "sklearn", "pyarrow", "matplotlib"}
