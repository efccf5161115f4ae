"""How much memory is available, and whether data fits into it."""

import os
from pathlib import Path

import numpy as np

# The share of the available memory that the sources' files may take on disk. As arrays, prepared and as
# tensors they take several times their size, and the model needs memory as well.
FRACTION = 0.25
CONTROL_GROUP = Path("/sys/fs/cgroup")
ALIGNMENT = 64  # bytes; of the memory of tensors


def fits_in_memory(size: float) -> bool:
    """Whether data that takes `size` bytes on disk should be held in memory."""
    return size <= FRACTION * available()


def available() -> int:
    """Bytes that this process can still allocate, within the limit of its container."""
    return min(_available_on_machine(), _available_in_container())


def _available_on_machine() -> int:
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        for line in meminfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    # Other systems do not list the available memory in a file; half of all memory is a cautious guess.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _available_in_container() -> int:
    limit, statistics = CONTROL_GROUP / "memory.max", CONTROL_GROUP / "memory.stat"
    if not (limit.exists() and statistics.exists()) or limit.read_text().strip() == "max":
        return 2**63
    used = dict(line.split() for line in statistics.read_text().splitlines())
    # Only anonymous memory counts: the kernel frees the file cache when memory is needed.
    return max(0, int(limit.read_text()) - int(used["anon"]))


def aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An empty array that begins where TensorFlow's own do, so that a tensor can share its memory."""
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    first = -memory.ctypes.data % ALIGNMENT
    return memory[first : first + size].view(dtype).reshape(shape)


def is_aligned(values: np.ndarray) -> bool:
    """Whether a tensor can share the memory of an array."""
    plain = values.flags.c_contiguous and values.flags.writeable and values.dtype.kind in "fiu"
    return bool(plain and values.ctypes.data % ALIGNMENT == 0)
