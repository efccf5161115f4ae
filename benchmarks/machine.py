"""The machine, git commit and date that a benchmark prints beside its figures."""

import os
import platform
import shutil
import subprocess
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]


def description(folder: Path = ROOT) -> str:
    """Return one line: CPU model and cores, git commit of the folder, date.

    Example:
        >>> description()
        'AMD EPYC 9B14, 2 cores; commit 1a2b3c4d5e6f; 2025-11-27'
    """
    return f"{cpu_model()}, {cores()} cores; {commit(folder)}; {date.today().isoformat()}"


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the CPU's model name, or the architecture where the system does not tell it."""
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine() or "unknown CPU"


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def commit(folder: Path) -> str:
    """Return the folder's git commit and whether its files differ from it."""
    git = shutil.which("git")
    if git is None:
        return "commit unknown"
    command = [
        git,
        "-C",
        str(folder),
        "describe",
        "--always",
        "--dirty= with changes",
        "--exclude=*",
        "--abbrev=12",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return f"commit {done.stdout.strip()}" if done.returncode == 0 else "commit unknown"
