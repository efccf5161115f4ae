"""The trainer against plain Keras, and what its options promise."""

import keras
import numpy as np
import pytest

from pipeline.data.feed import Rows
from pipeline.training.epoch import NotFiniteError
from pipeline.training.fit import order_of
from tests.small_trainer import CODES, INPUTS, LABELS, LOSSES, ROWS, SCORES, make_trainer, plain_keras, train


@pytest.mark.parametrize(
    ("names", "optimizer"),
    [
        (("class", "score"), "adam"),
        *(pytest.param(("class", "score"), name, marks=pytest.mark.slow) for name in ("rmsprop", "sgd")),
        (("class",), "sgd"),
        (("score",), "sgd"),
    ],
)
def test_static_weights_are_those_of_keras_compile_and_fit(names, optimizer):
    trainer = make_trainer(names, optimizer=optimizer)
    plain = plain_keras(names)
    plain.set_weights(trainer.model.get_weights())
    weights = {"class": 2.0, "score": 0.5}
    plain.compile(optimizer, loss={n: LOSSES[n] for n in names}, loss_weights={n: weights[n] for n in names})
    labels = {name: LABELS[name] for name in names}
    history = plain.fit(INPUTS, labels, batch_size=32, epochs=3, shuffle=False, verbose=0).history
    ours = train(trainer, weights=[weights[n] for n in names], epochs=3)
    for epoch, found in enumerate(ours):
        combined = sum(weights[name] * found.losses[name] for name in names)
        assert combined == pytest.approx(history["loss"][epoch], abs=1e-5)
    for mine, theirs in zip(trainer.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_per_head_losses_of_whole_batches_are_those_of_keras():
    # Of whole ones: Keras averages a head's batches as if a short last one were as long as the others.
    whole = {name: values[:96] for name, values in INPUTS.items()}, {n: v[:96] for n, v in LABELS.items()}
    trainer, plain = make_trainer(), plain_keras(("class", "score"))
    plain.set_weights(trainer.model.get_weights())
    plain.compile("rmsprop", loss=LOSSES)
    history = plain.fit(*whole, batch_size=32, epochs=2, shuffle=False, verbose=0).history
    for epoch in range(2):
        found = trainer.train(Rows.of(*whole), np.arange(96), np.ones(2, "float32"))
        for name in LOSSES:
            assert found.losses[name] == pytest.approx(history[f"{name}_loss"][epoch], abs=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"global_clipnorm": 0.1}, pytest.param({"gradient_accumulation_steps": 2}, marks=pytest.mark.slow)],
)
def test_clipping_and_accumulation_are_those_of_keras(options):
    trainer = make_trainer(optimizer=keras.optimizers.Adam(1e-2, **options))
    plain = plain_keras(("class", "score"))
    plain.set_weights(trainer.model.get_weights())
    plain.compile(keras.optimizers.Adam(1e-2, **options), loss=LOSSES)
    plain.fit(INPUTS, LABELS, batch_size=32, epochs=2, shuffle=False, verbose=0)
    train(trainer, epochs=2)
    for mine, theirs in zip(trainer.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_the_same_seed_gives_the_same_numbers():
    runs = [train(make_trainer(dropout=0.5), epochs=2, shuffle=True) for _ in range(2)]
    assert [epoch.losses for epoch in runs[0]] == [epoch.losses for epoch in runs[1]]


def test_what_was_trained_before_changes_no_later_pass():
    trainer, rows = make_trainer(), Rows.of(INPUTS, LABELS)
    trainer.optimizer.learning_rate = 0.0  # the same model in every pass
    weights = np.ones(2, "float32")
    whole = trainer.train(rows, np.arange(ROWS), weights)
    part = trainer.train(rows, np.arange(40), weights)
    other = trainer.train(rows.take(np.arange(ROWS)[::-1]), np.arange(ROWS), weights)
    for name in LABELS:
        np.testing.assert_allclose(part.outputs[name], whole.outputs[name][:40], atol=1e-5)
        np.testing.assert_allclose(other.outputs[name], whole.outputs[name][::-1], atol=1e-5)


def test_long_epochs_in_many_calls_give_the_same_numbers(monkeypatch):
    once = train(make_trainer(), epochs=2, shuffle=True)
    monkeypatch.setattr(
        "pipeline.training.trainer.spans", lambda steps, most: ((i, i + 1) for i in range(steps))
    )
    seen = []
    trainer = make_trainer()
    rows = Rows.of(INPUTS, LABELS)
    often = [
        trainer.train(rows, order_of(e, ROWS, 0, True), np.ones(2, "float32"), watch=seen.append)
        for e in (1, 2)
    ]
    assert [epoch.losses for epoch in once] == [epoch.losses for epoch in often]
    assert seen == [32, 64, 96, 100] * 2


@pytest.mark.slow
def test_xla_gives_the_same_losses():
    plain, compiled = train(make_trainer())[0], train(make_trainer(jit=True))[0]
    assert compiled.losses == pytest.approx(plain.losses, abs=1e-5)


def test_zero_weight_freezes_a_head_and_takes_it_out_of_the_shares():
    trainer = make_trainer(optimizer="adam")
    before = [value.copy() for value in trainer.model.get_layer("head_score").get_weights()]
    epoch = train(trainer, weights=(1.0, 0.0))[0]
    for old, new in zip(before, trainer.model.get_layer("head_score").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert epoch.shares == {"class": 1.0, "score": 0.0}
    assert epoch.losses["score"] > 0


def test_doubling_a_weight_doubles_its_odds_in_the_shares():
    # So small a rate that the losses stay what they are.
    one, two = (
        train(make_trainer(optimizer=keras.optimizers.SGD(1e-9)), weights=(weight, 1.0))[0]
        for weight in (1.0, 2.0)
    )
    odds = [epoch.shares["class"] / epoch.shares["score"] for epoch in (one, two)]
    assert odds[1] == pytest.approx(2 * odds[0], rel=1e-5)
    assert (one.weights, two.weights) == ({"class": 1.0, "score": 1.0}, {"class": 2.0, "score": 1.0})


def test_unlabelled_rows_of_one_head_change_no_other_head_by_a_bit():
    missing = {**LABELS, "score": np.where(np.arange(ROWS)[:, None] < 40, np.nan, SCORES).astype("float32")}
    for labels in (
        missing,
        {**missing, "score": np.where(np.isnan(missing["score"]), np.nan, 7.0).astype("f")},
    ):
        epochs = train(make_trainer(complete=False), labels, weights=(1.0, 0.0))
        assert (
            epochs[0].losses["class"]
            == train(make_trainer(complete=False), weights=(1.0, 0.0))[0].losses["class"]
        )


def test_a_head_without_any_label_is_absent():
    labels = {**LABELS, "score": np.full((ROWS, 1), np.nan, "float32")}
    trainer = make_trainer(complete=False)
    before = trainer.model.get_layer("head_score").get_weights()
    epoch = train(trainer, labels)[0]
    assert epoch.losses.keys() == {"class"}
    for old, new in zip(before, trainer.model.get_layer("head_score").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_branch_of_rate_zero_stays_and_one_of_rate_half_moves_half_as_far():
    steps = []
    for rate in (1.0, 0.5, 0.0):
        trainer = make_trainer(optimizer="adam", factors={"branch_image": rate})
        layer = trainer.model.get_layer("branch_image")
        before = layer.get_weights()[0]
        rows = Rows.of({n: v[:32] for n, v in INPUTS.items()}, {n: v[:32] for n, v in LABELS.items()})
        trainer.train(rows, np.arange(32), np.ones(2, "float32"))
        steps.append(layer.get_weights()[0] - before)
    assert np.abs(steps[0]).min() > 0
    np.testing.assert_allclose(steps[1], steps[0] / 2, rtol=1e-3, atol=1e-8)
    np.testing.assert_array_equal(steps[2], 0)


def test_evaluation_changes_nothing_and_equals_the_numbers_by_hand():
    trainer = make_trainer()
    before = trainer.model.get_weights()
    epoch = trainer.evaluate(Rows.of(INPUTS, LABELS))
    outputs = trainer.model(INPUTS)
    assert epoch.losses["score"] == pytest.approx(np.mean((outputs["score"] - SCORES) ** 2), abs=1e-6)
    assert epoch.losses["class"] == pytest.approx(float(LOSSES["class"](CODES, outputs["class"])), abs=1e-6)
    np.testing.assert_allclose(epoch.raw["class"], outputs["class"], atol=1e-6)
    np.testing.assert_allclose(epoch.outputs["class"].sum(axis=1), 1, atol=1e-6)
    for old, new in zip(before, trainer.model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_head():
    trainer = make_trainer(optimizer=keras.optimizers.SGD(1e30))
    with pytest.raises(NotFiniteError, match=r"head (class|score)"):
        train(trainer, epochs=3)


def test_half_precision_learns_and_keeps_float32_outputs():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        trainer = make_trainer(optimizer=keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2)))
        epochs = train(trainer, epochs=5)
    finally:
        keras.config.set_dtype_policy("float32")
    assert epochs[-1].losses["class"] < epochs[0].losses["class"]
    assert epochs[0].raw["class"].dtype == np.float32
