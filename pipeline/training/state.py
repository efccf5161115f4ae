"""The state of a training that a checkpoint holds: saved after epochs, and put back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
from keras.callbacks import Callback

from pipeline.training.checkpoint import Restore, Saver, assign, load, numbered, scalars
from pipeline.training.fit import Kept, TrainingState
from pipeline.training.trainer import Trainer


@dataclass(frozen=True)
class Restored:
    """A state that has been put back.

    Args:
        progress: the epochs completed, their metrics, and the kept epoch.
        callbacks: one more callback for `fit`; it restores the state of the others once training begins,
            because beginning resets them.
    """

    progress: TrainingState
    callbacks: Sequence[Callback]


def save_to(
    saver: Saver, trainer: Trainer, callbacks: Sequence[Callback], every: int
) -> Callable[[TrainingState], None]:
    """A function that `fit` calls after each epoch: it hands the whole state to the saver.

    Args:
        callbacks: those with a state of their own.
        every: epochs between two checkpoints.
    """

    def save(done: TrainingState) -> None:
        if done.epoch % every:
            return
        arrays = {f"kept.{i}": values for i, values in enumerate(done.kept.weights)}
        for name, variables in _variables(trainer).items():
            arrays |= numbered(name, variables)
        facts = {
            "epoch": done.epoch,
            "history": {name: list(values) for name, values in done.history.items()},
            "kept": {key: value for key, value in vars(done.kept).items() if key != "weights"},
            "callbacks": [scalars(callback) for callback in callbacks],
        }
        saver.offer(done.epoch, arrays, facts)

    return save


def restore(folder: Path, trainer: Trainer, callbacks: Sequence[Callback]) -> Restored | None:
    """Put back the newest checkpoint's state; None if there is no checkpoint.

    Args:
        folder: of the run's checkpoints.
        callbacks: those that `save_to` was given.
    """
    found = load(folder)
    if found is None:
        return None
    arrays, facts = found
    for name, variables in _variables(trainer).items():
        assign(name, variables, arrays)
    weights = [arrays[f"kept.{i}"] for i in range(sum(name.startswith("kept.") for name in arrays))]
    progress = TrainingState(facts["epoch"], facts["history"], Kept(**facts["kept"], weights=weights))
    return Restored(progress, [Restore(callbacks, facts["callbacks"])])


def _variables(trainer: Trainer) -> dict[str, Sequence[keras.Variable]]:
    """Everything that changes in training: weights, dropout's seeds, the optimizer's and balancer's state."""
    return {
        "model": trainer.model.variables,
        "optimizer": trainer.optimizer.variables,
        "balancer": trainer.balancer.variables,
    }
