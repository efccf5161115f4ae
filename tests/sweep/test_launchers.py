"""Workers that are started ahead of a sweep's trials."""

import sys

import pytest
from joblib import Parallel, delayed

from pipeline.sweep.launchers import processors, threads, warm, workers
from tests import processes

# As Hydra's joblib launcher has it.
SETTINGS = {
    "n_jobs": 2,
    "backend": "loky",
    "prefer": "processes",
    "require": None,
    "verbose": 0,
    "timeout": None,
    "pre_dispatch": "2*n_jobs",
    "batch_size": 1,
    "temp_folder": None,
    "max_nbytes": None,
    "mmap_mode": "r",
}
LAUNCHER = {"_target_": "joblib_launcher.JoblibLauncher", "inner_max_num_threads": None, **SETTINGS}


def is_warm() -> bool:
    return "tensorflow" in sys.modules


@pytest.mark.slow
def test_trials_find_the_workers_that_were_started_ahead() -> None:
    thread = warm(LAUNCHER)
    assert thread is not None
    thread.join()
    assert all(Parallel(**SETTINGS)(delayed(is_warm)() for _ in range(4)))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_workers_are_forked_from_one_process_that_has_imported_all_and_run_nothing(tmp_path):
    code = f"""
import os, sys
from pathlib import Path
from joblib import Parallel, delayed
from pipeline.sweep.launchers import processors, threads, warm, workers
from tests import processes
SETTINGS, LAUNCHER = {SETTINGS!r}, {LAUNCHER!r}

def look(_):
    parent = Path(f"/proc/{{os.getppid()}}/cmdline").read_text()
    ready, tf = "tensorflow" in sys.modules, __import__("tensorflow")
    return os.getppid(), ready and "forkserver" in parent, float(tf.reduce_sum(tf.ones(9)))

if __name__ == "__main__":
    warm(LAUNCHER).join()
    assert "tensorflow" not in sys.modules
    found = Parallel(**SETTINGS)(delayed(look)(i) for i in range(2))
    assert len(set(found)) == 1, found
    assert found[0][0] != os.getpid()
    assert found[0][1:] == (True, 9.0), found
"""
    (tmp_path / "look.py").write_text(code)
    done = processes.run([sys.executable, tmp_path / "look.py"], tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def test_nothing_is_started_for_trials_of_one_process() -> None:
    assert warm({"_target_": "hydra.basic_launcher.BasicLauncher"}) is None
    assert warm({**LAUNCHER, "n_jobs": 1}) is None


def test_workers_share_the_processors():
    joblib = {"_target_": "x.joblib_launcher.JoblibLauncher", "n_jobs": 2}
    assert workers(joblib) == 2
    assert workers({**joblib, "n_jobs": -1}) == processors()
    assert threads(joblib) == max(1, processors() // 2)
    assert threads({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"}) is None
    assert threads({"_target_": "x.submitit_launcher.LocalLauncher", "cpus_per_task": 3}) == 3
