"""Imports TensorFlow without the messages about the machine that no log level silences."""

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# Number of new objects that triggers a garbage collection. MLflow creates about 65 per metric, so Python's
# default of 700 means a collection for every tenth metric.
OBJECTS = 20_000
# Each run in a process has to trace its graphs for the shapes of its splits, so this warning is expected.
RETRACED = "triggered tf.function retracing"
NOISE = ("WARNING: All log messages before absl::InitializeLog()", "I0000 ", "W0000 ")


@contextmanager
def importing() -> Iterator[None]:
    """Import TensorFlow, then run the block's imports; both without garbage collection.

    Afterwards collection runs less often and skips the imported million objects. This saves a seventh of the
    import time, and half a second whenever Keras clears its session.
    """
    if "tensorflow" in sys.modules:
        yield
        return
    gc.disable()
    try:
        _import_tensorflow()
        yield
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(OBJECTS)


@contextmanager
def _python_writes_to(descriptor: int) -> Iterator[None]:
    """Let lines of this program through to standard error while the descriptor 2 is redirected."""
    before = sys.stderr
    try:
        is_standard = before.fileno() == 2
    except (AttributeError, OSError):
        is_standard = False  # a notebook or a test has replaced it
    if not is_standard:
        yield
        return
    with open(
        descriptor, "w", buffering=1, encoding=before.encoding, errors=before.errors, closefd=False
    ) as stream:
        sys.stderr = stream
        try:
            yield
        finally:
            sys.stderr = before


def _import_tensorflow() -> None:
    """Import TensorFlow and show only those of its messages that are not about the machine.

    C++ code writes them to the file descriptor before any log level applies, so the descriptor is redirected.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        standard_error = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            with _python_writes_to(standard_error):
                import tensorflow  # noqa: F401
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            messages.seek(0)
            lines = messages.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not line.startswith(NOISE))
    logging.getLogger("tensorflow").addFilter(lambda record: RETRACED not in record.getMessage())
