"""Rising functions of labels, applied before labels are standardised: identity, logarithm, quantiles."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import keras
import numpy as np
from scipy.stats import norm

from pipeline.data.kinds.piecewise import knots_of, piecewise_linear
from pipeline.errors import ConfigError

RATIO = 8.0  # between the 99 % quantile and the median: labels that spread more have a logarithm under `auto`
BEYOND = 100.0  # predictions are at most so many times the largest training label under `log`
COMMON = (0.05, 0.25)  # quantiles of the labels above 0
TINY = np.finfo(np.float64).tiny
POINTS = 101  # knots of `quantile`

logger = logging.getLogger(__name__)


class Transform(Protocol):
    """A rising function of one column of labels, and its inverse.

    Calling it takes and returns float64 (rows,); `inverse` takes float64 (..., 1), a tensor or an array, and
    `forward` takes what `inverse` returned back.
    `impossible` marks labels that the inverse never returns. `facts` are None or, for JSON, what
    `restored_transform` needs.
    """

    word: ClassVar[str]

    def __call__(self, values: np.ndarray) -> np.ndarray: ...

    def inverse(self, scaled: Any) -> Any: ...

    def forward(self, values: Any) -> Any: ...

    def impossible(self, values: np.ndarray) -> np.ndarray: ...

    def facts(self) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Identity:
    """Leaves labels as they are."""

    word: ClassVar[str] = "standard"

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return values

    def inverse(self, scaled: Any) -> Any:
        return scaled

    def forward(self, values: Any) -> Any:
        return values

    def impossible(self, values: np.ndarray) -> np.ndarray:
        return np.zeros(values.shape, dtype=bool)

    def facts(self) -> None:
        return None


@dataclass(frozen=True)
class Log:
    """log(value + offset).

    Args:
        offset: 0 if all training labels are above 0; else 1, the usual log(1 + value), for whole numbers and
            where 1 is a common label, and otherwise the common label above 0 that is nearest to 1.
        lowest: labels below this, or at it without an offset, have the logarithm of `nearest`.
        nearest: the smallest label with a logarithm.
        highest: the largest prediction.
    """

    word: ClassVar[str] = "log"

    offset: float
    nearest: float
    highest: float

    @classmethod
    def of(cls, values: np.ndarray) -> "Log":
        """The transform for labels of at least 0, (rows,)."""
        positive = values[values > 0]
        highest = BEYOND * float(values.max())
        if len(positive) == len(values):
            return cls(0.0, float(values.min()), highest)
        whole = bool((values == np.floor(values)).all())
        if whole or not len(positive):
            return cls(1.0, 0.0, highest)
        return cls(float(np.clip(1.0, *np.quantile(positive, COMMON))), 0.0, highest)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.log(np.where(self.impossible(values), self.nearest, values) + self.offset)

    def inverse(self, scaled: Any) -> Any:
        top = np.log(self.highest + self.offset) if self.highest > 0 else 0.0
        values = keras.ops.exp(keras.ops.minimum(scaled, top)) - self.offset
        return keras.ops.maximum(values, 0.0) if self.offset else values

    def forward(self, values: Any) -> Any:
        return keras.ops.log(keras.ops.maximum(values + self.offset, TINY))

    def impossible(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values < 0 if self.offset else values <= 0)

    def facts(self) -> dict[str, Any]:
        return {"scale": self.word, **asdict(self)}


@dataclass(frozen=True)
class Quantile:
    """The score of a normal distribution at the label's quantile among the training labels.

    `knots` and `scores` are (points,) lists, rising; between them the function is linear.
    """

    word: ClassVar[str] = "quantile"

    knots: list[float]
    scores: list[float]

    @classmethod
    def of(cls, values: np.ndarray) -> "Quantile":
        """The transform for training labels (rows,)."""
        shares = np.linspace(0, 1, POINTS)
        margin = 0.5 / max(len(values), POINTS)
        scores = norm.ppf(np.clip(shares, margin, 1 - margin))
        knots, heights = knots_of(np.quantile(values, shares)[:, None], scores)
        return cls(knots[:, 0].tolist(), heights[:, 0].tolist())

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(values, self.knots, self.scores))

    def inverse(self, scaled: Any) -> Any:
        return piecewise_linear(scaled, np.array(self.scores)[:, None], np.array(self.knots)[:, None])

    def forward(self, values: Any) -> Any:
        return piecewise_linear(values, np.array(self.knots)[:, None], np.array(self.scores)[:, None])

    def impossible(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((values < self.knots[0]) | (values > self.knots[-1]))

    def facts(self) -> dict[str, Any]:
        return {"scale": self.word, **asdict(self)}


def fit_transform(train: np.ndarray, scale: str, *, label: str, key: str) -> Transform:
    """The transform of one column of labels.

    Args:
        train: training labels (rows,), NaN = missing.
        scale: one of `NUMBER_SCALES`; "auto" chooses and logs a warning unless it chooses "standard".
        label: name of the column, for messages.
        key: the config key to name in messages.

    Raises:
        ConfigError: "log" for labels below 0.
    """
    values = train[~np.isnan(train)]
    if scale == "quantile":
        return Quantile.of(values)
    if scale == "log":
        if values.min() < 0:
            problem = f"labels of column '{label}' below 0 have no logarithm"
            raise ConfigError(
                key, problem, found=f"{values.min():g}", allowed="standard, quantile, none, auto"
            )
        return Log.of(values)
    if scale == "auto" and spans_magnitudes(values):
        logger.warning(
            "%s: the labels are skewed (median %.4g, largest %.4g), so the loss is that of their logarithm; "
            "predictions and metrics are in the unit of the labels (%s=standard changes that)",
            *(label, np.median(values), values.max(), key),
        )
        return Log.of(values)
    return Identity()


def spans_magnitudes(values: np.ndarray) -> bool:
    """Whether labels (rows,) are at least 0 and so skewed that their logarithm is the better target."""
    if values.min() < 0 or values.max() <= 0:
        return False
    offset = Log.of(values).offset
    middle, high = np.quantile(values, [0.5, 0.99]) + offset
    return bool(high >= RATIO * middle)


def restored_transform(facts: Mapping[str, Any] | None) -> Transform:
    """The transform that has these facts."""
    if facts is None:
        return Identity()
    options = {name: value for name, value in facts.items() if name != "scale"}
    return {"log": Log, "quantile": Quantile}[facts["scale"]](**options)  # type: ignore[no-any-return]
