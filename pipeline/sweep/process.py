"""Which process runs a trial, whether it is alive, and which of several processes ended first."""

import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

# Processes after whose end this process ends too. A module global, because joblib pickles a new callback to
# the worker for every job, and only the process itself outlives a job.
_leaders: set[str] = set()


def identity(pid: int | None = None) -> str:
    """Identifies a process, by default this one, as `host:pid:start`, because systems use a pid again."""
    pid = os.getpid() if pid is None else pid
    return f"{socket.gethostname()}:{pid}:{_start(pid)}"


def alive(who: str) -> bool | None:
    """Whether a process is running; None if it is on another machine.

    Args:
        who: its identity.
    """
    host, pid, start = who.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    return _start(int(pid)) == start != ""


def end_with(who: str, busy: Callable[[], bool]) -> None:
    """Ends this process when the process `who` has ended and `busy` returns False; repeated calls do nothing.

    A thread checks once a second. Otherwise a worker of a killed sweep would wait for its next job for ever.
    """
    if who in _leaders:
        return
    _leaders.add(who)

    def wait() -> None:
        while alive(who) is not False or busy():
            time.sleep(1.0)
        os._exit(0)

    threading.Thread(target=wait, name="end-with-sweep", daemon=True).start()


def pid_of(who: str) -> int:
    return int(who.rsplit(":", 2)[1])


def _start(pid: int) -> str:
    """When a process started, in ticks since boot; "" if it has ended, even if nobody has waited for it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if sys.platform == "linux" else _exists(pid)
    except ProcessLookupError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _exists(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except OSError:
        return ""
    return "unknown"


class Deaths:
    """The order in which watched processes end.

    When one of joblib's workers is killed, joblib kills the others too, so the first one shows which trial
    failed. The kernel keeps the order (epoll over pidfds) until it is read.
    """

    def __init__(self) -> None:
        self.watched: dict[int, str] = {}
        self.order: list[str] = []
        self.queue = select.epoll() if hasattr(os, "pidfd_open") and hasattr(select, "epoll") else None

    def watch(self, who: str) -> None:
        """Watches a process of this machine; does nothing if it has ended or is watched already."""
        if self.queue is None or who in self.watched.values() or not alive(who):
            return
        try:
            handle = os.pidfd_open(pid_of(who))
        except ProcessLookupError:
            return
        self.watched[handle] = who
        self.queue.register(handle, select.EPOLLIN | select.EPOLLONESHOT)

    def first(self) -> str | None:
        """The identity of the watched process that ended first; None if all are running."""
        if self.queue is not None:
            self.order += [self.watched[handle] for handle, _ in self.queue.poll(0)]
        return self.order[0] if self.order else None

    def close(self) -> None:
        """Closes the handles of the watched processes."""
        for handle in self.watched:
            os.close(handle)
        if self.queue is not None:
            self.queue.close()
        self.watched, self.queue = {}, None
