"""The error for mistakes that users can correct: in a config, a file or a row."""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches

from pipeline.secrets import mask

# Control characters but tab and line feed, what changes the direction of text, and further ends of lines.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

LONGEST = 2000  # characters of a wrong value in a message
WORD = 60  # characters of each word in a list


def printable(text: str) -> str:
    r"""A text for the terminal: what could move its cursor or write its keyboard's input is shown as a code.

    Passwords and values of the environment are replaced, see `pipeline.secrets`.

    Example:
        >>> printable("\x1b[2Jred")
        '\\x1b[2Jred'
    """
    return coded(mask(text))


def coded(text: str) -> str:
    """A text with codes for what could change how the rest of it looks."""
    return UNPRINTABLE.sub(lambda sign: sign[0].encode("unicode_escape").decode(), text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The beginning of a long text: a cell may have megabytes."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"


class ConfigError(ValueError):
    """A config or its data is wrong. The command prints only this message and ends with exit code 2.

    Args:
        key: the config key, file or `file:row` with the mistake.
        problem: what is wrong, in one sentence.
        found: the wrong value.
        allowed: a description of the allowed values, or all allowed names, of which the message suggests the
            one nearest to `found`.
    """

    def __init__(
        self, key: str, problem: str, *, found: object = None, allowed: Iterable[object] | str | None = None
    ) -> None:
        # Otherwise NumPy numbers would be shown as np.int8(0).
        if hasattr(found, "ndim") and hasattr(found, "item") and found.ndim == 0:
            found = found.item()
        self.key, self.problem, self.found = key, problem, found
        lines = [f"{key}: {problem}"]
        if found is not None:
            lines.append(f"  found:   {shortened(str(found))}")
        if isinstance(allowed, str):
            lines.append(f"  allowed: {allowed}")
        elif allowed is not None:
            names = [str(name) for name in allowed]
            lines.append(f"  allowed: {', '.join(names) or '(nothing)'}")
            lines += [f"  nearest: {name}" for name in get_close_matches(str(found), names, n=1, cutoff=0.4)]
        super().__init__(printable("\n".join(lines)))

    def __reduce__(self) -> tuple[object, ...]:
        # Workers of a sweep send errors to the main process; `allowed` is already part of the message.
        return _restore, (self.key, self.problem, self.found, str(self))


def _restore(key: str, problem: str, found: object, message: str) -> ConfigError:
    error = ConfigError(key, problem)
    error.found, error.args = found, (message,)
    return error


NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_SPACE_WORDS = ("No space left on device", "disk is full", "Disk quota exceeded", "File too large")


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is that nothing more can be written.

    Libraries wrap such errors in their own: SQLAlchemy, MLflow, shutil.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            return True
        if any(words in str(error) for words in NO_SPACE_WORDS):
            return True
        error = error.__cause__ or error.__context__
    return False
