"""Makes the ensemble of a sweep: of the best config that it repeated."""

from collections.abc import Sequence

from pipeline.config.naming import FOLD, REPEATS
from pipeline.errors import ConfigError
from pipeline.heavy_imports import importing
from pipeline.sweep.board.groups import Group, fold, ranked
from pipeline.sweep.folds import fold_sets
from pipeline.sweep.parent import Parent
from pipeline.sweep.trials import Trial
from pipeline.tracking import StoredRun

FEWEST = 2  # models of an ensemble


def repeated_group(trials: Sequence[Trial], objective: str) -> Group:
    """The trials of the best config, by the mean of a metric, among those that were repeated.

    Raises:
        ConfigError: no config was repeated, or a fold is missing.
    """
    finished = [trial for trial in trials if trial.status == "FINISHED" and objective in trial.metrics]
    groups = [
        group
        for group in ranked(fold(finished), objective)
        if len(group.trials) >= FEWEST and set(group.trials[0].varied) & set(REPEATS)
    ]
    if not groups:
        problem = "no config of this sweep has two finished trials that only repeat it"
        allowed = "a sweep over folds or seeds: -m sweep=folds, -m sweep=seeds"
        raise ConfigError("run", problem, allowed=allowed)
    of_group = {trial.run_id for trial in groups[0].trials}
    for one in fold_sets(trials):
        if one.missing and of_group & {trial.run_id for trial in one.trials.values()}:
            problem = "an ensemble of folds needs all of them"
            missing = ", ".join(map(str, one.missing))
            allowed = "the sweep's command again, which runs what is missing if it has a sweep.name"
            raise ConfigError("run", problem, found=f"fold {missing} is missing", allowed=allowed)
    return groups[0]


def log_ensemble(
    parent: Parent, objective: str, *, register: str | None = None, trusted_modules: Sequence[str] = ()
) -> list[str]:
    """Makes the ensemble and logs it to the sweep's run; returns lines for the terminal.

    Raises:
        ConfigError: there is nothing to join, or the runs have no models or no longer their data.
    """
    group = repeated_group(parent.trials(), objective)
    with importing():
        from pipeline.config.make import maker
        from pipeline.finished.ensemble import make_ensemble, text

    def stored(run_id: str) -> StoredRun:
        return StoredRun.of(parent.client, parent.uri, parent.client.get_run(run_id))

    members = sorted(group.trials, key=lambda trial: int(trial.varied.get(FOLD, 0)))
    runs = [stored(trial.run_id) for trial in members]
    found = make_ensemble(stored(parent.run_id), runs, maker(list(trusted_modules)), register=register)
    return text(found)
