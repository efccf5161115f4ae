"""Heads: from the fused features to one named output, with its loss and metrics.

In training a head returns what its loss expects: logits or standardised numbers. `present` converts the raw
output to probabilities. Both are float32, even with mixed precision.
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
    """The arguments that all heads share.

    Args:
        loss: a Keras loss; its mean over the labelled rows is the head's loss.
        metrics: names from `pipeline.metrics`, or Keras metrics.
        units: sizes of the head's hidden dense layers.
        activation: activation of the output; null for logits or plain numbers.
        branch: name of a branch whose features the head reads instead of the fusion's. Such an auxiliary head
            trains the branch directly and shows how well it predicts alone.

    Class constants: `kinds` are the kinds of target that a head accepts; `losses`, `activations` and
    `metric_words` are those that fit it. The config checks read them from the source code.
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
        """Apply the head's hidden layers to features (rows, features)."""
        for i, units in enumerate(self.units, 1):
            x = layers.Dense(units, activation="relu", name=f"{name}_hidden_{i}")(x)
        return layers.Dropout(self.dropout, name=f"{name}_dropout")(x) if self.dropout else x

    def dense(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        return layers.Dense(width, activation=self.activation, dtype="float32", name=name)(x)

    def width(self, units: int) -> int:
        """Return the output's width for a target with `units` classes or columns."""
        return units

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        """Convert the raw output to probabilities; unchanged by default."""
        return x

    def point(self, outputs: Any) -> Any:
        """Return one prediction per target column, (rows, columns), for metrics of numbers."""
        return outputs

    def names(self, names: Sequence[str]) -> list[str]:
        """Return the names of the output's columns, given the names of the target's classes or columns."""
        return list(names)


@dataclass(frozen=True, kw_only=True)
class Classes(Head):
    """The arguments that all class heads share.

    Args:
        class_weight: factors on the rows' losses in training; logged losses stay unweighted. "balanced" gives
            every class the same total weight; or class name -> factor (binary and multilabel heads: column
            name -> factor for yes).
    """

    class_weight: str | Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Multiclass(Classes):
    """One of several classes: (rows, classes) logits, presented as probabilities that sum to 1.

    Args:
        calibrate: "temperature" divides the trained logits by one number, fitted on the validation rows.

    Raises:
        ConfigError: `calibrate` is set, but the output has an activation and so is not logits.
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
    """One of several ordered classes, in the order of the target's `names`.

    The proportional odds model (McCullagh 1980): P(class <= k) = sigmoid(threshold_k - score), with one score
    per row. The output is the log-probability of each class, (rows, classes): a softmax leaves it unchanged,
    so the losses of other class heads work too.

    Raises:
        ConfigError: `calibrate` is set.
    """

    activations: ClassVar[tuple[str | None, ...]] = (None, "linear")
    metric_words: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auc", "ece", "mae")

    def __post_init__(self) -> None:
        if self.calibrate:
            raise ConfigError(
                "heads: calibrate",
                "an ordinal head cannot be calibrated, because it has no logits",
                found=self.calibrate,
                allowed="null",
            )

    def __call__(self, x: KerasTensor, name: str, width: int) -> KerasTensor:
        # Without a bias: shifting all thresholds has the same effect.
        score = layers.Dense(1, use_bias=False, dtype="float32", name=f"{name}_score")(self.hidden(x, name))
        learned = layers.Dense(width - 1, use_bias=False, dtype="float32", name=f"{name}_thresholds")
        raw = learned(ops.ones_like(score))
        gaps = ops.softplus(raw[:, 1:])
        # Centres the untrained thresholds at 0: their gaps are log 2 wide.
        first = raw[:, :1] - log(2) * (width - 2) / 2
        margins = ops.cumsum(ops.concatenate([first, gaps], axis=1), axis=1) - score
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), which avoids cancellation.
        below, above = ops.log_sigmoid(margins), ops.log_sigmoid(-margins)
        between = below[:, 1:] + above[:, :-1] + ops.log(-ops.expm1(-gaps))
        return ops.concatenate([below[:, :1], between, above[:, -1:]], axis=1)


@dataclass(frozen=True, kw_only=True)
class Binary(Classes):
    """Yes or no: one logit (rows, 1), presented as the probability of yes.

    Args:
        calibrate: "temperature" divides the trained logit by one number, fitted on the validation rows.
        threshold: the probability above which the prediction is yes: null for 0.5, a number, or how to choose
            it on the validation rows, see `pipeline.thresholds.choose`.

    Raises:
        ConfigError: `calibrate` is set, but the output has an activation and so is not a logit.
    """

    kinds: ClassVar[tuple[str, ...]] = ("binary",)
    losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.BinaryCrossentropy",
        "keras.losses.BinaryFocalCrossentropy",
    )
    activations: ClassVar[tuple[str | None, ...]] = (None, "linear", "sigmoid")
    metric_words: ClassVar[tuple[str, ...]] = ("accuracy", "f1", "auc", "ap", "ece")
    calibrate: Literal["temperature"] | None = None
    threshold: float | str | Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        _check_calibrate(self)

    def present(self, x: KerasTensor, name: str) -> KerasTensor:
        if self.activation:
            return x
        return layers.Activation("sigmoid", dtype="float32", name=f"{name}_probability")(x)


@dataclass(frozen=True, kw_only=True)
class Multilabel(Binary):
    """Several labels that may apply at once: (rows, columns) logits, presented as probabilities."""

    kinds: ClassVar[tuple[str, ...]] = ("labels",)


@dataclass(frozen=True, kw_only=True)
class Regression(Head):
    """One or several numbers: (rows, columns), standardised; the target converts them to its unit."""

    kinds: ClassVar[tuple[str, ...]] = ("number",)
    losses: ClassVar[tuple[str, ...]] = (
        "keras.losses.MeanSquaredError",
        "keras.losses.MeanAbsoluteError",
        "keras.losses.Huber",
        "keras.losses.LogCosh",
    )
    metric_words: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2")
    # Allowed as well if the target has `scale: none`, because raw labels may be counts or bounded.
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
    """Quantiles of one or several numbers: predicts intervals; quantiles never cross.

    The output is (rows, columns x quantiles): the first column's quantiles in rising order, then those of the
    next column. Each quantile is the previous one plus a positive step.

    Args:
        quantiles: rising, between 0 and 1, with 0.5; the median is the point prediction.

    Raises:
        ConfigError: the loss has other quantiles.
    """

    kinds: ClassVar[tuple[str, ...]] = ("number",)
    losses: ClassVar[tuple[str, ...]] = ("pipeline.losses.Pinball",)
    metric_words: ClassVar[tuple[str, ...]] = ("mae", "rmse", "r2", "pinball", "coverage")
    quantiles: Sequence[float]

    def __post_init__(self) -> None:
        of_loss = getattr(self.loss, "quantiles", None)
        if of_loss is None or list(of_loss) != list(self.quantiles):
            raise ConfigError(
                "heads: quantiles",
                "the loss must have the same quantiles as the head",
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
            f"calibration needs logits, but the output has the activation {head.activation}",
            found=head.calibrate,
            allowed="activation: null, with loss.from_logits: true",
        )
