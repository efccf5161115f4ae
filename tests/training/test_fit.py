"""Epochs, kept weights, stopping: with a trainer whose losses are written down beforehand."""

import keras
import numpy as np
import pytest

from pipeline.errors import ConfigError
from pipeline.loss_weights import Linear
from pipeline.training import fit as module
from pipeline.training.epoch import Epoch
from pipeline.training.fit import fit, order_of, reject_batch_hooks
from pipeline.training.measure import Reference
from pipeline.training.refit import Refit


class ScriptedTrainer:
    """Its weight is the number of epochs trained, its validation loss comes from a list."""

    def __init__(self, val_losses):
        self.model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
        self.model.set_weights([np.zeros((1, 1))])
        self.losses, self.val_losses, self.seen = {"score": None}, list(val_losses), []

    def train(self, rows, order, loss_weights, watch=None):
        self.model.set_weights([self.model.get_weights()[0] + 1])
        self.seen.append((list(order), list(loss_weights)))
        return self._epoch(1.0, order, {"score": 2.0}, {"score": 1.0})

    def evaluate(self, rows):
        return self._epoch(self.val_losses[len(self.seen) - 1], np.arange(4), {}, {})

    def _epoch(self, loss, order, weights, shares):
        outputs = {"score": np.zeros((4, 1))}
        losses = {} if loss is None else {"score": loss}
        return Epoch(losses, 0.5, weights, shares, outputs, outputs, np.asarray(order), 0.1)


HEAD = Reference("number", np.arange(4.0)[:, None], ["mae"], [], baseline_loss=2.0)
HEADS = {split: {"score": HEAD} for split in ("train", "val")}
ROWS = {"train": range(4), "val": range(4)}


def run(val_losses, **options):
    trainer = ScriptedTrainer(val_losses)
    defaults = {
        "epochs": len(val_losses),
        "shuffle": True,
        "seed": 0,
        "early_stopping": {"monitor": "val/loss", "patience": 2},
    }
    return trainer, fit(trainer, ROWS, HEADS, **{"loss_weights": {"score": 2.0}, **defaults, **options})


def test_the_weights_of_the_best_epoch_are_kept():
    trainer, fitted = run([3.0, 1.0, 2.0, 0.5, 0.7])
    assert fitted.best_epoch == 4
    assert trainer.model.get_weights()[0] == 4
    assert fitted.best["val/score_loss"] == 0.5
    assert len(fitted.history["val/loss"]) == 5


def test_heads_are_refitted_from_the_kept_epoch_if_they_have_a_weight(monkeypatch):
    asked = []

    def refit_heads(model, losses, rows, heads, constants):
        asked.append((float(model.get_weights()[0][0, 0]), heads))
        model.set_weights([np.full((1, 1), 9.0)])
        return {"score": Refit(10, 0.5, 0.25)}

    monkeypatch.setattr(module, "refit_heads", refit_heads)
    trainer, fitted = run([3.0, 0.5, 0.7], refit=True)
    assert asked == [(2.0, ["score"])]
    assert trainer.model.get_weights()[0] == 9
    # The scripted trainer's loss in epoch 3: `best` is measured again, after the refit.
    assert (fitted.best_epoch, fitted.best["val/score_loss"]) == (2, 0.7)
    assert fitted.refits == {"score": Refit(10, 0.5, 0.25)}
    run([3.0, 0.5], refit=True, loss_weights={"score": 2.0, "other": 0.0})
    assert asked[1:] == [(2.0, ["score"])]
    run([3.0, 0.5], refit=True, early_stopping=None)
    assert len(asked) == 2


def test_training_stops_when_patience_is_exhausted():
    trainer, fitted = run([1.0, 2.0, 2.0, 0.1, 0.1])
    assert len(trainer.seen) == 3
    assert (fitted.best_epoch, trainer.model.get_weights()[0]) == (1, 1)


