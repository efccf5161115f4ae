"""Workers that are started ahead of a sweep's trials."""

import sys

from joblib import Parallel, delayed

from pipeline.sweep.launchers import warm

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


def test_trials_find_the_workers_that_were_started_ahead() -> None:
    thread = warm(LAUNCHER)
    assert thread is not None
    thread.join()
    assert all(Parallel(**SETTINGS)(delayed(is_warm)() for _ in range(4)))


def test_nothing_is_started_for_trials_of_one_process() -> None:
    assert warm({"_target_": "hydra.basic_launcher.BasicLauncher"}) is None
    assert warm({**LAUNCHER, "n_jobs": 1}) is None
