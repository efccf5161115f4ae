"""Losses that Keras does not have."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class Pinball(keras.losses.Loss):
    """The pinball loss: q x error if the label is above the prediction, else (1 - q) x error; mean over q.

    Koenker and Bassett 1978. The q-quantile of the labels minimises the mean loss.

    Args:
        quantiles: between 0 and 1, one for each entry of the prediction's last axis.

    Example:
        >>> Pinball(quantiles=[0.1, 0.5, 0.9])([[2.0]], [[1.0, 2.0, 4.0]])
        0.1
    """

    def __init__(self, *, quantiles: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.quantiles = list(quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss (...) of labels (..., 1) and predictions (..., quantiles)."""
        error = ops.subtract(y_true, y_pred)
        shares = ops.cast(self.quantiles, error.dtype)
        return ops.mean(ops.maximum(shares * error, (shares - 1.0) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantiles": self.quantiles}
