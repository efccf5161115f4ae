"""Heads: the fused features into one named output, with its loss and metrics.

A head's output in training is what its loss wants: logits, or numbers in standardised units. `present`
turns it into what people want to read: probabilities. Both in float32, also under mixed precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from keras import KerasTensor, layers
from keras.losses import Loss
from keras.metrics import Metric


@dataclass(frozen=True, kw_only=True)
class Head:
    """What every head takes.

    Args:
        loss: a Keras loss; its mean over the labelled rows is this head's loss.
        metrics: words of `pipeline.metrics`, or Keras metrics.
        units: hidden dense layers of this head alone.
        activation: of the output; null for logits or plain numbers.
    """

    loss: Loss
    metrics: Sequence[str | Metric] = ()
    units: Sequence[int] = ()
    dropout: float = 0.0
    activation: str | None = None

    def __call__(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        """Return the raw output, (rows, width)."""
        for i, units in enumerate(self.units, 1):
            x = layers.Dense(units, activation="relu", name=f"{name}_hidden_{i}")(x)
        if self.dropout:
            x = layers.Dropout(self.dropout, name=f"{name}_dropout")(x)
        return layers.Dense(width, activation=self.activation, dtype="float32", name=name)(x)

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return the raw output as people read it; as it is, unless the kind of head says otherwise."""
        return x


@dataclass(frozen=True, kw_only=True)
class Multiclass(Head):
    """One of several classes: (rows, classes) logits, presented as probabilities that add up to 1."""

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        return x if self.activation else layers.Softmax(dtype="float32", name=f"{name}_probabilities")(x)


@dataclass(frozen=True, kw_only=True)
class Binary(Head):
    """Yes or no: (rows, 1) logit, presented as the probability of yes."""

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        if self.activation:
            return x
        return layers.Activation("sigmoid", dtype="float32", name=f"{name}_probability")(x)


@dataclass(frozen=True, kw_only=True)
class Regression(Head):
    """One or several numbers: (rows, columns), in the unit of the labels; the data knows the people's unit."""
