"""Learning-rate schedules, called with the optimizer's rate and the number of steps per epoch and of epochs.

A schedule returns the learning rate (a number, or a Keras schedule that is evaluated at every step) and the
callbacks that change it between epochs.
"""

from dataclasses import dataclass
from typing import Any

from keras.callbacks import Callback, ReduceLROnPlateau
from keras.optimizers.schedules import CosineDecay, LearningRateSchedule

from pipeline.metric_names import direction


@dataclass(frozen=True, kw_only=True)
class Constant:
    """Keeps the learning rate constant."""

    def __call__(self, rate: float, *, steps: int, epochs: int) -> tuple[Any, list[Callback]]:
        return rate, []


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Warms up linearly from 0, then decays along a cosine to `final` x the rate at the end of training.

    Loshchilov and Hutter 2017 (arXiv:1608.03983), without restarts.
    """

    warmup_epochs: float = 1
    final: float = 0.01

    def __call__(
        self, rate: float, *, steps: int, epochs: int
    ) -> tuple[LearningRateSchedule, list[Callback]]:
        warmup = min(round(self.warmup_epochs * steps), epochs * steps - 1)
        decay = max(1, epochs * steps - warmup)
        if warmup < 1:
            return CosineDecay(rate, decay, alpha=self.final), []
        return CosineDecay(0.0, decay, alpha=self.final, warmup_target=rate, warmup_steps=warmup), []


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """Multiplies the rate by `factor` after `patience` epochs without improvement, down to `minimum`."""

    monitor: str = "val/loss"
    factor: float = 0.5
    patience: int = 3
    minimum: float = 1e-6

    def __call__(self, rate: float, *, steps: int, epochs: int) -> tuple[float, list[Callback]]:
        callback = ReduceLROnPlateau(
            self.monitor,
            factor=self.factor,
            patience=self.patience,
            min_lr=self.minimum,
            mode=direction(self.monitor),
        )
        return rate, [callback]
