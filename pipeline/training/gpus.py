"""GPUs: one for each trial of a machine, memory taken as it is needed, and whether the data fits."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import tensorflow as tf

SHARE = 0.5  # of a GPU's free memory that the data may take; the rest is for the model and its steps

# The lock of this process's GPU. A module global, because the lock lasts until the process ends.
_held: list[int] = []


def set_up_gpus(*, shared: bool) -> None:
    """Let TensorFlow take memory as it needs it; without this it takes a GPU's whole memory at once.

    Args:
        shared: other trials run on this machine at the same time, so this process uses one GPU of its own as
            long as there are enough.
    """
    gpus = tf.config.list_physical_devices("GPU")
    try:
        if shared and len(gpus) > 1:
            gpus = [gpus[own_number(len(gpus))]]
            tf.config.set_visible_devices(gpus, "GPU")
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        # TensorFlow uses the GPUs already: an earlier run of this process has set them up.
        return


def own_number(gpus: int, folder: Path | None = None) -> int:
    """Return the number of a GPU that no other process of this user has chosen, the same in every call.

    With more processes than GPUs, the processes that come late share them.

    Args:
        gpus: how many there are.
        folder: where the lock files lie; by default the system's folder for temporary files.
    """
    if _held:
        return _held[0]
    folder = folder or Path(tempfile.gettempdir())
    for number in range(gpus):
        handle = os.open(folder / f"pipeline-gpu-{os.getuid()}-{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        _held.extend([number, handle])
        return number
    return os.getpid() % gpus


def fits(size: int) -> bool:
    """Whether data of `size` bytes can stay on the GPU; True without a GPU or if its memory is unknown."""
    if not tf.config.get_visible_devices("GPU"):
        return True
    free = free_memory()
    return free is None or size <= SHARE * free


def free_memory() -> int | None:
    """Return the free bytes of the fullest GPU as `nvidia-smi` tells them; None if it is not there."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    done = subprocess.run(
        [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
    )
    mebibytes = [int(line) for line in done.stdout.split() if line.isdigit()]
    return min(mebibytes) * 2**20 if done.returncode == 0 and mebibytes else None
