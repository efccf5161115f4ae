"""The state of a training, saved after an epoch and restored into another trainer."""

import keras
import numpy as np
import pytest

from pipeline import balancers
from pipeline.errors import ConfigError
from pipeline.training.checkpoint import Saver
from pipeline.training.fit import KeptEpoch, TrainingState
from pipeline.training.head_progress import HeadProgress
from pipeline.training.state import restore, save_to
from tests.small_trainer import make_trainer, train


def trainer():
    return make_trainer(balancer=balancers.GradNorm(), optimizer="adam", dropout=0.2, average=0.9)


def variables(made):
    parts = made.model, made.optimizer, made.balancer, made.average
    return [variable for part in parts for variable in part.variables]


class Counter(keras.callbacks.Callback):
    """Counts what it hears of, and begins anew with each training."""

    def __init__(self):
        super().__init__()
        self.heard = 0

    def on_train_begin(self, logs=None):
        self.heard = 0


def state_after(epoch, made):
    kept = KeptEpoch("val/loss", 3, epoch=1, metrics={"val/loss": 0.5}, weights=made.model.get_weights())
    heads = HeadProgress(4, {"class": 1}, {"class": 0.25}, {"class": 2})
    return TrainingState(epoch, {"val/loss": [0.5, float("nan")]}, kept, heads)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A trainer saved after two epochs: the folder, its variables, and its losses in the third epoch."""
    folder = tmp_path_factory.mktemp("saved")
    made, counter = trainer(), Counter()
    train(made, epochs=2)
    counter.heard = 7
    with Saver(folder) as saver:
        save_to(saver, made, [counter], every=1)(state_after(2, made))
    return folder, [np.array(variable) for variable in variables(made)], train(made)[0].losses


def test_everything_that_training_changes_is_restored(saved):
    folder, values, losses = saved
    other = trainer()
    restored = restore(folder, other, [Counter()])
    for variable, value in zip(variables(other), values, strict=True):
        np.testing.assert_array_equal(variable, value)
    assert restored.progress.epoch == 2
    np.testing.assert_array_equal(restored.progress.history["val/loss"], [0.5, np.nan])
    assert restored.progress.heads == HeadProgress(4, {"class": 1}, {"class": 0.25}, {"class": 2})
    assert train(other)[0].losses == losses


def test_the_kept_epoch_comes_back_with_its_weights(saved):
    other = trainer()
    kept = restore(saved[0], other, [Counter()]).progress.kept
    assert (kept.monitor, kept.patience, kept.epoch, kept.metrics) == ("val/loss", 3, 1, {"val/loss": 0.5})
    # The trainer was saved right after the epoch that it kept.
    for mine, theirs in zip(kept.weights, other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_callbacks_get_their_state_back_after_training_has_reset_them(saved):
    counter = Counter()
    (again,) = restore(saved[0], trainer(), [counter]).callbacks
    counter.on_train_begin()
    again.on_train_begin()
    assert counter.heard == 7


def test_epochs_between_checkpoints_are_not_saved(tmp_path):
    made = trainer()
    with Saver(tmp_path) as saver:
        save = save_to(saver, made, [], every=3)
        for epoch in (1, 2):
            save(state_after(epoch, made))
    assert restore(tmp_path, made, []) is None
    with Saver(tmp_path) as saver:
        save_to(saver, made, [], every=3)(state_after(3, made))
    assert restore(tmp_path, made, []).progress.epoch == 3


def test_the_checkpoint_of_another_model_is_refused(saved):
    with pytest.raises(ConfigError, match="does not fit the model"):
        restore(saved[0], make_trainer(("class",)), [])
