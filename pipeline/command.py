"""`python -m pipeline.<verb> overrides…`: Hydra's command line, with readable messages and exit codes.

Exit codes: 0 success; 1 an internal error, with a traceback; 2 a mistake of the user, with one message;
3 done in part: `predict` could not read some rows, `train` could not reach the store at its end;
128 + n ended by signal n: 130 Ctrl-C, 143 SIGTERM, 129 SIGHUP.
"""

import atexit
import errno
import functools
import gc
import io
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from pipeline import config, signals
from pipeline.config.private import clean_hydra_files, hide_passwords
from pipeline.config.quoting import advice, quote_texts, several_values
from pipeline.errors import ConfigError, disk_is_full, printable
from pipeline.paths import FOLDER, use_folder
from pipeline.signals import Interrupted
from pipeline.sweep.callback import WorkersLostError
from pipeline.terminal import fitted, show

Task = Callable[[DictConfig], Any]
Check = Callable[[DictConfig], None]
FULL_ERROR = "HYDRA_FULL_ERROR"
# Names of files, runs and options; a folder of configs may well hold data/2024.yaml.
TEXTS_OF_TRAINING = (
    "data",
    "resume",
    "sweep.name",
    "tracking.uri",
    "tracking.run_name",
    "tracking.experiment",
    "tracking.register",
    "tracking.folder",
)
SEVERAL = re.compile(r"Ambiguous value for argument '(.*)'$", re.MULTILINE)
TOO_MANY_FILES = (errno.EMFILE, errno.ENFILE)
NOT_USABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
NO_OPTION = "Config group override must be"  # begins Hydra's error for data=null
KEY_NOTE = "full_key: "  # begins the note that Hydra adds to the errors of a `_target_`


class PrintableRecord(logging.LogRecord):
    """A record whose message may contain names and cells of files."""

    def getMessage(self) -> str:  # noqa: N802 - logging's name
        return printable(super().getMessage())


logging.setLogRecordFactory(PrintableRecord)


def check_training(cfg: DictConfig) -> None:
    """Checks a config for training."""
    config.check(cfg, overrides=config.overrides(), folders=config.folders())


def verb(
    task: Task | None = None,
    *,
    config_name: str = "config",
    check: Check = check_training,
    texts: Sequence[str] = TEXTS_OF_TRAINING,
) -> Callable[..., Any]:
    """Turns a task into a command that composes a config from its command line, checks it and runs the task.

    Args:
        task: takes the checked config; its return value goes to the sweeper. None: returns a decorator. The
            task should import heavy modules in its body, so that `--help` and messages are quick.
        config_name: the file in `conf/` to compose.
        check: raises ConfigError for a wrong config; should be quick.
        texts: keys whose values are texts, whatever they look like: `run=8188` names a run.

    A signal raises `Interrupted` in the main thread, see `pipeline.signals`. A sweep reports each job that
    fails and goes on with the others if the launcher can; its exit code is that of the first failure.

    Example:
        @verb
        def main(cfg):
            from pipeline.training.fit import fit
            …

        if __name__ == "__main__":
            main()
    """
    if task is None:
        return functools.partial(verb, config_name=config_name, check=check, texts=texts)

    @functools.wraps(task)
    def command() -> None:
        signals.listen()
        _print_any_sign()
        # Without this, Python collects the garbage of TensorFlow and MLflow at exit, for up to two seconds.
        atexit.register(gc.freeze)
        sys.argv[1:] = hide_passwords(quote_texts(sys.argv[1:], texts))
        try:
            _run_on(_checked(task, check), config_name)
        except BaseException as error:
            sys.exit(_report(error))
        finally:
            signals.forget()

    return command


