"""Which process runs a trial, whether it still does, and which of several died first."""

import os
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

_followed: set[str] = set()  # processes with which this one ends


def identity(pid: int | None = None) -> str:
    """`host:pid:start` of a process, this one if not given: a number that was used again is told apart."""
    pid = os.getpid() if pid is None else pid
    return f"{socket.gethostname()}:{pid}:{_start(pid)}"


def alive(who: str) -> bool | None:
    """Whether the process of this identity runs; None where another machine would have to be asked."""
    host, pid, start = who.rsplit(":", 2)
    if host != socket.gethostname():
        return None
    return _start(int(pid)) == start != ""


def leave_with(who: str, busy: Callable[[], bool]) -> None:
    """End this process once the process `who` has gone and `busy` says no; asked every second, in a thread.

    A worker of a killed sweep would wait for ever, for its next job or to hand over the result of the last.
    Said again, it is as said once.
    """
    if who in _followed:
        return
    _followed.add(who)

    def wait() -> None:
        while alive(who) is not False or busy():
            time.sleep(1.0)
        os._exit(0)

    threading.Thread(target=wait, name="leave-with-sweep", daemon=True).start()


def pid_of(who: str) -> int:
    return int(who.rsplit(":", 2)[1])


def _start(pid: int) -> str:
    """When a process started, in ticks since boot; empty for one that has ended, waited for or not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
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
    """Remembers in which order watched processes end.

    When one of joblib's workers is killed, joblib kills the others too; who was first tells which trial is to
    blame. The kernel queues the ends in their order (epoll over pidfds), however late they are asked for.
    """

    def __init__(self) -> None:
        self.watched: dict[int, str] = {}
        self.order: list[str] = []
        self.queue = select.epoll() if hasattr(os, "pidfd_open") and hasattr(select, "epoll") else None

    def watch(self, who: str) -> None:
        """Watch a process of this machine; one that has gone, or is watched already, is left out."""
        if self.queue is None or who in self.watched.values() or not alive(who):
            return
        try:
            handle = os.pidfd_open(pid_of(who))
        except ProcessLookupError:
            return
        self.watched[handle] = who
        self.queue.register(handle, select.EPOLLIN | select.EPOLLONESHOT)

    def first(self) -> str | None:
        """The identity of the first that ended; None if none of the watched did."""
        if self.queue is not None:
            self.order += [self.watched[handle] for handle, _ in self.queue.poll(0)]
        return self.order[0] if self.order else None

    def close(self) -> None:
        """Give the handles back."""
        for handle in self.watched:
            os.close(handle)
        if self.queue is not None:
            self.queue.close()
        self.watched, self.queue = {}, None
