"""Learning-rate schedules."""

import keras
import pytest

from pipeline.schedules import Constant, Cosine, Plateau


def test_constant_keeps_the_rate():
    assert Constant()(0.1, steps=10, epochs=3) == (0.1, [])


def test_cosine_warms_up_to_the_rate_and_decays_to_its_final_share():
    rate, callbacks = Cosine(warmup_epochs=1, final=0.1)(0.5, steps=10, epochs=5)
    values = [float(rate(step)) for step in range(51)]
    assert callbacks == []
    assert values[0] == 0
    assert values[5] == pytest.approx(0.25)
    assert max(values) == values[10] == pytest.approx(0.5)
    assert values[30] == pytest.approx(0.5 * (0.1 + 1) / 2)
    assert values[50] == pytest.approx(0.05)
    assert values[10:] == sorted(values[10:], reverse=True)


def test_cosine_without_warm_up_starts_at_the_rate():
    rate, _ = Cosine(warmup_epochs=0, final=0.0)(0.5, steps=4, epochs=2)
    assert float(rate(0)) == pytest.approx(0.5)
    assert float(rate(8)) == pytest.approx(0.0, abs=1e-8)


@pytest.mark.parametrize("warmup", [0, 1, 5])
def test_cosine_works_for_a_run_of_one_step(warmup):
    rate, _ = Cosine(warmup_epochs=warmup)(0.5, steps=1, epochs=1)
    assert 0 <= float(rate(0)) <= 0.5


def test_plateau_lowers_the_rate_when_the_metric_stops_improving():
    rate, (callback,) = Plateau(monitor="val/class_accuracy", factor=0.5, patience=2, minimum=0.03)(
        0.1, steps=1, epochs=9
    )
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate))
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, accuracy in enumerate([0.5, 0.6, 0.6, 0.5, 0.6, 0.6, 0.6, 0.6]):
        callback.on_epoch_end(epoch, {"val/class_accuracy": accuracy})
        rates.append(round(float(model.optimizer.learning_rate), 4))
    assert rates == [0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03]
