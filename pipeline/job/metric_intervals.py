"""Bootstrap intervals of the test metrics of a training."""

from dataclasses import replace

import numpy as np

from pipeline.comparison.bootstrap import Interval
from pipeline.job.decisions import with_thresholds
from pipeline.job.job import Job
from pipeline.job.measured import Measured
from pipeline.job.results import Results

CELLS = 40_000_000  # rows times outputs that are measured in all, which takes 4 s
MOST, FEWEST = 200, 100  # resamples
SMALLEST = 2_000  # rows of a resample, if they are fewer than there are rows


def metric_intervals(job: Job, results: Results) -> dict[str, dict[str, Interval]]:
    """Return head -> metric -> its interval over the test rows; empty for very many outputs of a row."""
    return intervals_of(measured_test(job, results))


def intervals_of(measured: Measured) -> dict[str, dict[str, Interval]]:
    """Return head -> metric -> its interval over all rows; empty for very many outputs of a row.

    Of very many rows, resamples have fewer rows than there are.
    """
    cells = sum(values.size for values in measured.epoch.outputs.values())
    resamples = min(MOST, CELLS // max(cells, 1))
    rows = np.arange(len(measured.epoch.order))
    if resamples >= FEWEST:
        return measured.head_intervals(resamples, rows)
    size = len(rows) * CELLS // (FEWEST * cells)
    return measured.head_intervals(FEWEST, rows, size=size) if size >= SMALLEST else {}


def measured_test(job: Job, results: Results) -> Measured:
    """Return what the kept weights make of the test rows."""
    epoch, labels = results.epochs["test"], job.dataset.splits["test"].labels
    losses = job.trainer.losses
    baselines = {name: np.asarray(one.baseline) for name, one in job.references["train"].items()}
    found = results.intervals
    return Measured(
        references=with_thresholds(job.references, results.thresholds)["test"],
        epoch=replace(epoch, regularisation=0.0),
        row_losses={name: losses[name].row_losses(labels[name], epoch.raw[name]) for name in job.heads},
        row_baseline_losses={
            name: losses[name].row_losses(
                labels[name], np.tile(np.float32(baselines[name]), (len(epoch.order), 1))
            )
            for name in job.heads
        },
        regions=found.regions["test"] if found else {},
        calibration=found.calibration if found else None,
    )
