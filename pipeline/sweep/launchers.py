"""How many trials share a machine, by the launcher that Hydra was given."""

import os
from collections.abc import Mapping
from typing import Any


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
