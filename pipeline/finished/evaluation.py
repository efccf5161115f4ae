"""Evaluates the logged model of a finished run on labelled rows."""

import logging
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from pipeline.comparison.bootstrap import Interval, interval
from pipeline.config.make import Make
from pipeline.conformal import Calibration, CrossCalibration, Region, coverage_metrics
from pipeline.data.kinds import Target
from pipeline.data.loading import LabelledRows
from pipeline.finished.labelled_rows import read_rows
from pipeline.finished.run import FinishedRun, Outputs
from pipeline.heads import Head
from pipeline.metric_names import Scores
from pipeline.tracking import StoredRun
from pipeline.training.epoch import Epoch
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import Reference, measure, reference

CONFIDENCE = 0.95
logger = logging.getLogger(__name__)
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Evaluation:
    """The results of a run's model on labelled rows.

    Args:
        rows: the labelled rows.
        heads: head -> the head, with its loss and metrics.
        targets: head -> the restored target.
        references: head -> its labels, and how it is measured.
        epoch: losses and outputs.
        row_losses: head -> (rows,), NaN for rows without a label.
        row_baseline_losses: the same for the best constant prediction for the run's training rows.
        regions: head -> sets or intervals, of the heads that have any.
        calibration: what they come from.
    """

    rows: LabelledRows
    heads: Mapping[str, Head]
    targets: Mapping[str, Target]
    references: Mapping[str, Reference]
    epoch: Epoch
    row_losses: dict[str, np.ndarray]
    row_baseline_losses: dict[str, np.ndarray]
    regions: Mapping[str, Region] = field(default_factory=dict)
    calibration: Calibration | CrossCalibration | None = None

    @cached_property
    def held(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Head -> the share of each row's labels inside its set or interval, and the size of it."""
        return {
            head: (region.covered(self.references[head].labels), region.sizes())
            for head, region in self.regions.items()
        }

    def scores(self, positions: np.ndarray | None = None) -> Scores:
        """Compute the metrics of the rows at these positions, or of all rows; undefined ones are absent."""
        epoch, references = self.epoch, self.references
        if positions is not None:
            losses = {head: _mean(losses[positions]) for head, losses in self.row_losses.items()}
            epoch = replace(
                epoch,
                losses={head: loss for head, loss in losses.items() if loss is not None},
                outputs={head: values[positions] for head, values in epoch.outputs.items()},
                order=positions,
            )
            references = {
                head: replace(one, baseline_loss=_mean(self.row_baseline_losses[head][positions]))
                for head, one in references.items()
            }
        scores = measure("rows", epoch, references, dict.fromkeys(references, 1.0))
        for head, (covered, sizes) in self.held.items():
            if head in scores.heads and self.calibration:
                at = slice(None) if positions is None else positions
                method = self.calibration.methods[head]
                scores.heads[head].update(coverage_metrics(method, covered[at], sizes[at]))
        return scores

    def metrics(self, positions: np.ndarray | None = None) -> dict[str, float]:
        """Return `<head>_<word>` -> value, as `scores` does."""
        scores = self.scores(positions)
        # Combined losses depend on the loss weights, which describe the training and not the model's quality.
        combined = {word: value for word, value in scores.combined.items() if not word.startswith("loss")}
        return {
            name.removeprefix("rows/"): value
            for name, value in replace(scores, combined=combined).named("rows").items()
        }

    def intervals(self, resamples: int, seed: int = 0) -> dict[str, Interval]:
        """Return every metric with its 95 % bootstrap interval; its bounds are NaN without resamples."""
        rows = np.arange(len(self.rows.rows))
        return _intervals(self.metrics, rows, self.metrics(), resamples, seed)

    def head_intervals(
        self, resamples: int, positions: np.ndarray, seed: int = 0
    ) -> dict[str, dict[str, Interval]]:
        """Return head -> word -> metric of the rows at these positions, as `intervals` does."""

        def flat(rows: np.ndarray) -> dict[tuple[str, str], float]:
            heads = self.scores(rows).heads
            return {(head, word): value for head, words in heads.items() for word, value in words.items()}

        found: dict[str, dict[str, Interval]] = {}
        for (head, word), one in _intervals(flat, positions, flat(positions), resamples, seed).items():
            found.setdefault(head, {})[word] = one
        return found


def _intervals(
    measured: Callable[[np.ndarray], dict[Key, float]],
    positions: np.ndarray,
    values: dict[Key, float],
    resamples: int,
    seed: int,
) -> dict[Key, Interval]:
    """Return the values, each with the interval of what is measured on resamples of these rows."""
    rng, rows = np.random.default_rng(seed), len(positions)
    samples = [measured(positions[rng.integers(0, rows, rows)]) for _ in range(resamples)]
    return {
        name: centred_interval(value, np.array([sample.get(name, np.nan) for sample in samples]))
        if resamples
        else Interval(value, np.nan, np.nan)
        for name, value in values.items()
    }


def centred_interval(value: float, samples: np.ndarray) -> Interval:
    """Return the percentile interval minus the bootstrap's bias (Efron and Tibshirani 1993, chapter 10).

    Resamples repeat rows, which makes calibration look worse than it is; without this correction the interval
    may not contain the value.
    """
    centred = interval(value, samples - np.nanmean(samples) + value, CONFIDENCE)
    return centred._replace(low=max(centred.low, 0.0)) if (samples >= 0).all() else centred


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

    Args:
        data: a data config that has the run's inputs and targets.
        which: "train", "val", "test" or "all".
        own: True if this is the data of the run, so that the split must be the logged one.
        folders: folders in which relative paths are looked up, in this order.
        by: heads, or columns to read with the rows, for slices.

    Raises:
        ConfigError: the data does not fit the run, or the run's own data has changed.
    """
    found = read_rows(run, finished, data, which=which, own=own, folders=folders, make=make, by=by)
    if own and which != "test" and finished.calibration:
        logger.warning(
            "the coverage of sets and intervals on %s rows says little about new rows: the model or its "
            "intervals were fitted on them",
            which,
        )
    baselines = {name: np.array(found.facts[name]["constant"]) for name in found.heads}
    targets = {name: found.targets[name] for name in found.heads}
    return _evaluation(finished, found.rows, found.heads, targets, baselines)


def _evaluation(
    finished: FinishedRun,
    rows: LabelledRows,
    heads: Mapping[str, Head],
    targets: Mapping[str, Target],
    baselines: Mapping[str, np.ndarray],
) -> Evaluation:
    found = finished.forward(raw=True)(rows.raw)
    return evaluation_of(finished, found, rows, heads, targets, baselines)


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


def _mean(losses: np.ndarray) -> float | None:
    labelled = losses[~np.isnan(losses)]
    return float(labelled.mean()) if len(labelled) else None
