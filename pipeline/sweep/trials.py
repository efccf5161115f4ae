"""A sweep and its trials as plain values, from which the board is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.metric_names import skilled_heads


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Args:
        key: names the config; all attempts at one config share it.
        status: as in MLflow: RUNNING, FINISHED, FAILED or KILLED.
        reason: why it failed; empty otherwise.
        varied: what varies in the sweep, override key -> value as written.
        overrides: all of its overrides, quoted for a shell.
        started, ended: milliseconds since 1970; `ended` is None while it runs.
        process: the process that ran it, as host:pid:start.
        config: names the config without what only repeats it: seeds and the fold; "" for old trials.
        place: of its artifacts, as the store names it.
        folds, tested: `data.split.folds` and `data.split.tested`; 0 and "" without folds.
    """

    run_id: str
    name: str
    key: str
    status: str
    reason: str
    varied: Mapping[str, str]
    overrides: str
    metrics: Mapping[str, float]
    started: int
    ended: int | None
    process: str = ""
    config: str = ""
    folds: int = 0
    tested: str = ""
    place: str = ""

    def objective(self, names: Any) -> Any:
        """The value or values that the run returned to the sweep; None if it lacks one of the metrics."""
        metrics = [names] if isinstance(names, str) else list(names)
        values = tuple(self.metrics.get(name) for name in metrics)
        if None in values:
            return None
        return values[0] if isinstance(names, str) else values


@dataclass(frozen=True)
class Sweep:
    """A sweep as its board shows it.

    Args:
        objective: the metrics that trials return, one or several.
        trials: one attempt of each trial, in order of their start.
        planned: the number of trials; None if unknown.
        command: the command line that started the sweep.
        options: what a pasted command needs besides overrides, such as `--config-dir mine`.
        importances: objective -> parameter -> its importance, see `study.importances`; only for searches.
        compare: address of the page that compares all trials; empty if there is none.
        ensemble: what `ensemble.json` says of the sweep's ensemble; empty without one.
        order: the heads in the order of the config; empty if unknown.
        addresses: run id -> where to look at the run, relative to the board or on a server.
        histories: run id -> metric -> its value in each epoch, of finished trials with a report.
    """

    title: str
    objective: Sequence[str]
    trials: Sequence[Trial]
    planned: int | None
    command: str
    running: bool = False
    options: str = ""
    importances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    compare: str = ""
    ensemble: Mapping[str, Any] = field(default_factory=dict)
    order: Sequence[str] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=dict)

    def heads(self) -> list[str]:
        """The heads that some trial has a validation skill of, in the order of the config."""
        return skilled_heads((name for trial in self.trials for name in trial.metrics), self.order)

    def finished(self) -> list[Trial]:
        """The trials that finished and have every objective."""
        return [
            trial
            for trial in self.trials
            if trial.status == "FINISHED" and trial.objective(list(self.objective)) is not None
        ]
