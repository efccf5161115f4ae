"""Heads: the fused features into one named output, with its loss and metrics.

A head's output in training is what its loss wants: logits, or numbers in standardised units. `present`
turns it into what people want to read: probabilities. Both in float32, also under mixed precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, ClassVar, Literal

from keras import KerasTensor, layers, ops
from keras.losses import Loss
from keras.metrics import Metric

from pipeline.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Head:
    """What every head takes.

    Args:
        loss: a Keras loss; its mean over the labelled rows is this head's loss.
        metrics: words of `pipeline.metrics`, or Keras metrics.
        units: hidden dense layers of this head alone.
        activation: of the output; null for logits or plain numbers.
        branch: read this branch's features instead of the fusion's: an auxiliary head, which teaches the
            branch directly and shows what it knows by itself.

    The config checks read from the source which `kinds` of target a head takes, and which `losses`,
    `activations` and words of metrics fit it.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    losses: ClassVar[tuple[str, ...]] = ()
    activations: ClassVar[tuple[str | None, ...]] = (None, "linear")
    metric_words: ClassVar[tuple[str, ...]] = ()
    loss: Loss
    metrics: Sequence[str | Metric] = ()
    units: Sequence[int] = ()
    dropout: float = 0.0
    activation: str | None = None
    branch: str | None = None

    def __call__(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        """Return the raw output, (rows, width)."""
        return self.dense(self.hidden(x, name), name, width)

    def hidden(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return what this head alone makes of the fused features, (rows, features)."""
        for i, units in enumerate(self.units, 1):
            x = layers.Dense(units, activation="relu", name=f"{name}_hidden_{i}")(x)
        return layers.Dropout(self.dropout, name=f"{name}_dropout")(x) if self.dropout else x

    def dense(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        return layers.Dense(width, activation=self.activation, dtype="float32", name=name)(x)

    def width(self, units: int) -> int:
        """Width of the output for a target of `units` classes or columns."""
        return units

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return the raw output as people read it; as it is, unless the kind of head says otherwise."""
        return x

    def point(self, outputs: Any) -> Any:
        """Return the single prediction per column, (rows, columns), that metrics of numbers look at."""
        return outputs

    def names(self, names: Sequence[str]) -> list[str]:
        """Name the columns of the output, from the target's classes or columns."""
        return list(names)


@dataclass(frozen=True, kw_only=True)
class Classes(Head):
    """What every head of classes takes.

    Args:
        class_weight: factors in the loss that training descends; the logged losses stay unweighted. With
            "balanced" every class weighs the same in all; or class name -> factor (for heads of yes and no:
            column name -> factor of yes).
    """

    class_weight: str | Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Multiclass(Classes):
    """One of several classes: (rows, classes) logits, presented as probabilities that add up to 1.

    Args:
        calibrate: "temperature" divides the trained logits by one number, fitted on the validation rows.

    Raises:
        ConfigError: there are no logits to divide.
    """

    kinds: ClassVar[tuple[str, ...]] = ("category",)
    losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.SparseCategoricalCrossentropy",
        "keras.losses.CategoricalCrossentropy",
        "keras.losses.CategoricalFocalCrossentropy",
        "keras.losses.KLDivergence",
    )
    activations: ClassVar[tuple[str | None, ...]] = (None, "linear", "softmax")
    metric_words: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auc", "ece")
    calibrate: Literal["temperature"] | None = None

    def __post_init__(self) -> None:
        _check_calibrate(self)

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        return x if self.activation else layers.Softmax(dtype="float32", name=f"{name}_probabilities")(x)


@dataclass(frozen=True, kw_only=True)
class Ordinal(Multiclass):
    """One of several classes that have an order, that of the target's names: a number against thresholds.

    The proportional odds model (McCullagh 1980): P(class <= k) = sigmoid(threshold_k - score), with one score
    a row. The output is the logarithm of each class's probability, (rows, classes), so that it goes through a
    softmax unchanged and the losses of other class heads fit.
    """

    activations: ClassVar[tuple[str | None, ...]] = (None, "linear")
    metric_words: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auc", "ece", "mae")

    def __post_init__(self) -> None:
        if self.calibrate:
            raise ConfigError(
                "heads: calibrate",
                "an ordinal head has no logits of its own",
                found=self.calibrate,
                allowed="null",
            )

    def __call__(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        # The thresholds' own place makes a bias of the score idle.
        score = layers.Dense(1, use_bias=False, dtype="float32", name=f"{name}_score")(self.hidden(x, name))
        learned = layers.Dense(width - 1, use_bias=False, dtype="float32", name=f"{name}_thresholds")
        raw = learned(ops.ones_like(score))
        gaps = ops.softplus(raw[:, 1:])
        # Untrained gaps are log 2 wide: this puts their middle at 0.
        first = raw[:, :1] - log(2) * (width - 2) / 2
        margins = ops.cumsum(ops.concatenate([first, gaps], axis=1), axis=1) - score
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)): no difference of near equals.
        below, above = ops.log_sigmoid(margins), ops.log_sigmoid(-margins)
        between = below[:, 1:] + above[:, :-1] + ops.log(-ops.expm1(-gaps))
        return ops.concatenate([below[:, :1], between, above[:, -1:]], axis=1)


