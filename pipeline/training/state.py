"""Saves the state of a training after an epoch, and restores it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
from keras.callbacks import Callback

from pipeline.errors import ConfigError
from pipeline.training.checkpoint import (
    Arrays,
    RestoreCallbacks,
    Saver,
    assign,
    callback_state,
    load,
    numbered_arrays,
)
from pipeline.training.fit import KeptEpoch, TrainingState
from pipeline.training.head_progress import HeadProgress
from pipeline.training.trainer import Trainer


@dataclass(frozen=True)
class RestoredState:
    """A restored state, as `fit` takes it.

    Args:
        progress: `start` of `fit`.
        callbacks: further callbacks of `fit`. They restore the state of the others when the training begins,
            because callbacks reset themselves then.
    """

    progress: TrainingState
    callbacks: Sequence[Callback]


def save_to(
    saver: Saver, trainer: Trainer, callbacks: Sequence[Callback], every: int
) -> Callable[[TrainingState], None]:
    """Return the `save` argument of `fit`, which passes the whole state to the saver.

    Args:
        callbacks: those whose state is saved.
        every: number of epochs from one checkpoint to the next.
    """

    def save(state: TrainingState) -> None:
        if state.epoch % every:
            return
        kept = state.kept.weights if state.kept.monitor else []  # the last epoch's are those of the model
        arrays = {f"kept.{i}": values for i, values in enumerate(kept)}
        for name, variables in _variables(trainer).items():
            arrays |= numbered_arrays(name, variables)
        facts = {
            "epoch": state.epoch,
            "history": {name: list(values) for name, values in state.history.items()},
            "kept": {key: value for key, value in vars(state.kept).items() if key != "weights"},
            "heads": vars(state.heads),
            "callbacks": [callback_state(callback) for callback in callbacks],
        }
        saver.offer(state.epoch, arrays, facts)

    return save


def restore(
    folder: Path, trainer: Trainer, callbacks: Sequence[Callback], rate: float = 1.0
) -> RestoredState | None:
    """Restore the trainer from the newest checkpoint; None if there is no checkpoint.

    Args:
        folder: the folder of the run's checkpoints.
        callbacks: the same callbacks as in `save_to`.
        rate: factor on the restored learning rate.

    Raises:
        ConfigError: every checkpoint is damaged, or the newest one belongs to another model.
    """
    checkpoint = load(folder)
    if checkpoint is None:
        return None
    arrays, facts = checkpoint
    try:
        for name, variables in _variables(trainer).items():
            assign(name, variables, arrays)
        progress = _progress(arrays, facts, trainer)
        restoring = RestoreCallbacks(callbacks, facts["callbacks"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        problem = "the checkpoint does not fit the model that this version makes of the run's config and data"
        allowed = "the version of the program that trained the run; or a new run"
        raise ConfigError("resume", problem, found=error, allowed=allowed) from error
    learning_rate = trainer.optimizer.learning_rate
    if isinstance(learning_rate, keras.Variable):  # else it comes from a schedule, and is not stored
        learning_rate.assign(learning_rate * rate)
    return RestoredState(progress, [restoring])


def _progress(arrays: Arrays, facts: Mapping[str, Any], trainer: Trainer) -> TrainingState:
    weights = [arrays[f"kept.{i}"] for i in range(sum(name.startswith("kept.") for name in arrays))]
    return TrainingState(
        facts["epoch"],
        facts["history"],
        KeptEpoch(**facts["kept"], weights=weights or trainer.model.get_weights()),
        HeadProgress(**facts.get("heads", {})),  # checkpoints of version 0.1 have none
    )


def _variables(trainer: Trainer) -> dict[str, Sequence[keras.Variable]]:
    """Return everything that training changes; the model's variables include the random states of dropout."""
    return {
        "model": trainer.model.variables,
        "optimizer": trainer.optimizer.variables,
        "balancer": trainer.balancer.variables,
        "average": trainer.average.variables if trainer.average else [],
    }
