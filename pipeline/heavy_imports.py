"""TensorFlow imported without its notes on the machine, which no log level silences."""

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# New objects before the next search for cycles: MLflow makes some 65 a metric, so 700, Python's own number,
# meant a search for every tenth metric.
OBJECTS = 20_000
# Each run of a process traces its graphs anew, for each shape of its splits: as it should.
RETRACED = "triggered tf.function retracing"
NOISE = ("WARNING: All log messages before absl::InitializeLog()", "I0000 ", "W0000 ")


@contextmanager
def importing() -> Iterator[None]:
    """Import TensorFlow, then what needs it in the block.

    What is imported stays, so looking for cycles among its million objects is a waste: a seventh of the
    imports' time, and half a second whenever Keras clears its session. Afterwards it is done less often.
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


def _import_tensorflow() -> None:
    """Import TensorFlow; what it writes meanwhile is shown only where it is more than a note.

    C++ writes the notes to the file descriptor before any log level counts, so that is what is caught.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            lines = caught.read().decode(errors="replace").splitlines(keepends=True)
            sys.stderr.writelines(line for line in lines if not line.startswith(NOISE))
    logging.getLogger("tensorflow").addFilter(lambda record: RETRACED not in record.getMessage())
