"""Checkpoints: the state of a training after an epoch, on disk.

A checkpoint is a folder `epoch-<n>`. It is written under another name and renamed when it is complete. A
checksum of its arrays detects a file that a power failure truncated; then the checkpoint before it is used.
"""

import hashlib
import inspect
import json
import logging
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from keras.callbacks import Callback
from numpy.typing import NDArray

from pipeline import signals
from pipeline.data.files.npz import read_npz
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
CHECKPOINTS = 2  # how many of the newest are kept
Arrays = Mapping[str, NDArray[Any]]


def save(folder: Path, epoch: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
    """Write a checkpoint, then remove all but the newest two.

    Args:
        folder: the folder of one run's checkpoints.
        arrays: name -> values.
        facts: everything else that belongs to the state; JSON values, NaN included.
    """
    scratch = folder / f".epoch-{epoch:06d}-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with (scratch / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    record = {
        "sha256": _checksum(scratch / "arrays.npz"),
        "epoch": epoch,
        "facts": facts,
        "facts_sha256": _checksum_of(facts),
    }
    with (scratch / "state.json").open("w", encoding="utf-8") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    final = folder / f"epoch-{epoch:06d}"
    shutil.rmtree(final, ignore_errors=True)
    scratch.rename(final)
    _sync(folder)
    for old in checkpoints(folder)[:-CHECKPOINTS]:
        shutil.rmtree(old)


def load(folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Return arrays and facts of the newest intact checkpoint; None if there is no checkpoint at all.

    Raises:
        ConfigError: there are checkpoints, but all are damaged.
    """
    found = checkpoints(folder)
    for path in reversed(found):
        if damage := _damage(path):
            logger.warning("the checkpoint %s is damaged and passed over: %s", path, damage)
            continue
        arrays = read_npz(path / "arrays.npz", "resume")
        return arrays, json.loads((path / "state.json").read_text(encoding="utf-8"))["facts"]
    if found:
        raise ConfigError(
            "resume",
            "every checkpoint of this run is damaged, so its training cannot go on",
            found=", ".join(map(str, found)),
            allowed="a copy of such a folder from a backup; or a new run, with the same command as this one",
        )
    return None


def _damage(path: Path) -> str | None:
    """Return what is wrong with a checkpoint; None if it is as it was written."""
    try:
        record = json.loads((path / "state.json").read_text(encoding="utf-8"))
        if record["sha256"] != _checksum(path / "arrays.npz"):
            return "arrays.npz has another checksum than when it was written"
        # Checkpoints of version 0.1 have no such checksum.
        if record.get("facts_sha256", _checksum_of(record["facts"])) != _checksum_of(record["facts"]):
            return "state.json has another checksum than when it was written"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def checkpoints(folder: Path) -> list[Path]:
    """Return the folders of a run's checkpoints, oldest first."""
    return sorted(folder.glob("epoch-*"))


class Saver:
    """Saves states in a thread, so that the training does not wait for the disk.

    If the disk is slower than the epochs, only the newest state is saved. A resumed run trains the missing
    epochs again, with the same results.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pending: tuple[int, Arrays, Mapping[str, Any]] | None = None
        self.error: OSError | None = None
        self.closing = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, name="checkpoint-saver", daemon=True)
        self.thread.start()

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def offer(self, epoch: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Save a state soon, without waiting for it.

        Raises:
            OSError: an earlier state could not be saved.
        """
        # A signal that interrupts the taking of the lock would leave it locked.
        with signals.held(), self.changed:
            if self.error:
                raise self.error
            self.pending = epoch, arrays, facts
            self.changed.notify()

    def close(self) -> None:
        """Save the pending state and end the thread; leaving a `with` block does the same.

        Raises:
            OSError: a state could not be saved.
        """
        with self.changed:
            self.closing = True
            self.changed.notify()
        self.thread.join()
        if self.error:
            raise self.error

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.pending or self.closing)
                if self.pending is None:
                    return
                state, self.pending = self.pending, None
            try:
                save(self.folder, *state)
            except OSError as error:
                with self.changed:
                    self.error = error
                return


def callback_state(callback: Callback) -> dict[str, Any]:
    """Return a callback's state: its public attributes that are plain values.

    This is the state of the callbacks of Keras and of most others. Arguments of the constructor are left out:
    they are not state, and Keras flips the sign of `min_delta` when the training begins.
    """
    arguments = inspect.signature(type(callback)).parameters
    return {
        name: float(value) if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
        if isinstance(value, bool | int | float | str | np.number | None)
        and name not in arguments
        and not name.startswith("_")
    }


class RestoreCallbacks(Callback):
    """Restores the states of `callback_state` when the training begins.

    It must be the last callback, because the others reset themselves when the training begins.
    """

    def __init__(self, callbacks: Sequence[Callback], states: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.pairs = list(zip(callbacks, states, strict=True))

    def on_train_begin(self, logs: Any = None) -> None:
        for callback, state in self.pairs:
            known = callback_state(callback)
            for name, value in state.items():
                if name in known:  # somebody may have changed the file
                    setattr(callback, name, value)


def numbered_arrays(prefix: str, variables: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Copy the variables' values under `<prefix>.<index>`, because their names may not be unique."""
    return {f"{prefix}.{i}": np.array(variable) for i, variable in enumerate(variables)}


def assign(prefix: str, variables: Sequence[Any], arrays: Arrays) -> None:
    """Set the variables to the arrays of `numbered_arrays`.

    Raises:
        ValueError: the number of arrays differs from that of the variables: they belong to another model.
    """
    count = sum(name.startswith(f"{prefix}.") for name in arrays)
    if count != len(variables):
        raise ValueError(
            f"the checkpoint has {count} arrays for {prefix}, but this run has {len(variables)} variables"
        )
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"{prefix}.{i}"])


def _checksum_of(facts: Any) -> str:
    # As read back: JSON turns tuples into lists and numbers as keys into texts.
    text = json.dumps(json.loads(json.dumps(facts)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
