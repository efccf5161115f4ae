"""A sweep's own run in MLflow: its children, their states, and the links to them."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.errors import ConfigError
from pipeline.metric_names import sign
from pipeline.sweep.process import Deaths, alive, identity
from pipeline.sweep.trials import Trial
from pipeline.tracking import connect, log_failure
from pipeline.tracking.addresses import compare_page, run_page
from pipeline.tracking.reading import search_runs

PATIENCE = 20.0  # seconds for workers that were told to end


class Parent:
    """The run that stands for a whole sweep."""

    def __init__(self, client: Any, uri: str, experiment_id: str, run_id: str) -> None:
        self.client, self.uri = client, uri
        self.experiment_id, self.run_id = experiment_id, run_id

    @classmethod
    def of(cls, cfg: DictConfig) -> "Parent":
        """The parent that a job's config names."""
        return cls(*connect(cfg.tracking.uri, cfg.tracking.experiment), cfg.sweep.parent)

    def tag(self, name: str) -> str:
        """One of the parent's own tags."""
        return self.client.get_run(self.run_id).data.tags[name]

    @classmethod
    def open(cls, cfg: DictConfig, tags: Mapping[str, str], run_id: str | None = None) -> "Parent":
        """A new parent, or the one of this id, or the one that has this `sweep.name` already.

        Raises:
            ConfigError: a sweep of this name is running.
        """
        client, uri, experiment_id = connect(cfg.tracking.uri, cfg.tracking.experiment)
        if run_id:
            parent = cls(client, uri, experiment_id, run_id)
            parent.take_over(identity(), tags)
            return parent
        tags = {**tags, "sweep.since": str(int(time.time() * 1000))}
        name = cfg.sweep.name
        for run in search_runs(client, [experiment_id], f"tags.`sweep.name` = '{name}'") if name else []:
            parent = cls(client, uri, experiment_id, run.info.run_id)
            parent.take_over(run.data.tags["sweep.process"], tags)
            return parent
        shown = name or cfg.tracking.run_name or f"sweep {time.strftime('%m-%d %H:%M')}"
        named = {"sweep.name": name} if name else {}
        run = client.create_run(experiment_id, run_name=shown, tags={**tags, **named})
        return cls(client, uri, experiment_id, run.info.run_id)

    def take_over(self, before: str, tags: Mapping[str, str]) -> None:
        """Go on with a sweep that has ended, somehow; trials that outlived it are waited for."""
        if before != identity() and alive(before):
            raise ConfigError(
                "sweep.name", "a sweep of this name is running", found=before, allowed="another name"
            )
        for name, value in tags.items():
            self.client.set_tag(self.run_id, name, value)
        self.client.update_run(self.run_id, status="RUNNING")
        self.settle(wait=math.inf)
        for trial in self._open():
            self._kill(trial, "still open when its sweep was started again; its machine cannot be asked")

    def add(self, name: str, tags: Mapping[str, str]) -> str:
        """Open a child; returns its id."""
        return self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags)).info.run_id

    def attempts(self) -> list[Trial]:
        """All children, the newest first."""
        found = search_runs(self.client, [self.experiment_id], f"tags.`mlflow.parentRunId` = '{self.run_id}'")
        return [_trial(run) for run in found]

    def trials(self) -> list[Trial]:
        """One attempt of each trial, the finished or else the newest one, in the order of their starts."""
        chosen: dict[str, Trial] = {}
        for attempt in reversed(self.attempts()):
            before = chosen.get(attempt.key)
            if before is None or before.status != "FINISHED":
                chosen[attempt.key] = attempt
        return list(chosen.values())

    def end(self, run_id: str, error: BaseException) -> None:
        """End a child that has no end yet: FAILED with reason and traceback, or KILLED by a signal."""
        if self.client.get_run(run_id).info.status != "RUNNING":
            return
        log_failure(self.client, run_id, error)
        self.client.set_terminated(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")

    def settle(self, deaths: Deaths | None = None, *, wait: float = PATIENCE) -> None:
        """Give a true status to children that say RUNNING although their process is gone.

        Args:
            deaths: given when a worker was killed: the trial of the first to die is FAILED. Where it is not
                known who was first, all trials that ended so are. Others are KILLED.
            wait: seconds for processes that still end by themselves.
        """
        until = time.monotonic() + wait
        while any(_runs(trial) for trial in self._open()) and time.monotonic() < until:
            time.sleep(0.2)
        gone = [trial for trial in self._open() if _runs(trial) is False]
        first = deaths.first() if deaths else None
        blamed = [trial for trial in gone if trial.process == first] or (gone if deaths else [])
        for trial in gone:
            if trial in blamed:
                self.end(trial.run_id, ProcessLookupError("the process was killed (out of memory?)"))
            else:
                self._kill(trial, "ended together with its sweep")

    def _kill(self, trial: Trial, reason: str) -> None:
        self.client.set_tag(trial.run_id, "pipeline.failure", reason)
        self.client.set_terminated(trial.run_id, "KILLED")

    def _open(self) -> list[Trial]:
        return [trial for trial in self.attempts() if trial.status == "RUNNING"]

    def log_folder(self, folder: Path) -> None:
        """Log a folder's contents below the sweep's report/."""
        self.client.log_artifacts(self.run_id, str(folder), "report")

    def page(self) -> str:
        """Where the board is: a file on this machine, or its address."""
        where = self.client.get_run(self.run_id).info.artifact_uri
        return f"{where.removeprefix('file://')}/report/sweep.html"

    def forget(self) -> None:
        """Delete a sweep that never had a trial, as when Hydra refused its overrides."""
        self.client.delete_run(self.run_id)

    def describe(self, objective: Sequence[str], planned: int | None) -> None:
        """Write the run's description: how far it is, the best, and the page that compares all."""
        trials = self.trials()
        done = [trial for trial in trials if trial.status == "FINISHED"]
        failed = sum(trial.status == "FAILED" for trial in trials)
        total = f" of {planned}" if planned else ""
        lines = [f"{len(done)}{total} trials finished" + (f", {failed} failed." if failed else ".")]
        if trials:
            link = compare_page(self.experiment_id, [trial.run_id for trial in trials])
            lines.append(f"[Compare all {len(trials)} trials]({link})")
        for name in objective:
            if best := best_of(done, name):
                run = run_page(self.experiment_id, best.run_id)
                lines.append(f"Best `{name}`: {best.metrics[name]:.4g} by [{best.name}]({run})")
        self.client.set_tag(self.run_id, "mlflow.note.content", "\n\n".join(lines))


def best_of(trials: Sequence[Trial], metric: str) -> Trial | None:
    """The trial with the best value of a metric; None if none has it."""
    having = [trial for trial in trials if metric in trial.metrics]
    return max(having, key=lambda trial: sign(metric) * trial.metrics[metric], default=None)


def _runs(trial: Trial) -> bool | None:
    """Whether its process still works on it; this process asks only when it does not."""
    return False if trial.process == identity() else alive(trial.process)


def _trial(run: Any) -> Trial:
    tags = run.data.tags
    return Trial(
        run_id=run.info.run_id,
        name=run.info.run_name,
        key=tags["sweep.trial"],
        status=run.info.status,
        reason=tags.get("pipeline.failure", ""),
        varied=json.loads(tags["sweep.varied"]),
        overrides=tags["sweep.overrides"],
        metrics=dict(run.data.metrics),
        started=run.info.start_time,
        ended=run.info.end_time,
        process=tags["sweep.process"],
    )
