"""How many trials share a machine, by the launcher that Hydra was given; workers started ahead of them."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

# Of joblib's settings those by which it tells whether a call may have the processes of the one before.
TELL_APART = ("n_jobs", "prefer", "require", "verbose", "temp_folder", "max_nbytes", "mmap_mode")


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(launcher: Mapping[str, Any]) -> int:
    """Trials that run at once on one machine, from Hydra's launcher node; 1 for those of one process."""
    if "joblib" not in str(launcher["_target_"]):
        return 1
    number = launcher["n_jobs"]
    # As joblib counts: -1 is all processors, -2 all but one.
    return number if number > 0 else max(1, processors() + 1 + number)


def threads(launcher: Mapping[str, Any]) -> int | None:
    """CPU threads for one trial, so that trials beside each other do not fight; None for all there are."""
    target = str(launcher["_target_"])
    if "joblib" in target:
        return max(1, processors() // workers(launcher))
    if "submitit" in target:
        return launcher["cpus_per_task"]
    if "ray" in target:
        return max(1, int(launcher["ray"]["remote"].get("num_cpus") or 1))
    return None


def warm(launcher: Mapping[str, Any]) -> threading.Thread | None:
    """Start joblib's workers in a thread; they import what trials need while the sweep opens its database.

    Joblib keeps its processes from one call to the next of the same settings, so Hydra's launcher finds them.
    Of other launchers there is nothing to start.
    """
    if workers(launcher) < 2 or launcher["backend"] != "loky" or launcher["inner_max_num_threads"]:
        return None
    settings = {name: launcher[name] for name in TELL_APART}

    def start() -> None:
        from joblib import Parallel, delayed

        if sys.platform == "linux":
            _fork_workers(threads(launcher) or 1)
        Parallel(**settings, batch_size=1)(delayed(_import_all)() for _ in range(workers(launcher)))

    thread = threading.Thread(target=start, name="warm-workers", daemon=True)
    thread.start()
    return thread


def _fork_workers(threads: int) -> None:
    """Let joblib fork its workers from a process that has imported what trials need, and done nothing else.

    The imports, six seconds of a core and hundreds of megabytes, are then paid once and not by each worker.
    Nothing of TensorFlow runs in that process: only what is merely imported survives a fork.
    """
    from joblib.externals.loky.backend.context import set_start_method

    # Joblib sets these for processes that it starts itself, so that libraries do not fight for the cores.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    multiprocessing.set_forkserver_preload(["pipeline.sweep.preload"])
    set_start_method("forkserver", force=True)


def _import_all() -> None:
    import pipeline.sweep.preload  # noqa: F401
