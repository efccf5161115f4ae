"""`python -m pipeline.<verb> overrides…`: Hydra's command line, with messages and exit codes for people.

Exit codes: 0 done; 1 an error of the program, with its traceback; 2 something that the person can put right,
with one message; 130 interrupted (Ctrl-C); 143 terminated (SIGTERM).
"""

import atexit
import functools
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from pipeline import config
from pipeline.errors import ConfigError
from pipeline.sweep.callback import WorkersLostError

Task = Callable[[DictConfig], Any]
Check = Callable[[DictConfig], None]
FULL_ERROR = "HYDRA_FULL_ERROR"
KEY_NOTE = "full_key: "  # Hydra's note on an error that a call made from the config raised


def check_training(cfg: DictConfig) -> None:
    """The checks of a config that trains."""
    config.check(cfg, overrides=config.overrides(), folders=config.folders())


def verb(
    task: Task | None = None, *, config_name: str = "config", check: Check = check_training
) -> Callable[..., Any]:
    """Make a command of a task: compose the config from the command line, check it, run the task.

    Args:
        task: what the command does; without it, a decorator that takes one.
        config_name: the file of `conf/` that the command line changes.
        check: raises ConfigError for what is wrong in the composed config; it should be quick.

    The task gets a checked config; what it returns goes to the sweeper. It should import heavy modules in its
    body, because `--help` and messages about the config come before it runs. SIGTERM raises SystemExit in
    the main thread, so `finally:` blocks run. In a sweep each failing job is reported as it fails, the others
    go on where the launcher lets them, and the exit code is that of the first failure.

    Example:
        @verb
        def main(cfg):
            from pipeline.trainer import fit
            …

        if __name__ == "__main__":
            main()
    """
    if task is None:
        return functools.partial(verb, config_name=config_name, check=check)

    @functools.wraps(task)
    def command() -> None:
        _raise_on_sigterm()
        # Looking for cycles among TensorFlow's and MLflow's objects would take up to two seconds of every
        # exit, to free what is freed anyway.
        atexit.register(gc.freeze)
        try:
            _run_on(_checked(task, check), config_name)
        except KeyboardInterrupt:
            sys.stderr.write("interrupted\n")
            sys.exit(130)
        except Exception as error:
            message = fault(error)
            sys.stderr.write(message + "\n" if message else _traceback(error))
            sys.exit(2 if message else 1)

    return command


def _checked(task: Task, check: Check) -> Task:
    @functools.wraps(task)
    def job(cfg: DictConfig) -> Any:
        _raise_on_sigterm()  # a sweep's worker is a process of its own
        overrides = config.overrides()
        try:
            cfg = config.expand(cfg)
            check(cfg)
            return task(cfg)
        except Exception as error:
            message = fault(error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                sys.stderr.write(f"failed: {' '.join(overrides)}\n{message or repr(error)}\n")
                raise
            if message:
                # Not an Exception, so that Hydra adds nothing to the message.
                sys.stderr.write(message + "\n")
                raise SystemExit(2) from error
            raise

    return job


def _run_on(job: Task, config_name: str) -> None:
    """Run a command; a sweep that lost its workers goes on with the trials that are left."""
    typed = list(sys.argv)
    while True:
        try:
            return _run_hydra(job, config_name)
        except WorkersLostError as lost:
            sys.argv[:] = [*typed, lost.again]


def _run_hydra(job: Task, config_name: str) -> None:
    allowed = config.whitelist(config.trusted(sys.argv[1:]))
    main = hydra.main(config_path=str(config.CONF), config_name=config_name, execution_whitelist=allowed)
    before = os.environ.get(FULL_ERROR)
    # Hydra then raises what it would print and turn into exit code 1.
    os.environ[FULL_ERROR] = "1"
    try:
        main(job)()
    finally:
        os.environ.pop(FULL_ERROR)
        if before is not None:
            os.environ[FULL_ERROR] = before


def fault(error: Exception) -> str | None:
    """The message of an error that the person can put right; None for any other."""
    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return str(ConfigError(group, "there is no such option", found=option, allowed=error.options))
    if isinstance(error, InterpolationResolutionError):
        return f"{error.full_key}: {error.msg}"
    if isinstance(error, HydraException) and isinstance(error.__cause__, OmegaConfBaseException):
        return f"{error}\n{error.__cause__}"
    if isinstance(error, ConfigError | HydraException | YAMLError):
        return str(error)
    for note in getattr(error, "__notes__", []):
        if note.startswith(KEY_NOTE):
            key = note.removeprefix(KEY_NOTE)
            return f"{key}: cannot be made from these arguments\n{type(error).__name__}: {error}"
    return None


def _traceback(error: Exception) -> str:
    """The traceback from the task on, or all of it where HYDRA_FULL_ERROR=1 asks for it."""
    start = step = error.__traceback__
    while step is not None:
        if (
            step.tb_frame.f_code.co_filename == __file__
            and step.tb_next
            and os.environ.get(FULL_ERROR) != "1"
        ):
            start = step.tb_next
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, start))


def _raise_on_sigterm() -> None:
    in_main_thread = threading.current_thread() is threading.main_thread()
    # A launcher that handles the signal itself, as on a cluster, keeps its handler.
    if in_main_thread and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminated)


def _terminated(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