@dataclass(frozen=True, kw_only=True)
class Binary(Classes):
    """Yes or no: (rows, 1) logit, presented as the probability of yes.

    Args:
        calibrate: "temperature" divides the trained logit by one number, fitted on the validation rows.

    Raises:
        ConfigError: there is no logit to divide.
    """

    kinds: ClassVar[tuple[str, ...]] = ("binary",)
    losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.BinaryCrossentropy",
        "keras.losses.BinaryFocalCrossentropy",
    )
    activations: ClassVar[tuple[str | None, ...]] = (None, "linear", "sigmoid")
    metric_words: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auc", "ap", "ece")
    calibrate: Literal["temperature"] | None = None

    def __post_init__(self) -> None:
        _check_calibrate(self)

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        if self.activation:
            return x
        return layers.Activation("sigmoid", dtype="float32", name=f"{name}_probability")(x)


@dataclass(frozen=True, kw_only=True)
class Multilabel(Binary):
    """Several labels that may hold at once: (rows, columns) logits, presented as a probability for each."""

    kinds: ClassVar[tuple[str, ...]] = ("labels",)


@dataclass(frozen=True, kw_only=True)
class Regression(Head):
    """One or several numbers: (rows, columns), in the labels' unit; the data knows the people's."""

    kinds: ClassVar[tuple[str, ...]] = ("number",)
    losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.MeanSquaredError",
        "keras.losses.MeanAbsoluteError",
        "keras.losses.Huber",
        "keras.losses.LogCosh",
    )
    metric_words: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2")
    # These fit as well if the target has `scale: none`: raw labels may be counts, or bounded.
    unscaled_losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.MeanAbsolutePercentageError",
        "keras.losses.MeanSquaredLogarithmicError",
        "keras.losses.Poisson",
    )
    unscaled_activations: ClassVar[tuple[str, ...]] = (
        "relu",
        "softplus",
        "sigmoid",
        "tanh",
        "exponential",
    )


@dataclass(frozen=True, kw_only=True)
class Quantiles(Head):
    """Quantiles of one or several numbers, for an interval instead of a point; they never cross.

    The output is (rows, columns x quantiles): all quantiles of the first column, smallest first, then those
    of the second. Each is the one before plus a positive step.

    Args:
        quantiles: rising, between 0 and 1, with 0.5: the median is the point prediction.

    Raises:
        ConfigError: the loss is made for other quantiles.
    """

    kinds: ClassVar[tuple[str, ...]] = ("number",)
    losses: ClassVar[tuple[str, ...]] = ("pipeline.losses.Pinball",)
    metric_words: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2", "pinball", "coverage")
    quantiles: Sequence[float]

    def __post_init__(self) -> None:
        wanted = getattr(self.loss, "quantiles", None)
        if wanted is None or list(wanted) != list(self.quantiles):
            raise ConfigError(
                "heads: quantiles",
                "the loss is made for other quantiles",
                found=list(self.quantiles),
                allowed="loss: {_target_: pipeline.losses.Pinball, quantiles: ${..quantiles}}",
            )

    def __call__(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        each = len(self.quantiles)
        raw = layers.Reshape((width // each, each))(self.dense(self.hidden(x, name), name, width))
        steps = ops.concatenate([raw[..., :1], ops.softplus(raw[..., 1:])], axis=-1)
        return layers.Reshape((width,))(ops.cumsum(steps, axis=-1))

    def width(self, units: int) -> int:
        return units * len(self.quantiles)

    def point(self, outputs: Any) -> Any:
        return outputs[:, list(self.quantiles).index(0.5) :: len(self.quantiles)]

    def names(self, names: Sequence[str]) -> list[str]:
        return [f"{name} q{quantile:g}" for name in names for quantile in self.quantiles]


def _check_calibrate(head: Multiclass | Binary) -> None:
    if head.calibrate and head.activation:
        raise ConfigError(
            "heads: calibrate",
            f"the output is {head.activation}, no logits that a temperature could divide",
            found=head.calibrate,
            allowed="activation: null, with loss.from_logits: true",
        )
