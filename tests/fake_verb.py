"""A verb for the tests of `pipeline.command`; `FAKE` in the environment says what it does."""

import os
import signal
import sys
import time
from pathlib import Path

from pipeline.command import verb
from pipeline.errors import ConfigError


@verb
def main(cfg):
    todo = os.environ.get("FAKE", "")
    if todo == "data" and cfg.seed == 1:
        raise ConfigError("data.sources.kanji", "no such column", found="imag", allowed=["image"])
    if todo.startswith("OSError "):
        number = int(todo.split()[1])
        raise OSError(number, os.strerror(number), "a/b")
    if todo == "bug":
        raise ZeroDivisionError("a bug")
    if todo == "wait":
        try:
            print("waiting", flush=True)
            time.sleep(60)
        finally:
            Path("marked").touch()
    if todo == "interrupted import":
        signal.raise_signal(signal.SIGTERM)
        raise ImportError("numpy failed to import")
    if todo == "build":
        from hydra.utils import instantiate

        instantiate(cfg.optimizer)
    print("ran", cfg.seed, flush=True)
    return float(cfg.seed)


if __name__ == "__main__":
    try:
        main()
    finally:
        if "FAKE" in os.environ:  # a test runs it, in an empty folder
            heavy = {"tensorflow", "mlflow", "keras", "pandas", "numpy"} & set(sys.modules)
            Path("imported").write_text(" ".join(sorted(heavy)))
