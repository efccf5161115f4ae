"""Hydra's callback: runs when a sweep or one of its jobs starts and ends."""

import contextlib
import json
import shlex
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write

from pipeline import signals
from pipeline.config import PARENT_OVERRIDE, trusted
from pipeline.config.record_names import check_record_names
from pipeline.errors import ConfigError, printable
from pipeline.sweep.launchers import warm, workers
from pipeline.sweep.opening import make_watch, open_parent, study_name
from pipeline.sweep.plan import (
    beginning,
    check_folds,
    check_searched,
    check_varied,
    going_on,
    objectives,
    options,
    plan,
)
from pipeline.sweep.process import end_with, identity
from pipeline.terminal import show

if TYPE_CHECKING:
    from pipeline.sweep.parent import Parent
    from pipeline.sweep.trials import Trial
    from pipeline.sweep.watch import Watch

NOT_SENT = 3  # exit code: the sweep has ended, but its store does not know it
RECORDED = ("train",)  # commands whose jobs are runs in MLflow


class WorkersLostError(BaseException):
    """A sweep lost its workers and has trials left; run it again with `override` added to the command line.

    A BaseException, because Hydra turns an Exception of a callback into a warning.
    """

    def __init__(self, parent: str) -> None:
        super().__init__(parent)
        self.override = f"{PARENT_OVERRIDE}{parent}"


