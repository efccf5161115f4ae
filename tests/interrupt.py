"""A Keras callback that ends a training by a signal."""

import signal

from keras.callbacks import Callback


class Interrupt(Callback):
    """Sends a signal to its own process at the end of the first epoch."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        signal.raise_signal(self.number)


def overrides(number: int) -> list[str]:
    """What makes a training send itself this signal."""
    callback = f"{{_target_: {__name__}.Interrupt, number: {int(number)}}}"
    return [f"trainer.callbacks=[{callback}]", f"trusted_modules=[{__package__}]"]
