"""Loss weights that change from epoch to epoch.

`loss_weights.<head>` is a number, or one of these, called with the number of epochs completed (0 in the
first).

Example:
    loss_weights:
      class: {_target_: pipeline.loss_weights.Linear, start: 0.0, end: 1.0, epochs: 10}
"""

import math
from dataclasses import dataclass

from pipeline.errors import ConfigError


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
