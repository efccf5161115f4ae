"""Sets of classes and intervals of numbers, fitted on calibration rows and measured on the test rows."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipeline.conformal import (
    METHODS,
    Calibration,
    CrossCalibration,
    Region,
    coverage_metrics,
    fewest_rows,
    method_of,
)
from pipeline.data import CALIBRATION
from pipeline.job.job import Job
from pipeline.metric_names import name_of
from pipeline.page.style import number
from pipeline.training.epoch import Epoch

Array = NDArray[Any]
FEW = 100  # calibration rows; with fewer, the coverage of one run may be far from the level
MOST_NAMED = 5  # heads in a sentence on the coverage
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intervals:
    """The sets and intervals of a run.

    Args:
        regions: split -> head -> sets or intervals of its rows.
        covered: head -> (test rows,) share of the row's labels inside, NaN without a label.
        metrics: test/<head>_coverage, and …_set_size or …_interval_width.
        sentences: for the terminal and the report.
    """

    calibration: Calibration
    regions: Mapping[str, Mapping[str, Region]]
    covered: Mapping[str, Array]
    metrics: dict[str, float]
    sentences: list[str]


def fit_intervals(job: Job, epochs: Mapping[str, Epoch]) -> Intervals | None:
    """Fit the sets and intervals of all heads; None without calibration rows.

    Args:
        epochs: the evaluation of the kept weights on each split, calibration rows included.
    """
    if CALIBRATION not in epochs:
        return None
    calibration = _calibration(job, epochs[CALIBRATION])
    _report_few(calibration)
    regions = {
        split: calibration.regions(epoch.raw, epoch.outputs, job.presenter) for split, epoch in epochs.items()
    }
    labels = {head: job.references["test"][head].labels for head in calibration.heads}
    covered = {head: regions["test"][head].covered(labels[head]) for head in calibration.heads}
    metrics = {
        name_of("test", head, word): value
        for head in calibration.heads
        for word, value in coverage_metrics(
            calibration.methods[head], covered[head], regions["test"][head].sizes()
        ).items()
    }
    return Intervals(calibration, regions, covered, metrics, held_sentences(calibration, metrics))


def _calibration(job: Job, epoch: Epoch) -> Calibration:
    methods = {name: method_of(head, job.dataset.targets[name].kind) for name, head in job.heads.items()}
    outputs = {
        name: (epoch.raw if METHODS[method].of_numbers else epoch.outputs)[name]
        for name, method in methods.items()
    }
    return Calibration.of(job.level, methods, job.dataset.splits[CALIBRATION].labels, outputs)


def _report_few(calibration: Calibration) -> None:
    """Warn of heads with too few calibration rows, each, and of those with few, together."""
    level, few = calibration.level, []
    for head in calibration.methods:
        rows = calibration.rows(head)
        if calibration.too_few(head):
            logger.warning(
                "head %s has no sets or intervals: a level of %g needs %s labelled calibration rows%s, but "
                "there are %s; set aside more (conformal.calibration), or lower conformal.level",
                *(head, level, f"{fewest_rows(level):,}", calibration.of_which(head), f"{rows:,}"),
            )
        elif rows < FEW:
            low, high = calibration.coverage_range(head)
            which = calibration.of_which(head)
            few.append(f"{head} {100 * low:.0f} to {100 * high:.0f} % ({rows:,} rows{which})")
    if few:
        logger.warning(
            "with few calibration rows, sets and intervals may hold the truth of more or less than %g %% of "
            "such rows (conformal.calibration): %s",
            *(100 * level, ", ".join(few)),
        )


def held_sentences(
    calibration: Calibration | CrossCalibration,
    metrics: Mapping[str, float],
    split: str = "test",
    rows: str = "test rows",
) -> list[str]:
    """Say how many of the rows of a split are inside; nothing if there are no metrics of them.

    Args:
        rows: what the rows are called.
    """
    shown, shares = [], {}
    for head in calibration.heads:
        method = METHODS[calibration.methods[head]]
        share = metrics.get(name_of(split, head, method.coverage_word))
        if share is not None:
            size = number(metrics[name_of(split, head, method.size_word)])
            shares[head] = share
            shown.append(f"{head} {100 * share:.1f} % ({method.size_word.replace('_', ' ')} {size})")
    if not shown:
        return []
    level = f"{100 * calibration.level:g} %"
    if len(shares) > MOST_NAMED:
        low, high = min(shares, key=shares.__getitem__), max(shares, key=shares.__getitem__)
        of_heads = f"{100 * shares[low]:.1f} % (head {low}) to {100 * shares[high]:.1f} % (head {high})"
        return [f"sets and intervals at {level} hold the truth of {of_heads} of the {rows}"]
    return [f"sets and intervals at {level} hold the truth of these {rows}: {', '.join(shown)}"]
