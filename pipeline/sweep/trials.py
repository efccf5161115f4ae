"""What a board is made from: a sweep's trials as plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Args:
        key: the same for every attempt at one config.
        status: as in MLflow: RUNNING, FINISHED, FAILED or KILLED.
        varied: what varies in the sweep, override key -> value as written.
        overrides: all of its overrides, ready for a shell.
        started, ended: milliseconds since 1970; `ended` is None while it runs.
        process: host, process and its start.
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

    def objective(self, names: Any) -> Any:
        """What the run returned to the sweep; None where it lacks one of the metrics."""
        wanted = [names] if isinstance(names, str) else list(names)
        values = tuple(self.metrics.get(name) for name in wanted)
        if None in values:
            return None
        return values[0] if isinstance(names, str) else values


@dataclass(frozen=True)
class Sweep:
    """A sweep as its board tells it.

    Args:
        objective: the metrics that trials return, one or several.
        trials: one attempt of each, in the order of their starts.
        planned: how many trials there will be; None where that is not known.
        command: what was typed.
        options: what a pasted command needs besides overrides, as `--config-dir mine`.
        importances: objective -> parameter -> its part of the objective's variance; of searches only.
        compare: address of the page that compares all trials.
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

    def heads(self) -> list[str]:
        """The heads that some trial has measured, in the order of the metrics' names."""
        names = {name for trial in self.trials for name in trial.metrics}
        found = [name.removeprefix("best/val_").removesuffix("_skill") for name in names if _is_skill(name)]
        return sorted(found)

    def finished(self) -> list[Trial]:
        """Trials that ended well and have every objective."""
        return [
            trial
            for trial in self.trials
            if trial.status == "FINISHED" and trial.objective(list(self.objective)) is not None
        ]


def _is_skill(name: str) -> bool:
    return name.startswith("best/val_") and name.endswith("_skill") and name != "best/val_skill"
