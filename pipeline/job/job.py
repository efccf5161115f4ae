"""Everything a run is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from pipeline.data.feed import Rows, Stream
from pipeline.insight import Insight, Probe
from pipeline.loss_weights import LossWeight
from pipeline.training.measure import Reference
from pipeline.training.trainer import Trainer


@dataclass(frozen=True)
class Job:
    """Everything a run is made of, ready to train."""

    dataset: Any
    heads: Mapping[str, Any]
    loss_weights: Mapping[str, float]  # of the logged losses
    schedules: Mapping[str, LossWeight]  # of what is descended, epoch by epoch
    model: keras.Model
    presenter: keras.Model
    trainer: Trainer
    rows: Mapping[str, Rows | Stream]
    references: Mapping[str, Mapping[str, Reference]]
    callbacks: Sequence[keras.callbacks.Callback]
    insight: Insight
    probe: Probe | None
