"""What Hydra tells a sweep: it has begun, one of its jobs has ended, all have."""

import contextlib
import json
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, read_write

from pipeline.config import PARENT_OVERRIDE
from pipeline.errors import ConfigError
from pipeline.sweep.launchers import warm, workers
from pipeline.sweep.process import identity, leave_with

if TYPE_CHECKING:
    from pipeline.sweep.parent import Parent
    from pipeline.sweep.watch import Watch

RECORDED = ("train",)  # the verbs whose jobs are runs in MLflow


class WorkersLostError(BaseException):
    """A sweep lost its workers and has trials left; run it again with `override` added to the command line.

    No Exception, since Hydra turns those of a callback into warnings.
    """

    def __init__(self, parent: str) -> None:
        super().__init__(parent)
        self.override = f"{PARENT_OVERRIDE}{parent}"


class SweepCallback(Callback):
    """Keeps a sweep's run in MLflow; the trials' own runs are made by `pipeline.sweep.attempt`.

    Pickled to the workers, so it holds nothing open there.
    """

    def __init__(self) -> None:
        self.parent: Parent | None = None
        self.watch: Watch | None = None
        self.since = 0
        self.process = ""  # that which started joblib's workers

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "parent": None, "watch": None}

    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        """A preset of a sweep says nothing about a single run."""
        chosen = config.hydra.runtime.choices.get("sweep")
        if chosen:
            problem = "a sweep needs -m, as in: python -m pipeline.train -m sweep=…"
            _refuse(ConfigError("sweep", problem, found=f"sweep={chosen}"))

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Open the sweep's run, or go on with it, and let the jobs know."""
        if config.hydra.job.name not in RECORDED:
            return
        with _refusing():
            self._start(config)

    def _start(self, config: DictConfig) -> None:
        warm(config.hydra.launcher)
        from pipeline.sweep.parent import Parent
        from pipeline.sweep.study import is_search, left_to_do
        from pipeline.sweep.watch import Watch

        fixed, varies, planned = plan(config)
        words = [word for word in sys.argv[1:] if not word.startswith(PARENT_OVERRIDE)]
        command = shlex.join(["python", "-m", f"pipeline.{config.hydra.job.name}", *words])
        self.parent = Parent.open(
            config,
            {
                "sweep.process": identity(),
                "sweep.command": command,
                "sweep.varies": json.dumps(varies),
                "sweep.objective": json.dumps(objectives(config)),
                "pipeline.overrides": " ".join(fixed),
                "pipeline.version": metadata.version("multihead-pipeline"),
            },
            config.sweep.parent,
        )
        self.since = int(self.parent.tag("sweep.since"))
        study = config.sweep.name or self.parent.run_id
        if config.sweep.parent is None:
            with read_write(config.hydra):
                config.hydra.overrides.task.append(f"{PARENT_OVERRIDE}{self.parent.run_id}")
        if "joblib" in config.hydra.launcher["_target_"]:
            self.process = identity()
            # Else trials that are done already are bundled with long ones.
            _set(config, "hydra.launcher.batch_size", "1")
        if is_search(config.hydra.sweeper):
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
        self.watch = Watch(
            self.parent,
            title=config.sweep.name or "Sweep",
            objective=objectives(config),
            planned=planned,
            command=command,
            options=options(words),
            importances=_importances(config, study),
        )
        self.watch.start()

    def on_job_start(self, config: DictConfig, **kwargs: Any) -> None:
        """In the process that runs the job."""
        from pipeline.sweep import attempt

        attempt.start(config)
        if self.process not in ("", identity()):
            leave_with(self.process, lambda: attempt.runs)

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """In the process that ran the job: a job that ended before its run did leaves a true status too."""
        from pipeline.sweep import attempt

        self._end_job(config, job_return)
        attempt.stop()

    def _end_job(self, config: DictConfig, job_return: JobReturn) -> None:
        if config.hydra.job.name not in RECORDED or config.sweep.parent is None:
            return
        if job_return.status == JobStatus.FAILED:
            from pipeline.sweep.attempt import end_failed

            # The property would raise it.
            end_failed(config, job_return._return_value)
        if self.watch is not None:
            self.watch.look()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Give every child and the sweep a true status, draw the board, say what failed."""
        if self.parent is None or self.watch is None:
            return
        error = sys.exc_info()[1]  # what ends the sweep, if anything does
        broken = isinstance(error, BrokenProcessPool)
        before = self._failures()
        self.watch.stop()
        self.parent.settle(self.watch.deaths if broken else None)
        self.watch.deaths.close()
        if broken and len(self._failures()) > len(before):
            raise WorkersLostError(self.parent.run_id)
        code = self._close(error)
        if code and not isinstance(error, KeyboardInterrupt | SystemExit):
            # In place of the error of one trial: all have been told.
            raise SystemExit(code)

    def _failures(self) -> list[Any]:
        """Trials that failed under this command; those of an earlier one were tried again, or replaced."""
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
        if isinstance(error, KeyboardInterrupt | SystemExit):
            status = "KILLED"
        elif failures or error or not any(trial.status == "FINISHED" for trial in trials):
            status = "FAILED"
        else:
            status = "FINISHED"
        self.watch.draw(running=False)
        self.parent.client.set_terminated(self.parent.run_id, status)
        print(self.watch.ending(self.since))
        return 0 if status == "FINISHED" else 1


def _set(config: DictConfig, key: str, value: Any) -> None:
    """Set one of Hydra's own values, for this process and for the jobs, whose configs are composed anew."""
    with read_write(config.hydra):
        OmegaConf.update(config, key, value)
        config.hydra.overrides.hydra.append(f"{key}={json.dumps(value)}")


