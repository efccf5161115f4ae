"""The loss whose smallest mean is at a quantile."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops


class Pinball(keras.losses.Loss):
    """q x error where the truth is above the prediction, (1 - q) x error where it is below; mean over q.

    Koenker and Bassett 1978. The prediction with the smallest mean loss is the q-quantile of the truth.

    Args:
        quantiles: one for each entry of the prediction's last axis, between 0 and 1.

    Example:
        >>> Pinball(quantiles=[0.1, 0.5, 0.9])([[2.0]], [[1.0, 2.0, 4.0]])
        0.1
    """

    def __init__(self, *, quantiles: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.quantiles = list(quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of (..., 1) truths and (..., quantiles) predictions, (...)."""
        error = ops.subtract(y_true, y_pred)
        shares = ops.cast(self.quantiles, error.dtype)
        return ops.mean(ops.maximum(shares * error, (shares - 1.0) * error), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "quantiles": self.quantiles}
