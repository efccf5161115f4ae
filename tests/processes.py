"""Start processes for tests: commands of the program, scripts, and Python code."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HEAVY = {"tensorflow", "mlflow", "keras", "pandas"}


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


def run_verb(verb: str, *words: object, where: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m pipeline.<verb> words…` in the folder `where`."""
    return run(command(verb, *words), where, **options)


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


def without_slow_phases(stderr: str) -> list[str]:
    """The lines of standard error, but for the phases that are only announced on a slow machine."""
    return [line for line in stderr.splitlines() if line.startswith("importing") or not line.endswith(" …")]


def free_port() -> int:
    """A port of this machine at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def python(
    code: str, *words: object, where: Path | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh process."""
    return run([sys.executable, "-c", code, *words], where, **options)


def heavy_imports(
    verb: str, *words: object, where: Path
) -> tuple[subprocess.CompletedProcess[str], set[str]]:
    """Run a verb in a fresh process; returns how it ended and which heavy modules it had imported."""
    code = (
        f"import runpy, sys\ntry:\n    runpy.run_module('pipeline.{verb}', run_name='__main__')\n"
        f"finally:\n    print('imported', *{HEAVY} & set(sys.modules))"
    )
    done = python(code, *words, where=where)
    return done, set(done.stdout.splitlines()[-1].split()[1:])
