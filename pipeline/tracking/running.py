"""Which runs are being trained: each by one process at most; those whose process was killed are closed.

A run in training has the file process.json in its folder, and its process holds the lock process.lock, which
goes with the process, however it ends. Processes on other machines that share the folder may not see the
lock, so the owner also touches process.json every few seconds.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from pipeline.errors import ConfigError
from pipeline.paths import checkpoint_folder, write_text
from pipeline.tracking.addresses import without_password

logger = logging.getLogger(__name__)
OWNER, LOCK = "process.json", "process.lock"
ENDED = "failed.json"  # what process.json becomes when the training raised an error
BEAT, SILENCE = 5.0, 30.0  # seconds between signs of life, and without any until a process counts as dead


@contextmanager
def only_process(run_id: str, uri: str) -> Iterator[None]:
    """Be the only process that trains a run while the `with` block runs.

    Args:
        uri: the address of the run's store.

    Raises:
        ConfigError: another process trains the run.
    """
    owner = checkpoint_folder(run_id) / OWNER
    with _locked(owner):
        me = {
            "run": run_id,
            "uri": without_password(uri),
            "host": socket.gethostname(),
            "process": os.getpid(),
        }
        write_text(owner, json.dumps(me | {"since": time.strftime("%Y-%m-%d %H:%M:%S")}))
        try:
            with _signs_of_life(owner):
                yield
        except Exception:
            # Perhaps the store could not be told, for example because the disk is full.
            owner.replace(owner.with_name(ENDED))
            raise
        finally:
            owner.unlink(missing_ok=True)


def refuse_if_running(run_id: str) -> None:
    """Raises ConfigError if another process trains the run, as `only_process` does later, with the data."""
    owner = checkpoint_folder(run_id) / OWNER
    if owner.exists():
        with _locked(owner):
            pass


def close_lost(client: MlflowClient, uri: str) -> None:
    """Closes the runs of this folder whose process was killed or failed without being able to say so."""
    runs = checkpoint_folder("*").parent
    for owner in sorted([*runs.glob(f"*/{OWNER}"), *runs.glob(f"*/{ENDED}")]):
        run_id, status = owner.parent.name, "KILLED" if owner.name == OWNER else "FAILED"
        if _read(owner).get("uri") != without_password(uri):
            continue
        try:
            with _locked(owner):
                _close(client, run_id, status)
                owner.unlink(missing_ok=True)
        except ConfigError:
            continue  # it is being trained, or its sweep runs
        except MlflowException as error:
            logger.warning("the killed run %s could not be closed: %s", run_id, error)


def _close(client: MlflowClient, run_id: str, status: str) -> None:
    """Close a run that is still RUNNING.

    Raises:
        ConfigError: it belongs to a sweep that runs, which closes its trials itself and knows why they ended.
    """
    run = client.get_run(run_id)
    if run.info.status != RunStatus.to_string(RunStatus.RUNNING):
        return
    if sweep := run.data.tags.get("mlflow.parentRunId"):
        refuse_if_running(sweep)
    client.set_terminated(run_id, status)
    if sweep:
        return  # the sweep goes on as a whole
    command = run.data.tags.get("sweep.command", f"python -m pipeline.train resume={run_id}")
    logger.warning(
        "run %s has ended without a status and is closed as %s. Go on: %s", run_id, status, command
    )


@contextmanager
def _locked(owner: Path) -> Iterator[None]:
    """Hold the lock of a run.

    Raises:
        ConfigError: another process holds it, or trains the run on another machine.
    """
    owner.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(owner.with_name(LOCK))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _refusal(owner) from error
    try:
        if _read(owner).get("host", socket.gethostname()) != socket.gethostname() and not _silent(owner):
            raise _refusal(owner)
        yield
    finally:
        lock.release()


def _silent(owner: Path) -> bool:
    """Whether the owner has given no sign of life for a while, by the clock of the file system."""
    clock = owner.with_name(LOCK)
    clock.touch()
    return clock.stat().st_mtime - owner.stat().st_mtime > SILENCE


def _refusal(owner: Path) -> ConfigError:
    facts = _read(owner)
    who = f"process {facts.get('process', '?')} on {facts.get('host', '?')}, since {facts.get('since', '?')}"
    return ConfigError(
        "resume",
        "this run is being trained by another process",
        found=f"{owner.parent.name}: {who}",
        allowed="a run that has ended; this one can be resumed when that process has",
    )


def _read(owner: Path) -> dict[str, Any]:
    try:
        facts = json.loads(owner.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


@contextmanager
def _signs_of_life(owner: Path) -> Iterator[None]:
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(BEAT):
            try:
                os.utime(owner)
            except OSError:
                return

    threading.Thread(target=beat, name="signs-of-life", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
