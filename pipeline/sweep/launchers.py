"""How many trials share a machine under each of Hydra's launchers; starts joblib's workers early."""

import multiprocessing
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

# Joblib uses its processes again if all these settings are the same as in the call before.
SAME_WORKERS = ("n_jobs", "prefer", "require", "verbose", "temp_folder", "max_nbytes", "mmap_mode")


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers(launcher: Mapping[str, Any]) -> int:
    """The number of trials that run at the same time on one machine; 1 unless the launcher is joblib.

    Args:
        launcher: the node `hydra.launcher`.
    """
    if "joblib" not in str(launcher["_target_"]):
        return 1
    number = int(launcher["n_jobs"])
    # In joblib -1 means all processors, -2 all but one.
    return number if number > 0 else max(1, processors() + 1 + number)


def threads(launcher: Mapping[str, Any]) -> int | None:
    """The CPU threads of one trial, so that trials on one machine share its processors; None: all."""
    target = str(launcher["_target_"])
    if "joblib" in target:
        return max(1, processors() // workers(launcher))
    if "submitit" in target:
        return int(launcher["cpus_per_task"])
    if "ray" in target:
        return max(1, int(launcher["ray"]["remote"].get("num_cpus") or 1))
    return None


def warm(launcher: Mapping[str, Any]) -> threading.Thread | None:
    """Starts joblib's workers in a thread; they import what trials need while the sweep opens its database.

    Hydra's launcher then uses these workers, because joblib keeps them for calls with the same settings. Does
    nothing for other launchers.
    """
    if workers(launcher) < 2 or launcher["backend"] != "loky" or launcher["inner_max_num_threads"]:
        return None
    settings = {name: launcher[name] for name in SAME_WORKERS}

    def start() -> None:
        from joblib import Parallel, delayed

        if sys.platform == "linux":
            _fork_workers(threads(launcher) or 1)
        Parallel(**settings, batch_size=1)(delayed(_import_all)() for _ in range(workers(launcher)))

    thread = threading.Thread(target=start, name="warm-workers", daemon=True)
    thread.start()
    return thread


def _fork_workers(threads: int) -> None:
    """Makes joblib fork its workers from a process that has only imported what trials need.

    The imports then cost six seconds of CPU time and hundreds of megabytes once instead of in every worker.
    That process does not use TensorFlow, which only survives a fork as long as nothing has run.
    """
    from joblib.externals.loky.backend.context import set_start_method

    # Joblib sets these only in processes that it starts itself; they share the cores among the workers.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    multiprocessing.set_forkserver_preload(["pipeline.sweep.preload"])
    set_start_method("forkserver", force=True)


def _import_all() -> None:
    import pipeline.sweep.preload  # noqa: F401
