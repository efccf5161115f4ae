"""What the trainer asks of a balancer. The contract is told in the package's docstring."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Protocol

import keras
import tensorflow as tf

from pipeline.errors import ConfigError

Needs = Literal["losses", "gram"]
LEVELS = ("representation", "parameters", "last_shared")


class Balancer(Protocol):
    """Defaults of the contract; whoever has all of these names need not inherit from it."""

    needs: ClassVar[Needs] = "losses"
    needs_losses_after: ClassVar[bool] = False
    weighted: ClassVar[bool] = False
    level: str = "representation"
    scale_private: bool = True

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ConfigError("balancer.level", "no such level", found=self.level, allowed=LEVELS)

    @property
    def variables(self) -> list[keras.Variable]:
        """The whole state, in a fixed order: saved and restored, the next step is the same."""
        return []

    def build(self, heads: Sequence[str], kinds: Mapping[str, str]) -> None:
        """Make the state's variables for these heads, in this order, of these kinds of target."""
        return

    def weights(self, losses: tf.Tensor, labelled: tf.Tensor, gram: tf.Tensor | None = None) -> tf.Tensor:
        """Return the weights (heads,) float32 of this step, 0 where not labelled."""
        ...

    def update(
        self,
        losses: tf.Tensor,
        labelled: tf.Tensor,
        gram: tf.Tensor | None = None,
        losses_after: tf.Tensor | None = None,
    ) -> None:
        """Move the state on after an optimizer step, from what `weights` got for it."""
        return

    def on_epoch_end(self, mean_losses: tf.Tensor) -> None:
        """Take an epoch's mean training losses (heads,), NaN for a head that had no label in it."""
        return


def per_head(key: str, given: Mapping[str, float], heads: Sequence[str], otherwise: float) -> list[float]:
    """Order a config's numbers by head; `otherwise` for a head that it does not name.

    Raises:
        ConfigError: it names a head that is not there.
    """
    for name in given:
        if name not in heads:
            raise ConfigError(key, "no such head", found=name, allowed=heads)
    return [float(given.get(head, otherwise)) for head in heads]
