"""Lines that tell how a command is getting on: on standard error, and in the log file of the run."""

import logging
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from pipeline.errors import printable
from pipeline.terminal import show

DELAY = 1.0  # seconds after which a phase is announced; shorter ones are over before anybody wonders
SILENCE = 2.5  # seconds without a line after which a phase is announced again; longer in long phases
SHARE = 0.1  # of the time that a phase has taken: the silence that it may keep if that is longer
SMALL = 0.05  # share of the whole time below which a phase is not worth mentioning

logger = logging.getLogger("pipeline.notices")


class _Told:
    """When something was last told, and what is going on, for all threads of this process."""

    at = 0.0
    phases: ClassVar[list[object]] = []  # begun and not ended; only the last one is announced again


def notice(line: str) -> None:
    """Shows a line and writes it to the log file; trials of a sweep only write it."""
    line = printable(line)
    logger.info(line)
    told()
    if not in_sweep():
        show(line, sys.stderr)


def told() -> None:
    """Notes that something is to be seen now, such as a bar that moves."""
    _Told.at = time.monotonic()


def is_silent(since: float) -> bool:
    """Whether nothing has been told for a while.

    Args:
        since: when the phase or the epoch began, by `time.monotonic`.
    """
    now = time.monotonic()
    return now - max(_Told.at, since) > max(SILENCE, SHARE * (now - since))


@contextmanager
def announced(name: str, *, at_once: bool = False, more: str = "") -> Iterator[None]:
    """Tell what goes on during a `with` block if it takes longer than `DELAY`, and again if it takes long.

    Blocks may stand inside one another; then the innermost is told again.

    Args:
        at_once: tell it at the begin.
        more: what to add then.
    """
    ended, began = threading.Event(), time.monotonic()

    def tell_it() -> None:
        if not at_once:
            if ended.wait(DELAY):
                return
            notice(f"{name} …")
        while not in_sweep() and not ended.wait(SILENCE / 10):
            if _Told.phases[-1:] == [ended] and is_silent(began):
                notice(f"still {name}, {duration(time.monotonic() - began)} …")

    if at_once:
        notice(f"{name}{more and f': {more}'} …")
    thread = threading.Thread(target=tell_it, name="notices", daemon=True)
    _Told.phases.append(ended)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        _Told.phases.remove(ended)


def tell(text: str) -> None:
    """Writes a result to standard output and to the log file; trials of a sweep only write to their log."""
    text = printable(text)
    logger.info(text)
    if not in_sweep():
        show(text, sys.stdout)


def in_sweep() -> bool:
    """Whether this process runs a trial of a sweep, whose lines would mix with those of other trials."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


class Clock:
    """Tells which phase a run is in, and measures the seconds of each.

    Example:
        clock = Clock()
        with clock.phase("loading the data"):
            …
        print(clock.sentence())
    """

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(
        self, name: str, *, at_once: bool = False, silent: bool = False, more: str = ""
    ) -> Iterator[None]:
        """Measures a `with` block, and announces it if it takes longer than `DELAY`.

        Args:
            name: what is going on: "loading the data".
            at_once: announce it at its begin.
            silent: do not announce it.
            more: what to add if it is announced at its begin.
        """
        started = time.perf_counter()
        try:
            with nullcontext() if silent and not at_once else announced(name, at_once=at_once, more=more):
                yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def total(self) -> float:
        """The seconds since the clock was made."""
        return time.perf_counter() - self.started

    def sentence(self) -> str:
        """The total, and the phases that took a twentieth of it or more: "took 63 s: training 41 s, …"."""
        least = SMALL * self.total()
        phases = [f"{name} {duration(value)}" for name, value in self.seconds.items() if value >= least]
        return f"took {duration(self.total())}" + (f": {', '.join(phases)}" if phases else "")


def duration(seconds: float) -> str:
    """A duration in words: 0.4 s, 12 s, 2 min 5 s, 1 h 3 min.

    Example:
        >>> duration(125.2)
        '2 min 5 s'
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(whole / 60)
    return f"{minutes // 60} h {minutes % 60} min"
