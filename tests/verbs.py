"""Commands of the program in the test's own process, where TensorFlow is imported already."""

import contextlib
import gc
import importlib
import io
import logging
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock


def call(verb: str, *words: object, where: Path) -> CompletedProcess[str]:
    """`python -m pipeline.<verb> words…` in the folder `where`, without a process of its own.

    Args:
        verb: a module of `pipeline`, or the full name of another module with a verb as its `main`.
    """
    module = verb if "." in verb else f"pipeline.{verb}"
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        _as_before(),
        contextlib.chdir(where),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        sys.argv = [module, *map(str, words)]
        try:
            importlib.import_module(module).main()
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else int(error.code is not None)
    return CompletedProcess([module, *words], code, out.getvalue(), err.getvalue())


def without_report() -> contextlib.AbstractContextManager[object]:
    """Training writes no report: its figures take half of a short run's time."""
    return mock.patch("pipeline.report.write")


def without_collection() -> contextlib.AbstractContextManager[object]:
    """Keras clears its session without the search for cycles that takes a second among all tests' objects."""
    return mock.patch("gc.collect")


@contextlib.contextmanager
def _as_before() -> Iterator[None]:
    """Put back what a command sets for its whole process."""
    argv, variables, threshold = sys.argv, dict(os.environ), gc.get_threshold()
    signals = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
    before = {number: signal.getsignal(number) for number in signals}
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    try:
        # Hydra sets up logging anew, which would close the streams of pytest's and absl's handlers too.
        logging_ = mock.patch("logging.config._clearExistingHandlers", partial(_close_handlers, but=handlers))
        with logging_, without_collection():
            yield
    finally:
        sys.argv = argv
        os.environ.clear()
        os.environ.update(variables)
        gc.set_threshold(*threshold)
        for number, handler in before.items():
            signal.signal(number, handler)
        _close_handlers(but=handlers)
        root.handlers[:] = handlers
        root.setLevel(level)


def _close_handlers(*, but: list[logging.Handler]) -> None:
    for handler in {*logging.getLogger().handlers} - {*but}:
        handler.close()
