"""A Keras callback that hands each epoch's metrics to MLflow."""

from collections.abc import Callable, Mapping

from keras.callbacks import Callback


class LogEpochs(Callback):
    """Hands each epoch's metrics on; step = epochs completed."""

    def __init__(self, put: Callable[[Mapping[str, float], int], None]) -> None:
        super().__init__()
        self.put = put

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.put(logs or {}, epoch + 1)
