"""A Keras callback that logs the metrics of each epoch to MLflow."""

from collections.abc import Callable, Mapping

from keras.callbacks import Callback


class LogEpochs(Callback):
    """Logs the metrics of each epoch; the step is the number of completed epochs.

    Args:
        put: takes the metrics and the step.
    """

    def __init__(self, put: Callable[[Mapping[str, float], int], None]) -> None:
        super().__init__()
        self.put = put

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.put(logs or {}, epoch + 1)