def plan(config: DictConfig) -> tuple[list[str], list[str], int | None]:
    """A sweep's overrides as typed, the keys that vary, and how many trials that makes.

    A preset's `hydra.sweeper.params` count as typed before the command line's.
    """
    task: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)
    typed = [override for override in task if not override.startswith(PARENT_OVERRIDE)]
    params = config.hydra.sweeper.get("params") or {}
    parsed = OverridesParser.create().parse_overrides([*(f"{k}={v}" for k, v in params.items()), *typed])
    last = {override.get_key_element().lstrip("+~"): override for override in parsed}
    varies = [name for name, override in last.items() if override.is_sweep_override()]
    if "n_trials" in config.hydra.sweeper:
        return typed, varies, config.hydra.sweeper.n_trials
    planned = 1
    for name in varies:
        if last[name].is_discrete_sweep():
            planned *= sum(1 for _ in last[name].sweep_string_iterator())
    return typed, varies, planned


def objectives(config: DictConfig) -> list[str]:
    """The metrics that trials return."""
    return [config.objective] if isinstance(config.objective, str) else list(config.objective)


def options(words: Sequence[str]) -> str:
    """Of a command's words those that a pasted command needs besides overrides: where configs are."""
    kept = []
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word in ("--config-dir", "-cd"):
            kept += [word, after]
        elif word.startswith("--config-dir="):
            kept.append(word)
    return shlex.join(kept)


def _importances(config: DictConfig, study: str) -> Callable[[], dict[str, dict[str, float]]]:
    from pipeline.sweep.study import importances, is_search

    if not is_search(config.hydra.sweeper):
        return dict
    storage, metrics = config.hydra.sweeper.storage, objectives(config)
    return lambda: importances(storage, study, metrics)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """End the command where Hydra would turn an error of a callback into a warning and go on."""
    try:
        yield
    except ConfigError as error:
        _refuse(error)
    except Exception as error:
        traceback.print_exc()
        raise SystemExit(1) from error


def _refuse(error: ConfigError) -> None:
    sys.stderr.write(f"{error}\n")
    raise SystemExit(2)
