"""Means of a config's metrics over its folds, with standard errors."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.config.naming import FOLD
from pipeline.metric_names import by_head, skilled_heads
from pipeline.sweep.board.groups import Group
from pipeline.sweep.trials import Trial

COLUMNS = ["head", "skill", "loss", "metrics"]


def mean_and_error(group: Group, metric: str) -> tuple[float, float]:
    """The mean of a metric over the folds of a config, and its standard error; NaN with fewer than two.

    Trials of one fold with different seeds are averaged first.
    """
    by_fold: dict[tuple[str, ...], list[float]] = {}
    for trial in _finished(group):
        if metric in trial.metrics:
            fold = (trial.varied.get("data.split.seed", ""), trial.varied.get(FOLD, ""))
            by_fold.setdefault(fold, []).append(trial.metrics[metric])
    values = np.array([np.mean(of_fold) for of_fold in by_fold.values()])
    if not len(values):
        return math.nan, math.nan
    error = float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    return float(values.mean()), error


def is_folds(group: Group) -> bool:
    """Whether a group of trials are folds."""
    return any(FOLD in trial.varied for trial in group.trials)


def _finished(group: Group) -> list[Trial]:
    """The trials of a group that count: one that was interrupted may have been tested on other weights."""
    return [trial for trial in group.trials if trial.status == "FINISHED"]


def measured(group: Group) -> dict[str, tuple[float, float]]:
    """The mean and standard error over the folds of each metric, `val/…` of the kept epochs and `test/…`."""
    names = sorted({name for trial in group.trials for name in trial.metrics})
    # MLflow's `val/…` is that of the last epoch.
    kept = {name: name.replace("best/val_", "val/") for name in names if name.startswith("best/val_")}
    tested = {name: name for name in names if name.startswith("test/")}
    return {shown: mean_and_error(group, name) for name, shown in {**kept, **tested}.items()}


def fold_table(group: Group, split: str, order: Sequence[str] = ()) -> list[list[str]]:
    """Rows of text: a line per head with means and standard errors over the folds, below a header.

    Args:
        order: the heads in the order of the config.
    """
    from pipeline.page.style import plus_minus

    heads = skilled_heads((name for trial in group.trials for name in trial.metrics), order)
    lines = [COLUMNS]
    for head, words in by_head(measured(group), split, heads).items():
        shown = {word: plus_minus(*value) for word, value in words.items()}
        others = [f"{word} {value}" for word, value in shown.items() if word not in ("skill", "loss")]
        lines.append([head, shown.get("skill", "-"), shown.get("loss", "-"), ", ".join(others)])
    return lines


def titles(group: Group) -> dict[str, str]:
    """What the validation and test rows of folds are: split -> a title for its table."""
    folds = len({trial.varied.get(FOLD) for trial in _finished(group)})
    over = f"mean ± standard error over {folds} folds"
    if group.trials[0].tested == "once":
        return {"test": f"rows of the fold that each run tested, {over}"}
    return {
        "val": f"rows of the fold that each run held out, {over}",
        "test": f"test rows, the same for all folds, {over}",
    }


def metrics_of(group: Group) -> dict[str, float]:
    """The means and standard errors as metrics of the sweep's run.

    Example: `val/class_loss` gives `folds/val_class_loss` and `folds/val_class_loss_error`.
    """
    metrics: dict[str, float] = {}
    for name, (mean, error) in measured(group).items():
        flat = name.replace("/", "_")
        metrics |= {f"folds/{flat}": mean, f"folds/{flat}_error": error}
    return {name: value for name, value in metrics.items() if not math.isnan(value)}
