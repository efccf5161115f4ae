"""The average of the weights, alone and in a trainer."""

import keras
import numpy as np
import pytest

from pipeline.training.trainer import Rows
from pipeline.training.weight_average import WARM_UP, WeightAverage
from tests.small_trainer import INPUTS, LABELS, make_trainer, train


@pytest.fixture
def weights():
    return [keras.Variable(np.zeros((2, 3), "float32")), keras.Variable(np.float32(0.0))]


def step(average, weights, value):
    for weight in weights:
        weight.assign(np.full(weight.shape, value))
    average.update()


def test_the_average_forgets_by_its_decay(weights):
    average = WeightAverage(weights, decay=0.5)
    # The first decay is 1 / WARM_UP, the later ones grow until they reach 0.5.
    expected = 0.0
    for number, value in enumerate([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]):
        step(average, weights, value)
        decay = min(0.5, (1 + number) / (WARM_UP + number))
        expected = decay * expected + (1 - decay) * value
    average.show()
    np.testing.assert_allclose(weights[0].numpy(), np.full((2, 3), expected), rtol=1e-6)
    np.testing.assert_allclose(weights[1].numpy(), expected, rtol=1e-6)


def test_showing_and_hiding_leave_the_optimizers_weights_as_they_were(weights):
    average = WeightAverage(weights, decay=0.9)
    step(average, weights, 3.0)
    average.show()
    average.show()
    assert weights[0].numpy()[0, 0] != 3.0
    average.hide()
    average.hide()
    assert weights[0].numpy()[0, 0] == 3.0


def test_the_average_changes_no_step():
    plain, averaged = make_trainer(), make_trainer(average=0.9)
    losses = [epoch.losses for epoch in train(plain, epochs=3)]
    assert [epoch.losses for epoch in train(averaged, epochs=3)] == losses
    averaged.average.hide()
    for mine, theirs in zip(plain.model.get_weights(), averaged.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_the_model_has_the_averaged_weights_after_an_epoch():
    trainer = make_trainer(average=0.9)
    train(trainer)
    flat = np.concatenate([np.ravel(weight) for weight in trainer.model.get_weights()])
    np.testing.assert_allclose(flat, trainer.average.average.numpy(), rtol=1e-6)
    assert not np.allclose(flat, trainer.average.current.numpy())
    before = trainer.evaluate(Rows.of(INPUTS, LABELS)).losses
    trainer.average.hide()
    assert trainer.evaluate(Rows.of(INPUTS, LABELS)).losses != before
