"""The interface of a balancer; the package's docstring describes it."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Protocol

import keras
import tensorflow as tf

from pipeline.errors import ConfigError

Needs = Literal["losses", "gram"]
LEVELS = ("representation", "parameters", "last_shared")


class Balancer(Protocol):
    """Default members of a balancer. A class that has all of them need not inherit from this one."""

    needs: ClassVar[Needs] = "losses"
    needs_losses_after: ClassVar[bool] = False
    weighted: ClassVar[bool] = False
    level: str = "representation"
    scale_private: bool = True

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ConfigError("balancer.level", "there is no such level", found=self.level, allowed=LEVELS)

    @property
    def variables(self) -> list[keras.Variable]:
        """The whole state, in a fixed order."""
        return []

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        """Create the state for these heads, in this order; `kinds` maps head -> kind of target."""
        return

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        """Return the weights (heads,) of this step, float32; 0 where not labelled."""
        ...

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        """Update the state after an optimizer step, from the arguments that `weights` got."""
        return

    def on_epoch_end(self, mean_losses: tf.Tensor) -> None:
        """Update the state from an epoch's mean training losses (heads,); NaN for heads without labels."""
        return


def per_head(key: str, numbers: Mapping[str, float], heads: Sequence[str], default: float) -> list[float]:
    """Return the config's number for each head, in the order of `heads`.

    Raises:
        ConfigError: `numbers` names a head that does not exist.
    """
    for name in numbers:
        if name not in heads:
            raise ConfigError(key, "there is no such head", found=name, allowed=heads)
    return [float(numbers.get(head, default)) for head in heads]
