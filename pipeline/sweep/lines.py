"""What a sweep prints: a line for each trial that ended, and the best configurations at the end."""

import sys
from collections.abc import Sequence
from statistics import median

from pipeline.config.naming import spelled
from pipeline.metric_names import short
from pipeline.notices import duration
from pipeline.page.text_table import text_table
from pipeline.sweep.board.fold_means import fold_table, is_folds, titles
from pipeline.sweep.board.groups import Group, fold, ranked, repeated
from pipeline.sweep.trials import Trial
from pipeline.terminal import terminal_width

TOP = 3  # configurations listed at the end


def trial_line(
    trial: Trial,
    trials: Sequence[Trial],
    objective: Sequence[str],
    *,
    planned: int | None,
    workers: int = 1,
) -> str:
    """A line on a trial that ended: its number, what varied, its objectives, the best so far, the time left.

    Args:
        trials: all trials of the sweep.
        planned: the number of trials; None if unknown.
        workers: the number of trials that run at the same time.

    Example:
        '3/15  loss_weights.class=2  skill (val) 0.871  best 0.88 (trial 1)  4 min 10 s left'
    """
    ended = [one for one in trials if one.status != "RUNNING" and _end(one) <= _end(trial)]
    parts = [f"{len(ended)}/{planned or '?'}", spelled(trial.varied) or trial.name]
    if trial.status != "FINISHED":
        parts.append(f"{trial.status.lower()}: {trial.reason}" if trial.reason else trial.status.lower())
    else:
        parts += [f"{short(name)} {trial.metrics[name]:.4g}" for name in objective if name in trial.metrics]
    best = _best([one for one in ended if one.status == "FINISHED"], objective[0])
    if best and len(ended) > 1:
        parts.append(_so_far(best, trial, ended, objective[0]))
    if planned and len(ended) < planned:
        seconds = median((_end(one) - one.started) / 1000 for one in ended)
        parts.append(f"{duration((planned - len(ended)) * seconds / workers)} left")
    return "  ".join(parts)


def best_lines(trials: Sequence[Trial], objective: Sequence[str]) -> list[str]:
    """The best configurations by the first objective, as a table; empty with fewer than two of them."""
    metric = objective[0]
    groups = [group for group in fold([one for one in trials if metric in one.metrics]) if group.trials]
    if len(groups) < 2:
        return []
    best = ranked(groups, metric)[:TOP]
    seeds = any(len(group.trials) > 1 for group in best)
    words = repeated([trial for group in best for trial in group.trials])
    title = ["", *map(short, objective), *([words] if seeds else []), "configuration"]
    rows = [
        [
            f"{place}.",
            *(f"{group.mean(name):.4g}" for name in objective),
            *([str(len(group.trials))] if seeds else []),
            spelled(group.varied) or group.name,
        ]
        for place, group in enumerate(best, start=1)
    ]
    return text_table([title, *rows], terminal_width(sys.stdout)).splitlines()


def fold_lines(trials: Sequence[Trial], metric: str, order: Sequence[str] = ()) -> list[str]:
    """The means over the folds of the best configuration, as tables; empty without folds.

    Args:
        order: the heads in the order of the config.
    """
    groups = ranked(fold([one for one in trials if metric in one.metrics]), metric)
    if not groups or not is_folds(groups[0]):
        return []
    of_best = f" of {groups[0].name}" if len(groups) > 1 else ""
    lines = []
    for split, title in titles(groups[0]).items():
        lines += [
            title + of_best,
            *text_table(fold_table(groups[0], split, order), terminal_width(sys.stdout)).splitlines(),
        ]
    return lines


def _end(trial: Trial) -> int:
    return trial.ended or trial.started


def _so_far(best: Group, trial: Trial, ended: Sequence[Trial], metric: str) -> str:
    """The best configuration so far: the number of its trial, or its name if it was repeated."""
    mean = f"{best.mean(metric):.4g}"
    if not best.varied:
        return f"{best.mean_of} {mean}"  # there is no other configuration
    if len(best.trials) > 1:
        return f"best {mean} by {best.label}"
    if best.trials[0] is trial:
        return "best so far"
    return f"best {mean} (trial {sum(_end(one) <= _end(best.trials[0]) for one in ended)})"


def _best(finished: Sequence[Trial], metric: str) -> Group | None:
    groups = fold([one for one in finished if metric in one.metrics])
    return ranked(groups, metric)[0] if groups else None