class SweepCallback(Callback):
    """Keeps the run of a sweep in MLflow; `pipeline.sweep.attempt` opens the runs of its trials.

    It is pickled and sent to the workers, without its parent and watch.
    """

    def __init__(self) -> None:
        self.parent: Parent | None = None
        self.watch: Watch | None = None
        self.since = 0
        self.joining: dict[str, Any] | None = None  # arguments of `log_ensemble`; None: no ensemble
        self.process = ""  # identity of the process that started joblib's workers
        self.held = contextlib.ExitStack()  # the lock of the sweep's run

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "parent": None, "watch": None, "held": None}

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuses a sweep preset without -m."""
        chosen = config.hydra.runtime.choices.get("sweep")
        if chosen:
            allowed = f"python -m pipeline.{config.hydra.job.name} -m sweep={chosen}"
            _refuse(ConfigError("sweep", "a sweep needs -m", found=f"sweep={chosen}", allowed=allowed))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Opens the sweep's run, or resumes an earlier one, and tells the jobs its id."""
        if config.hydra.job.name not in RECORDED:
            return
        with _ending_on_errors():
            try:
                self._start(config)
            except BaseException as error:
                self._abandon(error)
                raise

    def _start(self, config: DictConfig) -> None:
        check_record_names(_plain(config.tracking), _plain(config.sweep))
        check_folds(config)
        fixed, varies, planned = plan(config)
        check_varied(varies)
        check_searched(config, varies)
        warm(config.hydra.launcher)
        words = [word for word in sys.argv[1:] if not word.startswith(PARENT_OVERRIDE)]
        command = shlex.join(["python", "-m", f"pipeline.{config.hydra.job.name}", *words])
        parent = open_parent(config, command, fixed, varies)
        self._hold(parent)
        self.parent = parent
        if config.sweep.get("ensemble"):
            self.joining = {"register": config.tracking.register, "trusted_modules": trusted(words)}
        self.since = int(self.parent.tag("sweep.since"))
        if config.sweep.parent is None:
            with read_write(config.hydra):
                config.hydra.overrides.task.append(f"{PARENT_OVERRIDE}{self.parent.run_id}")
        if "joblib" in config.hydra.launcher["_target_"]:
            self.process = identity()
            # Without this, joblib puts trials that take no time in one batch with long ones.
            _set(config, "hydra.launcher.batch_size", "1")
        study = study_name(config, self.parent)
        nothing_left = self._resume_search(config, study)
        self.watch = make_watch(self.parent, config, planned, command, options(words), study)
        if nothing_left:
            # Hydra's sweeper fails without any trial to run.
            code, self.watch = self._close(None), None
            raise SystemExit(code)
        show(printable(beginning(config, self.parent.run_id, planned)), sys.stderr)
        signals.advise(going_on(config.sweep.name, self.parent.run_id, command))
        self.watch.start()

    def _hold(self, parent: "Parent") -> None:
        """Shows by a lock that this process runs the sweep, so that others close its run if it is killed."""
        from pipeline.tracking.running import only_process

        self.held.enter_context(only_process(parent.run_id, parent.uri))

    def _abandon(self, error: BaseException) -> None:
        """Closes the sweep's run if the sweep could not start; a run without trials is deleted."""
        watch_ended = isinstance(error, SystemExit) and self.watch is None
        if self.parent is not None and not watch_ended:
            if self.parent.attempts():
                self.parent.end(self.parent.run_id, error)
            else:
                self.parent.forget()
        self.parent = None
        self.held.close()

    def _resume_search(self, config: DictConfig, study: str) -> bool:
        """Lets a search run only the trials that are left; returns whether there are none."""
        from pipeline.sweep.study import is_search, left_to_do
        from pipeline.sweep.suggestions import keep_searching

        assert self.parent is not None
        if not is_search(config.hydra.sweeper):
            return False
        keep_searching(self.parent, config)
        settings = left_to_do(
            config.hydra.sweeper,
            name=study,
            metrics=objectives(config),
            trials=self.parent.trials(),
            since=self.since,
            workers=workers(config.hydra.launcher),
        )
        for name, value in settings.items():
            _set(config, f"hydra.sweeper.{name}", value)
        return bool(settings["n_trials"] == 0)

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Runs in the process of the job."""
        from pipeline.sweep import attempt

        # A job that Hydra starts in spite of an error would pass for the one before it.
        with _ending_on_errors():
            attempt.start(config)
        if self.process not in ("", identity()):
            end_with(self.process, attempt.is_running)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Marks jobs that failed before their run opened; runs in the process of the job."""
        from pipeline.sweep import attempt

        self._end_job(config, job_return)
        attempt.stop()

    def _end_job(self, config: DictConfig, job_return: JobReturn) -> None:
        if config.hydra.job.name not in RECORDED or config.sweep.parent is None:
            return
        if job_return.status == JobStatus.FAILED:
            from pipeline.sweep.attempt import end_failed

            # `return_value` would raise the error.
            end_failed(config, job_return._return_value)
        if self.watch is not None:
            self.watch.look()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Closes the runs of the trials and the sweep, draws the board, and prints what failed."""
        if self.parent is None or self.watch is None:
            return
        error = sys.exc_info()[1]  # the error that ends the sweep, if any
        with _ending_on_errors():
            try:
                code = self._end(error)
            except Exception as problem:
                code = self._leave(error, problem)
            finally:
                self.held.close()
        if code and not isinstance(error, KeyboardInterrupt | SystemExit):
            # Replaces the error of the first failed trial; all errors have been printed.
            raise SystemExit(code)

    def _end(self, error: BaseException | None) -> int:
        assert self.parent is not None
        assert self.watch is not None
        broken = isinstance(error, BrokenProcessPool)
        before = self._failures()
        self.watch.stop()
        self.parent.settle(self.watch.deaths if broken else None)
        self.watch.deaths.close()
        if broken and len(self._failures()) > len(before):
            raise WorkersLostError(self.parent.run_id)
        return self._close(error)

    def _leave(self, error: BaseException | None, problem: Exception) -> int:
        """Keeps the end of the sweep for later, if its store does not answer."""
        from pipeline.tracking.patience import is_away

        if not is_away(problem):
            raise problem
        assert self.parent is not None
        killed = isinstance(error, KeyboardInterrupt | SystemExit)
        # A trial that fails raises its error here.
        show(self.parent.leave("KILLED" if killed else "FAILED" if error else "FINISHED"), sys.stderr)
        return NOT_SENT

    def _failures(self) -> list["Trial"]:
        """The trials that failed under this command; earlier failures have been tried again or replaced."""
        assert self.parent is not None
        return [
            trial
            for trial in self.parent.trials()
            if trial.status == "FAILED" and trial.started >= self.since
        ]

    def _close(self, error: BaseException | None) -> int:
        assert self.parent is not None
        assert self.watch is not None
        trials, failures = self.parent.trials(), self._failures()
        if not trials and error is not None:
            self.parent.forget()
            return 0
        self.watch.tell(trials)
        if isinstance(error, KeyboardInterrupt | SystemExit):
            status = "KILLED"
        elif failures or error or not any(trial.status == "FINISHED" for trial in trials):
            status = "FAILED"
        else:
            status = "FINISHED"
        if isinstance(error, Exception) and not failures and not isinstance(error, BrokenProcessPool):
            # Not the error of a trial, which has been printed: that of the sweeper or its database.
            from pipeline.tracking import log_failure

            log_failure(self.parent.client, self.parent.run_id, error)
            show(f"the sweep ended: {type(error).__name__}: {error}", sys.stderr)
        found = [] if status == "KILLED" else self._join()
        try:
            self.watch.draw(running=False)
        except Exception as problem:
            show(f"the board could not be drawn: {type(problem).__name__}: {problem}", sys.stderr)
        self.parent.close(status)
        show("\n".join([*found, self.watch.ending(self.since)]), sys.stdout)
        return 0 if status == "FINISHED" else 1

    def _join(self) -> list[str]:
        """Logs what the trials of folds give together; returns sentences on it."""
        from pipeline.sweep.joining import join

        assert self.parent is not None
        assert self.watch is not None
        return join(self.parent, self.watch.objective[0], self.joining)


def _plain(node: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(node, resolve=True)  # type: ignore[return-value]


def _set(config: DictConfig, key: str, value: Any) -> None:
    """Sets a value of the node `hydra` in this process and, as an override, in the jobs."""
    with read_write(config.hydra):
        OmegaConf.update(config, key, value)
        config.hydra.overrides.hydra.append(f"{key}={json.dumps(value)}")


@contextlib.contextmanager
def _ending_on_errors() -> Iterator[None]:
    """Ends the command after an error, because Hydra turns errors of a callback into warnings."""
    try:
        yield
    except ConfigError as error:
        _refuse(error)
    except Exception as error:
        traceback.print_exc()
        raise SystemExit(1) from error


def _refuse(error: ConfigError) -> None:
    show(str(error), sys.stderr)
    raise SystemExit(2)
