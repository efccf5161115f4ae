"""How much memory there is, and whether data should be held in it."""

import os
from pathlib import Path

# Of what is available, for the files of the sources: as arrays, prepared and as tensors they need several
# times their size, and the model needs room as well.
FRACTION = 0.25
CONTROL_GROUP = Path("/sys/fs/cgroup")


def fits(size: float) -> bool:
    """Whether data of so many bytes on the disk should be held in memory."""
    return size <= FRACTION * available()


def available() -> int:
    """Bytes that this process can still take, at most what its container leaves it."""
    return min(_of_the_machine(), _of_the_container())


def _of_the_machine() -> int:
    known = Path("/proc/meminfo")
    if known.exists():
        for line in known.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    # Elsewhere no file says what is free; half of all is a guess that errs on the safe side.
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _of_the_container() -> int:
    limit, parts = CONTROL_GROUP / "memory.max", CONTROL_GROUP / "memory.stat"
    if not (limit.exists() and parts.exists()) or limit.read_text().strip() == "max":
        return 2**63
    used = dict(line.split() for line in parts.read_text().splitlines())
    # What files left in the cache is given back when it is needed.
    return max(0, int(limit.read_text()) - int(used["anon"]))
