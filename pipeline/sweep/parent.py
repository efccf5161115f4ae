"""The run of a sweep itself in MLflow; the runs of its trials are its children."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from pipeline.errors import ConfigError
from pipeline.stored_file import facts_of
from pipeline.sweep.board.fold_means import fold_table, is_folds, titles
from pipeline.sweep.board.groups import Group, fold, ranked
from pipeline.sweep.process import Deaths, alive, identity
from pipeline.sweep.trials import Trial
from pipeline.tracking import MlflowClient, MlflowRun, connect, log_failure
from pipeline.tracking.addresses import compare_page, local_path, run_page
from pipeline.tracking.experiments import DEFAULT_EXPERIMENT, default_experiment_id
from pipeline.tracking.outbox import sync_command
from pipeline.tracking.patience import patient
from pipeline.tracking.reading import StoredRun, search_runs
from pipeline.tracking.waiting import leave

BOARD = "report/sweep.html"  # artifact
MEMBERS_TAG = "ensemble.members"  # of a sweep with an ensemble
PATIENCE = 20.0  # seconds that workers have to end


class Parent:
    """The run of a sweep, the parent of the runs of its trials."""

    def __init__(self, client: MlflowClient, uri: str, experiment_id: str, run_id: str) -> None:
        self.client, self.uri = patient(client, uri), uri
        self.experiment_id, self.run_id = experiment_id, run_id

    @classmethod
    def of(cls, cfg: DictConfig) -> "Parent":
        """The parent of a job."""
        store = connect(cfg.tracking.uri, cfg.tracking.experiment, run_id=cfg.sweep.parent)
        return cls(*store, cfg.sweep.parent)

    def tag(self, name: str) -> str:
        """A tag of the parent."""
        return str(self.client.get_run(self.run_id).data.tags[name])

    def has_tag(self, name: str) -> bool:
        """Whether the parent has a tag."""
        return name in self.client.get_run(self.run_id).data.tags

    @classmethod
    def open(
        cls,
        cfg: DictConfig,
        tags: Mapping[str, str],
        run_id: str | None = None,
        *,
        default: str = DEFAULT_EXPERIMENT,
    ) -> "Parent":
        """Opens a parent: an existing one with this id or with the config's `sweep.name`, or else a new one.

        Args:
            default: the experiment if nothing names one.

        Raises:
            ConfigError: a sweep with this name is running.
        """
        experiment = cfg.tracking.experiment
        client, uri, experiment_id = connect(cfg.tracking.uri, experiment, default=default, run_id=run_id)
        if run_id:
            parent = cls(client, uri, experiment_id, run_id)
            parent.take_over(identity(), tags)
            return parent
        tags = {**tags, "sweep.since": str(int(time.time() * 1000))}
        name = cfg.sweep.name
        for run in _named(client, name, experiment_id, experiment) if name else ():
            parent = cls(client, uri, run.info.experiment_id, run.info.run_id)
            parent.take_over(run.data.tags["sweep.process"], tags)
            return parent
        shown = name or cfg.tracking.run_name or f"sweep {time.strftime('%m-%d %H:%M')}"
        named = {"sweep.name": name} if name else {}
        run = client.create_run(experiment_id, run_name=shown, tags={**tags, **named})
        return cls(client, uri, experiment_id, run.info.run_id)

    def take_over(self, before: str, tags: Mapping[str, str]) -> None:
        """Resumes a sweep that has ended; waits for trials that are still running.

        Args:
            before: the process that ran the sweep.
            tags: new values of the parent's tags.

        Raises:
            ConfigError: the sweep is running.
        """
        if before != identity() and alive(before):
            raise ConfigError(
                "sweep.name",
                "a sweep with this name is running",
                found=f"process {before}",
                allowed="another name; or wait until that sweep ends",
            )
        for name, value in tags.items():
            self.client.set_tag(self.run_id, name, value)
        self.client.update_run(self.run_id, status="RUNNING")
        self.settle(wait=math.inf)
        for trial in self._open():
            self._kill(trial, "open when its sweep was resumed; its machine cannot be checked from here")

    def add(self, name: str, tags: Mapping[str, str]) -> str:
        """Opens a child and returns its id."""
        run = self.client.create_run(self.experiment_id, run_name=name, tags=dict(tags))
        return str(run.info.run_id)

    def attempts(self) -> list[Trial]:
        """All children; the newest come first."""
        condition = f"tags.`mlflow.parentRunId` = '{self.run_id}'"
        return [_trial(run) for run in search_runs(self.client, [self.experiment_id], condition)]

    def trials(self) -> list[Trial]:
        """One attempt of each trial, the finished or else the newest one, in order of the first starts."""
        trials: dict[str, Trial] = {}
        for attempt in reversed(self.attempts()):
            earlier = trials.get(attempt.key)
            if earlier is None or earlier.status != "FINISHED":
                trials[attempt.key] = attempt
        return list(trials.values())

    def end(self, run_id: str, error: BaseException) -> None:
        """Closes a running child as FAILED, or as KILLED after a signal, and logs the traceback."""
        if self.client.get_run(run_id).info.status != "RUNNING":
            return
        log_failure(self.client, run_id, error)
        self.client.set_terminated(run_id, "FAILED" if isinstance(error, Exception) else "KILLED")

    def settle(self, deaths: Deaths | None = None, *, wait: float = PATIENCE) -> None:
        """Closes children that are marked RUNNING although their process has ended, as FAILED or KILLED.

        Args:
            deaths: set if a worker was killed: the trial of the first process that ended is FAILED, or all
                trials if it is not known which was the first. The other trials are KILLED.
            wait: seconds to wait for processes that are about to end.
        """
        until = time.monotonic() + wait
        while any(_is_running(trial) for trial in self._open()) and time.monotonic() < until:
            time.sleep(0.2)
        ended = [trial for trial in self._open() if _is_running(trial) is False]
        first = deaths.first() if deaths else None
        failed = [trial for trial in ended if trial.process == first] or (ended if deaths else [])
        for trial in ended:
            if trial in failed:
                self.end(trial.run_id, ProcessLookupError("the process was killed (out of memory?)"))
            else:
                self._kill(trial, "ended together with its sweep")

    def _kill(self, trial: Trial, reason: str) -> None:
        self.client.set_tag(trial.run_id, "pipeline.failure", reason)
        self.client.set_terminated(trial.run_id, "KILLED")

    def _open(self) -> list[Trial]:
        return [trial for trial in self.attempts() if trial.status == "RUNNING"]

    def log_folder(self, folder: Path) -> None:
        """Logs the contents of a folder as the artifacts report/."""
        self.client.log_artifacts(self.run_id, str(folder), "report")

    def page(self) -> str:
        """The board: the path of a file on this machine, or its address in the artifact store."""
        artifacts = self.client.get_run(self.run_id).info.artifact_uri
        return f"{local_path(artifacts) or artifacts}/{BOARD}"

    def close(self, status: str) -> None:
        """Closes the sweep's run."""
        self.client.set_terminated(self.run_id, status)

    def leave(self, status: str) -> str:
        """Keeps the run's end in a file, as its store does not answer; returns what to do with it."""
        entry = {"kind": "end", "status": status, "time": int(time.time() * 1000)}
        folder = leave(self.run_id, self.experiment_id, self.uri, [entry])
        return (
            f"the sweep has ended as {status}, but its store does not answer; its end waits in {folder}\n"
            f"send it: {sync_command(self.run_id)}"
        )

    def ensemble(self) -> dict[str, Any]:
        """What `ensemble.json` says of the sweep's ensemble; empty if it has none."""
        run = StoredRun.of(self.client, self.uri, self.client.get_run(self.run_id))
        if MEMBERS_TAG not in run.tags:
            return {}
        return facts_of(run, "ensemble.json")

    def forget(self) -> None:
        """Deletes the run of a sweep without trials, for example after Hydra refused its overrides."""
        self.client.delete_run(self.run_id)

    def describe(self, objective: Sequence[str], planned: int | None, order: Sequence[str] = ()) -> None:
        """Writes the run's description: its progress, the best trials, and links to the board and all trials.

        Args:
            objective: the metrics that trials return.
            planned: the number of trials; None if unknown.
            order: the heads in the order of the config.
        """
        trials = self.trials()
        finished = [trial for trial in trials if trial.status == "FINISHED"]
        failed = sum(trial.status == "FAILED" for trial in trials)
        total = f" of {planned}" if planned else ""
        lines = [f"{len(finished)}{total} trials finished" + (f", {failed} failed." if failed else ".")]
        if trials:
            board = f"{run_page(self.experiment_id, self.run_id)}/artifacts/{BOARD}"
            link = compare_page(self.experiment_id, [trial.run_id for trial in trials])
            lines.append(f"[Board]({board}) · [Compare all {len(trials)} trials]({link})")
        for name in objective:
            if best := best_of(finished, name):
                run = run_page(self.experiment_id, best.trials[0].run_id)
                seeds = f" ({best.mean_of})" if best.mean_of else ""
                lines.append(f"Best `{name}`: {best.mean(name):.4g}{seeds} by [{best.name}]({run})")
        for group in fold(finished):
            if is_folds(group):
                lines += _fold_paragraphs(group, order)
        if facts := self.ensemble():
            lines += [*facts["sentences"], *([_markdown(facts["table"])] if facts["gains"] else [])]
        self.client.set_tag(self.run_id, "mlflow.note.content", "\n\n".join(lines))


