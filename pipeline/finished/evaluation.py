"""Evaluates the logged model of a finished run on labelled rows."""

import logging
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import tensorflow as tf

from pipeline.config.make import Make
from pipeline.data.columns import strings
from pipeline.data.kinds import Target
from pipeline.data.loading import LabelledRows
from pipeline.finished.labelled_rows import each_row_once, group_of, read_rows
from pipeline.finished.out_of_fold import SAID, OutOfFold
from pipeline.finished.run import FinishedRun, Outputs
from pipeline.heads import Head
from pipeline.job.measured import Measured
from pipeline.tracking import StoredRun
from pipeline.training.epoch import Epoch
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import reference

CONFIDENCE = 0.95
logger = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Evaluation(Measured):
    """The results of a run's model on labelled rows.

    Args:
        note: what to know of the results; "" if nothing.
        together: the column that `units` come from; "" if there is none.
        rows: the labelled rows.
        heads: head -> the head, with its loss and metrics.
        targets: head -> the restored target.
    """

    rows: LabelledRows
    heads: Mapping[str, Head]
    targets: Mapping[str, Target]
    note: str = ""
    together: str = ""


def evaluate(
    run: StoredRun,
    finished: FinishedRun,
    data: Any,
    *,
    which: str,
    own: bool,
    folders: Sequence[Path],
    make: Make,
    by: Sequence[str] = (),
) -> Evaluation:
    """Read labelled rows and evaluate a run's model on them.

    Rows that the data's split keeps together (`group`) are drawn together by all bootstraps and permutations.
    The test rows of an ensemble of folds that tested every row once are evaluated by the member that did.

    Args:
        data: a data config that has the run's inputs and targets.
        which: "train", "val", "test" or "all".
        own: True if this is the data of the run, so that the split must be the logged one.
        folders: folders in which relative paths are looked up, in this order.
        by: heads, or columns to read with the rows, for slices.

    Raises:
        ConfigError: the data does not fit the run, or the run's own data has changed.
    """
    held_out = OutOfFold.of(run) if own and which == "test" and each_row_once(run, finished) else None
    rows = which if held_out is None else held_out.rows
    found = read_rows(run, finished, data, which=rows, own=own, folders=folders, make=make, by=by)
    if own and which != "test" and finished.calibration:
        logger.warning(
            "the coverage of sets and intervals on %s rows says little about new rows: the model or its "
            "intervals were fitted on them",
            which,
        )
    baselines = {name: np.array(found.facts[name]["constant"]) for name in found.heads}
    targets = {name: found.targets[name] for name in found.heads}
    evaluated = _evaluation(finished, found.rows, found.heads, targets, baselines, held_out)
    group = group_of(data)
    if group is None or group not in found.rows.columns:
        return evaluated
    return replace(evaluated, units=_units(strings(found.rows.columns[group])), together=group)


def _units(words: np.ndarray) -> np.ndarray:
    """Number the rows by their words; a row without one stands alone."""
    codes = pd.factorize(words)[0]
    return np.where(words == "", len(words) + np.arange(len(words)), codes)


def _evaluation(
    finished: FinishedRun,
    rows: LabelledRows,
    heads: Mapping[str, Head],
    targets: Mapping[str, Target],
    baselines: Mapping[str, np.ndarray],
    held_out: OutOfFold | None,
) -> Evaluation:
    found = finished.forward(raw=True)(rows.raw)
    if held_out is None:
        return evaluation_of(finished, found, rows, heads, targets, baselines)
    own = held_out.outputs(finished, found, heads, targets)
    evaluated = evaluation_of(finished, own, rows, heads, targets, baselines)
    return replace(evaluated, regions=held_out.regions(finished, found, own), note=SAID)


def evaluation_of(
    finished: FinishedRun,
    found: Outputs,
    rows: LabelledRows,
    heads: Mapping[str, Head],
    targets: Mapping[str, Target],
    baselines: Mapping[str, np.ndarray],
) -> Evaluation:
    """Return the results of a model's outputs for labelled rows.

    Args:
        baselines: head -> the best constant raw output for the training rows, (width,).
    """
    raw, outputs = found.raw, found.readable
    losses = {name: HeadLoss(loss=head.loss, kind=targets[name].kind) for name, head in heads.items()}
    means = {}
    for name, loss in losses.items():
        mean, count = loss(tf.convert_to_tensor(rows.labels[name]), tf.convert_to_tensor(raw[name]))
        if float(count):
            means[name] = float(mean)
    return Evaluation(
        rows=rows,
        heads=heads,
        targets=targets,
        references={
            name: replace(
                reference(
                    *(head, targets[name], losses[name]),
                    *(rows.labels[name], rows.numbers.get(name), baselines[name]),
                ),
                thresholds=finished.thresholds.get(name, ()),
            )
            for name, head in heads.items()
        },
        epoch=Epoch(means, 0.0, {}, {}, raw, outputs, np.arange(len(rows.rows)), 0.0),
        row_losses={name: losses[name].row_losses(rows.labels[name], raw[name]) for name in heads},
        row_baseline_losses={
            name: losses[name].row_losses(
                rows.labels[name], np.tile(np.float32(baselines[name]), (len(rows.rows), 1))
            )
            for name in heads
        },
        regions=finished.regions(found),
        calibration=finished.calibration,
    )
