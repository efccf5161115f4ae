"""A signal ends the program at the next check, or a second later wherever it is, and is never lost."""

import contextlib
import signal
import subprocess
import sys
import time
import weakref

import pytest

from pipeline import signals
from pipeline.signals import Interrupted
from tests import processes

NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Listen, with alarms after a tenth of a second; afterwards everything is as before."""
    before = {number: signal.getsignal(number) for number in [*NUMBERS, signal.SIGALRM]}
    monkeypatch.setattr(signals, "SECONDS_TO_CHECK", 0.1)
    signals.listen()
    yield
    signals.forget()
    for number, handler in before.items():
        signal.signal(number, handler)


def wait(seconds: float = 5.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)


@contextlib.contextmanager
def interrupted():
    """Expects that the block is interrupted, and forgets the signal before an alarm can end pytest itself."""
    with pytest.raises(Interrupted) as raised:  # noqa: PT012
        try:
            yield raised
        finally:
            signals.forget()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_is_raised_by_the_next_check_and_not_before(number, monkeypatch):
    monkeypatch.setattr(signals, "SECONDS_TO_CHECK", 600.0)
    with interrupted() as raised:
        signal.raise_signal(number)
        assert signals.received() == number
        signals.check()
    assert raised.value.number == number


def test_without_a_signal_a_check_does_nothing():
    signals.check()
    with signals.held():
        signals.check()
    assert signals.received() is None


@pytest.mark.parametrize("number", NUMBERS)
def test_without_a_check_it_is_raised_wherever_the_program_is(number):
    with interrupted() as raised:
        signal.raise_signal(number)
        wait()
    assert raised.value.number == number


class Swallows:
    """Python drops what is raised in here."""

    def __del__(self):
        wait(0.2)


def swallow_by_catching():
    with contextlib.suppress(BaseException):
        wait(0.2)


def swallow_by_deletion():
    Swallows()


def swallow_by_a_callback():
    thing = Swallows.__new__(type("Thing", (), {}))
    keep = weakref.ref(thing, lambda ref: wait(0.2))
    del thing
    assert keep() is None


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("swallow", [swallow_by_catching, swallow_by_deletion, swallow_by_a_callback])
def test_an_exception_that_got_lost_is_raised_again(swallow):
    swallowed = []
    with interrupted():
        with contextlib.suppress(
            BaseException
        ):  # on a busy machine it may be raised before or after the call
            signal.raise_signal(signal.SIGTERM)
            swallow()
        swallowed.append(signals.received())
        wait()
    assert swallowed == [signal.SIGTERM]


def test_closing_is_not_interrupted_by_another_alarm():
    closed = []
    with interrupted():
        try:
            signal.raise_signal(signal.SIGTERM)
            wait()
        finally:
            wait(0.3)
            try:
                raise ValueError("another error while closing")
            except ValueError:
                wait(0.3)
            closed.append(True)
    assert closed


def test_a_signal_is_held_back_until_the_end_of_a_block():
    done = []
    with interrupted(), signals.held():
        signal.raise_signal(signal.SIGTERM)
        wait(0.3)
        signals.check()
        done.append(True)
    assert done


def test_within_a_block_that_holds_back_another_lets_through():
    entered = []
    with interrupted(), signals.held():
        signal.raise_signal(signal.SIGTERM)
        with signals.let_through():
            entered.append(True)
    assert not entered, "the signal waited at the beginning"


def test_a_forgotten_signal_is_not_raised():
    with signals.held():
        signal.raise_signal(signal.SIGTERM)
        signals.advise("resume it")
        signals.forget()
    wait(0.3)
    assert (signals.received(), signals.advice()) == (None, "")


@pytest.mark.parametrize("mine", [signal.SIG_IGN, lambda number, frame: None])
def test_a_handler_that_is_there_already_stays(mine):
    signal.signal(signal.SIGTERM, mine)
    signals.listen()
    assert signal.getsignal(signal.SIGTERM) is mine


LINES = """
import signal, sys, time
from pipeline import signals
signals.SECONDS_TO_CHECK = 0.1
signals.SECONDS_TO_CLOSE, signals.SECONDS_OF_ONE_REQUEST = map(float, sys.argv[1:])
signals.listen()
try:
    print("waiting", flush=True)
    time.sleep(60)
finally:
    print("closing", flush=True)
    time.sleep(60)
"""


def closing(*words: str) -> subprocess.Popen[str]:
    """A process that hangs while it closes after SIGTERM."""
    process = processes.start([sys.executable, "-c", LINES, *words])
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # the same request: `timeout` sends it twice
    assert process.stdout.readline() == "closing\n"
    return process


def test_a_process_that_hangs_while_closing_is_ended():
    process = closing("0.5", "60")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "ended, as closing took more than" in err


def test_a_later_second_signal_ends_the_process_at_once():
    process = closing("60", "0.3")
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "ended at once" in err
    assert "RUNNING" in err
