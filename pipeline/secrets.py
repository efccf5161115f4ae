"""Passwords and values of the environment: what must not be shown, and how a text is freed of it."""

import re

SHORTEST = 4  # characters; a shorter value stands in too many texts by chance
_known: dict[str, str] = {}  # value -> what is shown instead


def keep_secret(value: str, shown: str) -> None:
    """From now on, texts show `shown` instead of a value."""
    if len(value) >= SHORTEST:
        _known[value] = shown


def mask(text: str) -> str:
    """A text without passwords of addresses and without values that are kept secret.

    Example:
        >>> mask("tracking.uri=https://ann:secret@host:5000 seed=1")
        'tracking.uri=https://ann@host:5000 seed=1'
    """
    # The longest first, because one value may be a part of another.
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, _known[value])
    return re.sub(r"(://[^\s:/@'\"]*):[^\s/'\"]*@", r"\1@", text)
