"""The state of a training that a checkpoint holds: saved after epochs, and put back."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.training.checkpoint import Restore, assign, load, numbered, scalars
from pipeline.training.fit import Kept, TrainingState


def save_to(saver: Any, job: Any, every: int) -> Callable[[Any], None]:
    """What `fit` calls after each epoch: hands the whole state to a `checkpoint.Saver`.

    Args:
        every: epochs.
    """

    def save(done: Any) -> None:
        if done.epoch % every:
            return
        arrays = {f"kept.{i}": values for i, values in enumerate(done.kept.weights)}
        for name, variables in _states(job).items():
            arrays |= numbered(name, variables)
        facts = {
            "epoch": done.epoch,
            "history": {name: list(values) for name, values in done.history.items()},
            "kept": {key: value for key, value in vars(done.kept).items() if key != "weights"},
            "callbacks": [scalars(callback) for callback in job.callbacks],
        }
        saver.offer(done.epoch, arrays, facts)

    return save


def restore(folder: Path, job: Any) -> tuple[Any, list[Any]]:
    """Put the newest checkpoint's state in place.

    Args:
        folder: of the run's checkpoints.

    Returns:
        How far the run had come, and the callback that puts back the callbacks' own state once training
        begins, as beginning resets it; None and nothing where no epoch had been completed.
    """
    found = load(folder)
    if found is None:
        return None, []
    arrays, facts = found
    for name, variables in _states(job).items():
        assign(name, variables, arrays)
    weights = [arrays[f"kept.{i}"] for i in range(sum(name.startswith("kept.") for name in arrays))]
    done = TrainingState(facts["epoch"], facts["history"], Kept(**facts["kept"], weights=weights))
    return done, [Restore(job.callbacks, facts["callbacks"])]


def _states(job: Any) -> dict[str, Sequence[Any]]:
    """Everything that changes in training: weights and dropout's draws, the optimizer's, the balancer's."""
    trainer = job.trainer
    return {
        "model": trainer.model.variables,
        "optimizer": trainer.optimizer.variables,
        "balancer": trainer.balancer.variables,
    }
