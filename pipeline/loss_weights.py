"""Loss weights that change from epoch to epoch.

`loss_weights.<head>` is a number or a schedule: a callable from the number of completed epochs (0 in the
first epoch) to the weight.

A schedule changes the loss used for training but not `train/loss` and `val/loss`, which use the weights of
the last epoch (number `trainer.epochs`) in every epoch. Otherwise a falling weight would look like progress,
and early stopping would keep the epoch in which a head counted least.

Example:
    loss_weights:
      class: {_target_: pipeline.loss_weights.Linear, start: 0.0, end: 1.0, epochs: 10}
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.rules import NOT_NEGATIVE, Rule, is_whole

LossWeight = float | Callable[[int], float]
DEFAULT = 1.0  # of a head without an entry in loss_weights
NEARLY_ALL = 0.9  # share of labels from which on a head weighs as if none were missing
AUTO = "auto"  # of a head of heads=auto: see `of_share`
EPOCHS = Rule(lambda value: is_whole(value) and value >= 2, "a whole number of at least 2")


def of_share(share: float) -> float:
    """Return the weight of a head that has this share of its training labels: the square root of it.

    A head that lacks at most a tenth of them weighs 1.

    A head's loss is the mean over the labelled rows of a batch, so each row of a head with few labels would
    move the shared layers more than the rows of the others, and with more noise.
    """
    return DEFAULT if share >= NEARLY_ALL else round(math.sqrt(share), 3)


def weights_at(weights: Mapping[str, LossWeight], epoch: int) -> dict[str, float]:
    """Return every head's weight after `epoch` completed epochs.

    Raises:
        ConfigError: a weight is negative or not finite, or all weights are 0.
    """
    numbers = {head: float(weight(epoch) if callable(weight) else weight) for head, weight in weights.items()}
    for head, number in numbers.items():
        if not NOT_NEGATIVE.test(number):
            problem = f"epoch {epoch + 1}: the weight must be finite and >= 0"
            raise ConfigError(f"loss_weights.{head}", problem, found=number)
    if not any(numbers.values()):
        problem = f"all weights are 0 in epoch {epoch + 1}, so the model learns nothing"
        raise ConfigError("loss_weights", problem, found=numbers, allowed="at least one weight above 0")
    return numbers


def logged_weights(weights: Mapping[str, LossWeight], epochs: int) -> dict[str, float]:
    """Return the weights of the logged combined losses: those of the last of `epochs` epochs.

    Raises:
        ConfigError: in some epoch a weight is negative or not finite, or all weights are 0.
    """
    return [weights_at(weights, epoch) for epoch in range(epochs)][-1]


@dataclass(frozen=True, kw_only=True)
class Linear:
    """Changes linearly from `start` in the first epoch to `end` in epoch number `epochs`; then stays."""

    start: float
    end: float
    epochs: int

    def __post_init__(self) -> None:
        check_schedule(type(self).__name__, start=self.start, end=self.end, epochs=self.epochs)

    def __call__(self, epoch: int) -> float:
        """Return the weight after `epoch` completed epochs."""
        return self.start + (self.end - self.start) * progress(epoch, self.epochs)


@dataclass(frozen=True, kw_only=True)
class Cosine:
    """Changes from `start` to `end` like `Linear`, but along half a cosine: slowly at both ends."""

    start: float
    end: float
    epochs: int

    def __post_init__(self) -> None:
        check_schedule(type(self).__name__, start=self.start, end=self.end, epochs=self.epochs)

    def __call__(self, epoch: int) -> float:
        """Return the weight after `epoch` completed epochs."""
        rise = 1 - math.cos(math.pi * progress(epoch, self.epochs))
        return self.start + (self.end - self.start) * rise / 2


def progress(epoch: int, epochs: int) -> float:
    return min(epoch / (epochs - 1), 1.0)


def check_schedule(key: str, *, start: float, end: float, epochs: int) -> None:
    """Checks the ranges of a schedule's arguments; the checks of a config call it too.

    Raises:
        ConfigError: `start` or `end` is negative or not finite, or there are fewer than two epochs.
    """
    NOT_NEGATIVE.check(f"{key}.start", start)
    NOT_NEGATIVE.check(f"{key}.end", end)
    EPOCHS.check(f"{key}.epochs", epochs)