def _fold_paragraphs(group: Group, order: Sequence[str]) -> Iterator[str]:
    """The means over the folds of a configuration, as tables in Markdown."""
    for split, title in titles(group).items():
        yield f"**{group.name}**: {title}"
        yield _markdown(fold_table(group, split, order))


def _markdown(table: Sequence[Sequence[str]]) -> str:
    header, *rows = table
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows))


def _named(client: MlflowClient, name: str, experiment_id: str, experiment: str | None) -> list[MlflowRun]:
    """The sweeps of this name in an experiment, then those in the one that older sweeps are in.

    Args:
        experiment: as configured.
    """
    older = default_experiment_id(client, experiment)
    return [
        run
        for place in dict.fromkeys(filter(None, (experiment_id, older)))
        # Compared here, because MLflow's search has no way to write every name.
        for run in search_runs(client, [place], "tags.`sweep.name` != ''")
        if run.data.tags.get("sweep.name") == name
    ]


def best_of(trials: Sequence[Trial], metric: str) -> Group | None:
    """The configuration with the best mean of a metric over its repeats; None if no trial has the metric."""
    measured = fold([trial for trial in trials if metric in trial.metrics])
    return ranked(measured, metric)[0] if measured else None


def _is_running(trial: Trial) -> bool | None:
    """Whether a process runs the trial; None if unknown. This process calls it only between trials."""
    return False if trial.process == identity() else alive(trial.process)


def _trial(run: MlflowRun) -> Trial:
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
        config=tags.get("sweep.config", ""),
        place=run.info.artifact_uri or "",
        folds=int(tags.get("sweep.folds", 0)),
        tested=tags.get("sweep.tested", ""),
    )
