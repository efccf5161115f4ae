"""Keeps the messages of converters, many pages on each operation, from the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Discard what is written to standard error meanwhile, by C++ code too."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        standard_error = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