def test_a_head_that_stops_improving_is_no_longer_trained():
    stopping = {"monitor": "val/loss", "patience": 9, "head_patience": 2}
    trainer, fitted = run([3.0, 1.0, 2.0, 2.0, 0.5], early_stopping=stopping)
    # The only head was released after epoch 4, so nothing was left to train.
    assert [weights for _, weights in trainer.seen] == [[2.0]] * 4
    assert (fitted.best_epoch, fitted.heads.best_epoch) == (2, {"score": 2})
    assert fitted.heads.released == {"score": 4}
    assert trainer.model.get_weights()[0] == 2


def test_an_equal_epoch_is_no_better():
    assert run([1.0, 1.0])[1].best_epoch == 1


def test_larger_is_better_where_the_metric_says_so():
    _, fitted = run([1.0, 0.5, 0.9], early_stopping={"monitor": "val/score_skill", "patience": 5})
    assert fitted.best_epoch == 2


def test_without_early_stopping_the_last_epoch_is_kept():
    trainer, fitted = run([1.0, 2.0, 3.0, 4.0], early_stopping=None)
    assert (fitted.best_epoch, trainer.model.get_weights()[0]) == (4, 4)
    assert fitted.best["val/score_loss"] == 4.0


def test_combined_losses_carry_weights_and_regularisation():
    _, fitted = run([3.0])
    assert fitted.history["val/loss"] == [2.0 * 3.0 + 0.5]
    assert fitted.history["val/loss_unweighted"] == [3.0]
    assert fitted.history["train/loss"] == [2.0 * 1.0 + 0.5]
    assert fitted.history["weight/score"] == [2.0]
    assert fitted.history["val/score_skill"] == fitted.history["val/skill"] == [1 - 3.0 / 2.0]
    assert "train/score_skill" not in fitted.history


def test_an_absent_value_is_absent_and_the_history_keeps_its_place():
    _, fitted = run([3.0, None, 2.0], early_stopping=None)
    assert fitted.history["val/score_loss"][0] == 3.0
    assert np.isnan(fitted.history["val/score_loss"][1])
    assert fitted.history["val/score_loss"][2] == 2.0


def test_a_monitor_that_is_not_measured_is_named():
    with pytest.raises(ConfigError, match="val/clas_loss"):
        run([1.0], early_stopping={"monitor": "val/clas_loss", "patience": 1})


def test_the_order_depends_on_seed_and_epoch_alone():
    assert list(order_of(3, 50, 7, True)) == list(order_of(3, 50, 7, True))
    assert list(order_of(3, 50, 7, True)) != list(order_of(4, 50, 7, True))
    assert list(order_of(3, 50, 7, True)) != list(order_of(3, 50, 8, True))
    assert sorted(order_of(3, 50, 7, True)) == list(order_of(3, 50, 7, False)) == list(range(50))


def test_keras_callbacks_hear_of_epochs_and_may_stop_the_training():
    heard = []

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            heard.append((epoch, logs["val/loss"]))
            self.model.stop_training = epoch == 1

    trainer, _ = run([1.0, 1.0, 1.0], callbacks=[Stop()], early_stopping=None)
    assert heard == [(0, 2.5), (1, 2.5)]
    assert len(trainer.seen) == 2


def test_a_callback_that_waits_for_batches_is_refused_by_name():
    class PerBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    with pytest.raises(ConfigError, match=r"trainer.callbacks\[1\]: PerBatch has on_train_batch_end"):
        reject_batch_hooks([keras.callbacks.Callback(), PerBatch()])


def test_a_changing_weight_is_descended_and_changes_no_objective():
    falling = Linear(start=4.0, end=1.0, epochs=4)
    trainer, fitted = run([1.0, 0.9, 0.8, 0.7], loss_weights={"score": falling})
    assert [weights for _, weights in trainer.seen] == [[4.0], [3.0], [2.0], [1.0]]
    assert fitted.history["val/loss"] == pytest.approx([1.5, 1.4, 1.3, 1.2])
    assert fitted.best_epoch == 4
