"""Ends the program after Ctrl-C, SIGTERM or SIGHUP; a signal is never lost.

An exception that a signal handler raises can get lost: Python drops it in `__del__` and in callbacks,
libraries catch it or raise another one, and a lock that was just taken stays locked. So the handler only
notes the signal, and `check`, which the training calls about once a second, raises `Interrupted`. Where
nothing calls it within a second, an alarm raises it, again and again until it is no longer swallowed.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

DEFAULTS = (signal.SIG_DFL, signal.default_int_handler)
SECONDS_TO_CHECK = 1.0  # from a signal, or an exception that got lost, until the alarm raises one
SECONDS_OF_ONE_REQUEST = 2.0  # `timeout` and some clusters send a signal twice
SECONDS_TO_CLOSE = 60.0  # from a signal until the process is ended, for example because a store hangs


class Interrupted(KeyboardInterrupt):
    """The program was told to end by the signal `number`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass
class _State:
    """The signal that this process received, and when; whether it is held back; how to go on after it."""

    number: int | None = None
    since: float = 0.0
    held: bool = False
    advice: str = ""


_state = _State()


def listen() -> None:
    """Handle SIGINT, SIGTERM and SIGHUP from now on.

    A handler that is there already stays, as on a cluster whose launcher needs the signal itself; so does an
    ignored signal, as under `nohup`.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in DEFAULTS:
            signal.signal(number, _note)


def forget() -> None:
    """Forget the received signal, after the program has reacted to it."""
    if threading.current_thread() is threading.main_thread() and _state.number is not None:
        signal.setitimer(signal.ITIMER_REAL, 0)
    _state.number, _state.advice = None, ""


def advise(text: str) -> None:
    """Set what an interrupted command prints at its end: how to go on."""
    _state.advice = text


def advice() -> str:
    """Return what `advise` set last."""
    return _state.advice


def received() -> int | None:
    """Return the number of the received signal; None if there was none."""
    return _state.number


def check() -> None:
    """Raise `Interrupted` if a signal was received, unless it is held back."""
    if _state.number is not None and not _state.held:
        raise Interrupted(_state.number)


@contextmanager
def held() -> Iterator[None]:
    """Hold a signal back until the end of the block, which must not be interrupted."""
    with _holding(True):
        yield
    check()


@contextmanager
def let_through() -> Iterator[None]:
    """Within `held`, let signals through in this block."""
    with _holding(False):
        check()
        yield


@contextmanager
def _holding(now: bool) -> Iterator[None]:
    before, _state.held = _state.held, now
    try:
        yield
    finally:
        _state.held = before


def _note(number: int, frame: FrameType | None) -> None:
    if _state.number is None:
        _state.number, _state.since = number, time.monotonic()
        signal.signal(signal.SIGALRM, _remind)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_CHECK, SECONDS_TO_CHECK)
    elif time.monotonic() - _state.since > SECONDS_OF_ONE_REQUEST:
        _end_at_once("ended at once, as a second signal asked for")


def _remind(number: int, frame: FrameType | None) -> None:
    if _state.number is None:
        return
    if time.monotonic() - _state.since > SECONDS_TO_CLOSE:
        _end_at_once(f"ended, as closing took more than {SECONDS_TO_CLOSE:.0f} s")
    if not _is_on_its_way(sys.exception()):
        check()


def _is_on_its_way(error: Any) -> bool:
    """Whether `finally:` blocks and the like are now running because of an `Interrupted`."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error is not None


def _end_at_once(reason: str) -> None:
    assert _state.number is not None
    text = f"{reason}; a run that was open may still be shown as RUNNING\n"
    try:
        os.write(2, text.encode())
    finally:
        os._exit(128 + _state.number)
