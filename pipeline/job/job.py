"""Everything that one run needs for training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from pipeline.data import Dataset
from pipeline.data.feed import Rows, Stream
from pipeline.heads import Head
from pipeline.insight import Insight, Probe
from pipeline.loss_weights import LossWeight
from pipeline.training.measure import Reference
from pipeline.training.trainer import Trainer


@dataclass(frozen=True)
class Job:
    """Everything that one run needs for training.

    Args:
        heads: by name.
        loss_weights: head -> weight in the logged combined losses.
        schedules: head -> weight in the training loss, epoch by epoch.
        model, presenter: see `pipeline.model`.
        rows: by split.
        references: split -> head -> how the head is measured.
        callbacks: those of the config.
        probe: computes gradients after each epoch; None if the config wants none.
        level: of the sets and intervals, if the data set has calibration rows.
    """

    dataset: Dataset
    heads: Mapping[str, Head]
    loss_weights: Mapping[str, float]
    schedules: Mapping[str, LossWeight]
    model: keras.Model
    presenter: keras.Model
    trainer: Trainer
    rows: Mapping[str, Rows | Stream]
    references: Mapping[str, Mapping[str, Reference]]
    callbacks: Sequence[keras.callbacks.Callback]
    insight: Insight
    probe: Probe | None
    level: float = 0.9