def _print_any_sign() -> None:
    """Prints signs that the terminal's encoding lacks, as in the locale C, as codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(error: BaseException) -> int:
    """Prints what ended the command and returns its exit code; raises what is for Python itself."""
    # First the signal: a library that is interrupted may raise an error of its own.
    if number := signals.received() or (signal.SIGINT if isinstance(error, KeyboardInterrupt) else None):
        _write(f"interrupted ({signal.Signals(number).name})\n{signals.advice()}")
        return 128 + number
    if not isinstance(error, Exception):
        raise error
    message = message_for(error)
    _write(message + "\n" if message else _traceback(error))
    return 2 if message else 1


def _write(text: str) -> None:
    try:
        sys.stderr.write(fitted(printable(text), sys.stderr))
        sys.stderr.flush()
        sys.stdout.flush()
    except OSError:
        # After SIGHUP there is no terminal left, and Python's own writing at exit would fail too.
        sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def _checked(task: Task, check: Check) -> Task:
    @functools.wraps(task)
    def job(cfg: DictConfig) -> Any:
        signals.listen()  # again, because a job of a sweep may run in another process
        overrides = config.overrides()
        try:
            clean_hydra_files()
            use_folder(OmegaConf.select(cfg, "tracking.folder") or FOLDER)
            cfg = config.expand(cfg)
            check(cfg)
            result = task(cfg)
            signals.check()
            return result
        except Exception as error:
            if number := signals.received():
                raise Interrupted(number) from error
            message = message_for(error)
            if HydraConfig.get().mode == RunMode.MULTIRUN:
                show(printable(f"failed: {' '.join(overrides)}\n{message or repr(error)}"), sys.stderr)
                raise
            if message:
                # SystemExit, because Hydra adds lines to the message of an Exception.
                sys.stderr.write(fitted(printable(message + "\n"), sys.stderr))
                raise SystemExit(2) from error
            raise

    return job


def _run_on(job: Task, config_name: str) -> None:
    """Runs a command; if a sweep loses its workers, runs it again for the remaining trials."""
    typed = list(sys.argv)
    while True:
        try:
            return _run_hydra(job, config_name)
        except WorkersLostError as lost:
            sys.argv[:] = [*typed, lost.override]


def _run_hydra(job: Task, config_name: str) -> None:
    allowed = config.whitelist(config.trusted(sys.argv[1:]))
    main = hydra.main(config_path=str(config.CONF), config_name=config_name, execution_whitelist=allowed)
    before = os.environ.get(FULL_ERROR)
    # Makes Hydra raise errors, which it would otherwise print and turn into exit code 1.
    os.environ[FULL_ERROR] = "1"
    try:
        main(job)()
    finally:
        os.environ.pop(FULL_ERROR)
        if before is not None:
            os.environ[FULL_ERROR] = before


def message_for(error: Exception) -> str | None:
    """The message for an error that is a mistake of the user; None for any other error."""
    if isinstance(error, MissingConfigException) and error.options and error.missing_cfg_file:
        group, _, option = error.missing_cfg_file.rpartition("/")
        return str(ConfigError(group, "there is no such option", found=option, allowed=error.options))
    if isinstance(error, OverrideParseException):
        key, equals, _ = error.override.partition("=")
        quotes = "signs such as ( ) : , = and blanks need quotes"
        problem = f"Hydra cannot read this word: {quotes}" if equals else "a value is missing"
        return str(ConfigError(key, problem, found=error.override, allowed=advice(error.override)))
    if isinstance(error, HydraException) and (match := SEVERAL.match(str(error))):
        key = match[1].partition("=")[0]
        allowed = several_values(match[1], group=(config.CONF / key).is_dir())
        return str(
            ConfigError(key, "several values, which only a sweep takes", found=match[1], allowed=allowed)
        )
    if isinstance(error, ValueError) and str(error).startswith(NO_OPTION):
        return f"{error}: the name of an option is due, as in data=penguins"
    if isinstance(error, InterpolationResolutionError | MissingMandatoryValue):
        return f"{error.full_key}: {error.msg}"
    if isinstance(error, HydraException) and isinstance(error.__cause__, OmegaConfBaseException):
        return f"{error}\n{error.__cause__}{_found_elsewhere(error.__cause__)}"
    # By its name, because importing its class takes seconds.
    if (
        isinstance(error, ConfigError | HydraException | YAMLError)
        or type(error).__name__ == "NotFiniteError"
    ):
        return str(error)
    if _is_too_deep(error):
        return "the config: mappings or lists are nested too deeply, hundreds of levels"
    if disk_is_full(error):
        told = f"nothing more can be written: the disk is full ({type(error).__name__}: {error})"
        return "\n".join([told.splitlines()[0][:300], *filter(None, [signals.advice()])])
    if isinstance(error, OSError):
        return _message_of_place(error)
    for note in getattr(error, "__notes__", []):
        if note.startswith(KEY_NOTE):
            key = note.removeprefix(KEY_NOTE)
            return f"{key}: this part does not accept its arguments\n{type(error).__name__}: {error}"
    return None


def _message_of_place(error: OSError) -> str | None:
    """The message for a file or folder that the machine does not let the program use; None for others."""
    if error.__traceback__ is not None and not _in_task(error):
        problem = "Hydra's folder cannot be made; it is in tracking.folder unless hydra.run.dir is set"
        return str(ConfigError("tracking.folder", problem, found=error, allowed="a folder to write to"))
    place = error.filename or "a file"
    if error.errno in TOO_MANY_FILES:
        return f"{place}: too many files are open; raise the limit, as with `ulimit -n 4096`, and start again"
    if error.errno in NOT_USABLE:
        return f"{place}: this file or folder cannot be used ({error.strerror})"
    return None


def _in_task(error: BaseException) -> bool:
    """Whether an error comes from a task, and not from what Hydra does before."""
    steps = traceback.walk_tb(error.__traceback__)
    return any((code := frame.f_code).co_filename == __file__ and code.co_name == "job" for frame, _ in steps)


def _is_too_deep(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, is that mappings or lists of a file have hundreds of levels."""
    while error is not None:
        if isinstance(error, RecursionError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _found_elsewhere(error: OmegaConfBaseException) -> str:
    """A line with the keys that have the last name of an unknown key, such as `seed` for `trainer.seed`."""
    if "Did you mean" in str(error) or not isinstance(error.parent_node, Container):
        return ""
    config: Any = OmegaConf.to_container(error.parent_node._get_root(), resolve=False)
    config.pop("hydra", None)
    found = [key for key in _dotted(config) if key.rpartition(".")[2] == str(error.key)]
    return f"\nnearest: {', '.join(found)}" if found else ""


def _dotted(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """All keys of a config, each with those above it."""
    for name, value in node.items():
        yield f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{name}.")


def _traceback(error: Exception) -> str:
    """The traceback from the task on; the whole one if HYDRA_FULL_ERROR is 1."""
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
