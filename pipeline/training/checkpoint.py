"""The whole state of a training after an epoch, on disk, so that it goes on after any end.

A checkpoint is a folder `epoch-<n>` that appears in one rename, complete, or not at all. Its arrays carry a
checksum, so one that a power loss cut short is passed over for the one before.
"""

import hashlib
import inspect
import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from keras.callbacks import Callback
from numpy.typing import NDArray

KEPT = 2  # the newest checkpoints that stay
Arrays = Mapping[str, NDArray[Any]]


def save(folder: Path, epoch: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
    """Write a checkpoint, then remove all but the newest two.

    Args:
        folder: of one run.
        arrays: name -> values.
        facts: whatever else is to be known, as JSON can hold it (NaN included).
    """
    scratch = folder / f".epoch-{epoch:06d}-{os.getpid()}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    with (scratch / "arrays.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        file.flush()
        os.fsync(file.fileno())
    record = {"sha256": _checksum(scratch / "arrays.npz"), "epoch": epoch, "facts": facts}
    with (scratch / "state.json").open("w") as file:
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    final = folder / f"epoch-{epoch:06d}"
    shutil.rmtree(final, ignore_errors=True)
    scratch.rename(final)
    _sync(folder)
    for old in checkpoints(folder)[:-KEPT]:
        shutil.rmtree(old)


def load(folder: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Arrays and facts of the newest whole checkpoint; None where there is none."""
    for path in reversed(checkpoints(folder)):
        try:
            record = json.loads((path / "state.json").read_text())
            whole = record["sha256"] == _checksum(path / "arrays.npz")
        except (OSError, ValueError, KeyError):
            continue
        if whole:
            with np.load(path / "arrays.npz") as arrays:
                return dict(arrays), record["facts"]
    return None


def checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a run, oldest first."""
    return sorted(folder.glob("epoch-*"))


class Saver:
    """Saves in a thread of its own: an epoch waits for no disk. Of states that pile up the newest is saved.

    What it did not get to save is trained again on resume, to the same numbers.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pending: tuple[int, Arrays, Mapping[str, Any]] | None = None
        self.error: OSError | None = None
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._run, name="checkpoint-saver", daemon=True)
        self.thread.start()

    def __enter__(self) -> "Saver":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def offer(self, epoch: int, arrays: Arrays, facts: Mapping[str, Any]) -> None:
        """Have a state saved soon.

        Raises:
            OSError: an earlier one could not be saved.
        """
        with self.changed:
            if self.error:
                raise self.error
            self.pending = epoch, arrays, facts
            self.changed.notify()

    def close(self) -> None:
        """Save what is pending and end the thread; so does leaving its `with`."""
        with self.changed:
            self.ended = True
            self.changed.notify()
        self.thread.join()
        if self.error:
            raise self.error

    def _run(self) -> None:
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.pending or self.ended)
                if self.pending is None:
                    return
                state, self.pending = self.pending, None
            try:
                save(self.folder, *state)
            except OSError as error:
                with self.changed:
                    self.error = error
                return


def scalars(callback: Callback) -> dict[str, Any]:
    """A callback's state: its attributes that are plain values, for those of Keras and most others.

    What its constructor takes is no state; and Keras turns the sign of `min_delta` once training has begun.
    """
    given = inspect.signature(type(callback)).parameters
    return {
        name: float(value) if isinstance(value, np.generic) else value
        for name, value in vars(callback).items()
        if isinstance(value, bool | int | float | str | np.number | None)
        and name not in given
        and not name.startswith("_")
    }


class Restore(Callback):
    """Sets what `scalars` found when training begins. The last of the callbacks: beginning resets them."""

    def __init__(self, callbacks: Sequence[Callback], values: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.pairs = list(zip(callbacks, values, strict=True))

    def on_train_begin(self, logs: Any = None) -> None:
        for callback, values in self.pairs:
            for name, value in values.items():
                setattr(callback, name, value)


def numbered(prefix: str, variables: Sequence[Any]) -> dict[str, NDArray[Any]]:
    """Copies of variables' values by place, as their names need not differ."""
    return {f"{prefix}.{i}": np.array(variable) for i, variable in enumerate(variables)}


def assign(prefix: str, variables: Sequence[Any], arrays: Arrays) -> None:
    """Set the variables from what `numbered` took.

    Raises:
        ValueError: there are more or fewer arrays than variables: it is the state of another model.
    """
    found = sum(name.startswith(f"{prefix}.") for name in arrays)
    if found != len(variables):
        raise ValueError(f"the checkpoint has {found} arrays of {prefix}, the model {len(variables)}")
    for i, variable in enumerate(variables):
        variable.assign(arrays[f"{prefix}.{i}"])


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
