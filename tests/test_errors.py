"""The message of a ConfigError."""

import errno
import pickle

import numpy as np

from pipeline.errors import ConfigError, disk_is_full, printable


def test_the_nearest_name_is_suggested() -> None:
    error = ConfigError(
        "loss_weights.clas", "there is no such head", found="clas", allowed=["class", "score"]
    )
    assert str(error).splitlines() == [
        "loss_weights.clas: there is no such head",
        "  found:   clas",
        "  allowed: class, score",
        "  nearest: class",
    ]


def test_numpy_numbers_are_shown_like_plain_ones() -> None:
    assert "found:   3\n" in f"{ConfigError('k', 'p', found=np.int8(3))}\n"
    assert "found:   0.5\n" in f"{ConfigError('k', 'p', found=np.float32(0.5))}\n"


def test_an_error_can_be_pickled() -> None:
    error = ConfigError("k", "p", found="a", allowed=["b"])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.key, again.found) == (str(error), "k", "a")


def test_control_characters_are_not_sent_to_the_terminal() -> None:
    assert printable("\x1b[2J\x07\x9b1m\u202ea\tb\nc") == "\\x1b[2J\\x07\\x9b1m\\u202ea\tb\nc"
    assert printable("é 漢字 👩\u200d👩 עברית") == "é 漢字 👩\u200d👩 עברית"
    shown = str(ConfigError("k\x1b]0;k\x07", "p\r", found="\x1b[31mred", allowed=["\x9bx"]))
    assert not any(sign in shown for sign in "\x1b\x07\r\x9b")


def test_a_full_disk_is_found_behind_the_errors_of_libraries():
    def wrapped(cause, context):
        error = RuntimeError("the run could not be logged")
        error.__cause__, error.__context__ = cause, context
        return error

    full = OSError(errno.ENOSPC, "No space left on device", "a.npz")
    assert disk_is_full(full)
    assert disk_is_full(wrapped(full, None))
    assert disk_is_full(wrapped(None, OSError("(sqlite3.OperationalError) database or disk is full")))
    assert not disk_is_full(wrapped(FileNotFoundError(errno.ENOENT, "No such file"), None))
