"""Loss weights that change from epoch to epoch.

`loss_weights.<head>` is a number, or one of these, called with the number of epochs completed (0 in the
first).

A schedule changes what is descended, never what `train/loss` and `val/loss` mean: these carry the weights
of the last epoch of `trainer.epochs` from the first epoch on. Otherwise a falling weight would pass for
progress, and early stopping would keep the epoch in which a head counted least.

Example:
    loss_weights:
      class: {_target_: pipeline.loss_weights.Linear, start: 0.0, end: 1.0, epochs: 10}
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError

LossWeight = float | Callable[[int], float]
DEFAULT = 1.0  # of a head without an entry in loss_weights


def weights_at(weights: Mapping[str, LossWeight], epoch: int) -> dict[str, float]:
    """Every head's weight after `epoch` completed epochs.

    Raises:
        ConfigError: a schedule gave no weight, or all weights are 0.
    """
    found = {head: float(weight(epoch) if callable(weight) else weight) for head, weight in weights.items()}
    for head, weight in found.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise ConfigError(f"loss_weights.{head}", f"in epoch {epoch + 1} not a weight", found=weight)
    if not any(found.values()):
        raise ConfigError("loss_weights", f"all weights are 0 in epoch {epoch + 1}", found=found)
    return found


def logged_weights(weights: Mapping[str, LossWeight], epochs: int) -> dict[str, float]:
    """The weights that the combined losses are logged with: those of the last of `epochs` epochs.

    Raises:
        ConfigError: a schedule gives no weight in some epoch, or all weights are 0 in one.
    """
    return [weights_at(weights, epoch) for epoch in range(epochs)][-1]


@dataclass(frozen=True, kw_only=True)
class Linear:
    """From `start` in the first epoch straight to `end` in epoch number `epochs`, and `end` from then on."""

    start: float
    end: float
    epochs: int

    def __post_init__(self) -> None:
        check(self.start, self.end, self.epochs)

    def __call__(self, epoch: int) -> float:
        """Return the weight after `epoch` completed epochs."""
        return self.start + (self.end - self.start) * done(epoch, self.epochs)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """From `start` to `end` as `Linear`, along half a cosine: slowly at both ends, fastest midway."""

    start: float
    end: float
    epochs: int

    def __post_init__(self) -> None:
        check(self.start, self.end, self.epochs)

    def __call__(self, epoch: int) -> float:
        """Return the weight after `epoch` completed epochs."""
        return self.start + (self.end - self.start) * (1 - math.cos(math.pi * done(epoch, self.epochs))) / 2


def done(epoch: int, epochs: int) -> float:
    return min(epoch / (epochs - 1), 1.0)


def check(start: float, end: float, epochs: int) -> None:
    if epochs < 2:
        raise ConfigError("loss_weights: epochs", "a weight needs two epochs to change", found=epochs)
    for key, value in {"start": start, "end": end}.items():
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(f"loss_weights: {key}", "not a weight", found=value, allowed="numbers >= 0")
