"""Start processes for tests: commands of the program, scripts, and Python code."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process of its own: no tracking store that another test may have left."""
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    return kept | dict(more or {})


def command(verb: str, *words: object) -> list[str]:
    """`python -m pipeline.<verb> words…`, in this interpreter."""
    return [sys.executable, "-m", f"pipeline.{verb}", *map(str, words)]


def run(
    command: Sequence[object],
    where: Path | None = None,
    *,
    more: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, its output caught as text.

    Args:
        where: the working folder.
        more: variables to add to the environment.
    """
    options = {"capture_output": True, "text": True, "check": False} | options
    return subprocess.run(list(map(str, command)), cwd=where, env=environment(more), **options)


def start(
    command: Sequence[object],
    where: Path | None = None,
    *,
    more: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start a command and go on; the test waits for it or ends it."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen(list(map(str, command)), cwd=where, env=environment(more), **options)


def python(
    code: str, *words: object, where: Path | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process."""
    return run([sys.executable, "-c", code, *words], where, **options)
