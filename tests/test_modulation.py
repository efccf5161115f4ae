"""Modulation scales the updates of branches that are ahead."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.data.feed import Rows
from pipeline.errors import ConfigError
from pipeline.model import encode
from pipeline.modulation import OGMGE, Off, solo_score
from tests.small_trainer import INPUTS, LABELS, make_trainer, train

ONES = np.ones(2, "float32")
TENSORS = {name: tf.constant(values) for name, values in LABELS.items()}


@functools.cache
def free_step(optimizer="adam", dropout=0.0):
    """Return the changes of one step without modulation."""
    return one_step(None, optimizer, dropout=dropout)[1]


def one_step(modulation, optimizer="adam", **options):
    """Return the trainer and how one step on 32 rows changes every branch's first kernel."""
    trainer = make_trainer(optimizer=optimizer, modulation=modulation, **options)
    before = {name: trainer.model.get_layer(f"branch_{name}").get_weights()[0] for name in INPUTS}
    rows = Rows.of(INPUTS, LABELS).take(np.arange(32))
    trainer.train(rows, np.arange(32), ONES)
    return trainer, {
        name: trainer.model.get_layer(f"branch_{name}").get_weights()[0] - old for name, old in before.items()
    }


@functools.cache
def expected_factors(alpha):
    """Compute the factors by hand, from the heads' outputs with the other branch at 0."""
    trainer = make_trainer()
    features = encode(trainer.model, {n: v[:32] for n, v in INPUTS.items()}, training=False)
    scores = {}
    for name in INPUTS:
        only_this = {n: x if n == name else tf.zeros_like(x) for n, x in features.items()}
        fused = trainer.model.get_layer("fusion")(only_this)
        chances = tf.nn.softmax(trainer.model.get_layer("head_class")(fused)).numpy()
        right = chances[np.arange(32), LABELS["class"][:32]].mean()
        near = np.exp(-((trainer.model.get_layer("head_score")(fused) - LABELS["score"][:32]) ** 2)).mean()
        scores[name] = right + near
    found = {}
    for name, other in (("image", "series"), ("series", "image")):
        ratio = scores[name] / scores[other]
        found[name] = 1 - np.tanh(alpha * ratio) if ratio > 1 else 1.0
    return found


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_the_update_of_the_branch_that_is_ahead_is_scaled_by_the_papers_factor(optimizer):
    expected = expected_factors(0.5)
    assert min(expected.values()) < 0.7
    assert max(expected.values()) == 1.0
    free = free_step(optimizer)
    _, held = one_step(OGMGE(alpha=0.5, add_noise=False), optimizer)
    for name, factor in expected.items():
        np.testing.assert_allclose(held[name], factor * free[name], rtol=1e-3, atol=1e-7)


def test_the_factor_multiplies_the_learning_rate_of_the_branch():
    free = free_step()
    _, held = one_step(OGMGE(alpha=0.5, add_noise=False), factors={"branch_image": 0.5, "branch_series": 0.5})
    for name, factor in expected_factors(0.5).items():
        np.testing.assert_allclose(held[name], 0.5 * factor * free[name], rtol=1e-3, atol=1e-7)


@pytest.mark.slow
def test_alpha_zero_and_off_have_no_effect():
    for modulation in (OGMGE(alpha=0.0), Off()):
        free = free_step(dropout=0.2)
        _, held = one_step(modulation, dropout=0.2)
        for name in INPUTS:
            np.testing.assert_allclose(held[name], free[name], rtol=1e-5, atol=1e-9)


def test_only_the_branch_that_is_ahead_gets_noise_with_the_spread_of_its_update():
    free = free_step("sgd")
    _, held = one_step(OGMGE(alpha=0.5), "sgd")
    factors = expected_factors(0.5)
    ahead, behind = sorted(factors, key=factors.get)
    np.testing.assert_allclose(held[behind], free[behind], rtol=1e-3, atol=1e-7)
    noise = held[ahead] - factors[ahead] * free[ahead]
    assert np.std(noise) == pytest.approx(np.std(free[ahead]), rel=0.35)


def test_the_noise_depends_on_the_seed_the_step_and_the_weight():
    def learned(seed):
        trainer = make_trainer(modulation=OGMGE(alpha=0.5, seed=seed))
        train(trainer, epochs=2)
        return trainer.model.get_weights()

    first = learned(1)
    for mine, theirs in zip(first, learned(1), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert np.abs(first[0] - learned(2)[0]).max() > 0
    change = tf.ones(4) * tf.constant([1.0, 2.0, 3.0, 4.0])
    rule = OGMGE(alpha=0.5)
    moves = [rule.modulate(change, 0.5, index, step).numpy() for index, step in ((0, 0), (0, 1), (1, 0))]
    assert not np.allclose(moves[0], moves[1])
    assert not np.allclose(moves[0], moves[2])


def test_there_is_no_modulation_after_its_epochs():
    free = free_step()
    _, held = one_step(OGMGE(alpha=0.5, epochs=0))
    for name in INPUTS:
        np.testing.assert_allclose(held[name], free[name], rtol=1e-5, atol=1e-9)
    trainer = make_trainer(modulation=OGMGE(alpha=0.5, epochs=1))
    factors = [
        min(
            float(factor)
            for factor in trainer.modulation.factors(
                trainer.model,
                trainer.losses,
                encode(trainer.model, INPUTS, training=False),
                TENSORS,
                ONES,
                tf.constant(step, tf.int64),
            ).values()
        )
        for step in (3, 4)
    ]
    assert factors[0] < 1.0
    assert factors[1] == 1.0


def test_each_of_three_branches_is_compared_with_the_mean_of_the_others(monkeypatch):
    scores = {"a": 0.6, "b": 0.3, "c": 0.2}
    monkeypatch.setattr("pipeline.modulation.solo_score", lambda *args: tf.constant(scores[args[-1]]))
    rule = OGMGE(alpha=0.3)
    rule.build(list(scores), steps=10)
    factors = rule.factors(None, {}, dict.fromkeys(scores), {}, ONES, tf.constant(0))
    assert float(factors["a"]) == pytest.approx(1 - np.tanh(0.3 * 0.6 / 0.25))
    assert (float(factors["b"]), float(factors["c"])) == (1.0, 1.0)


def test_missing_labels_and_auxiliary_heads_are_ignored():
    labels = {**TENSORS, "score": tf.fill(LABELS["score"].shape, np.nan)}
    trainer = make_trainer(complete=False)
    features = encode(trainer.model, INPUTS, training=False)
    every = [solo_score(trainer.model, trainer.losses, features, labels, ONES, name) for name in INPUTS]
    auxiliary = make_trainer(reads={"score": "image"})
    for variable, value in zip(
        auxiliary.model.get_layer("head_class").variables,
        trainer.model.get_layer("head_class").variables,
        strict=True,
    ):
        variable.assign(value)
    for variable, value in zip(auxiliary.model.variables[:4], trainer.model.variables[:4], strict=True):
        variable.assign(value)
    features = encode(auxiliary.model, INPUTS, training=False)
    only = [solo_score(auxiliary.model, auxiliary.losses, features, TENSORS, ONES, name) for name in INPUTS]
    np.testing.assert_allclose(every, only, rtol=1e-5)


def test_a_single_branch_cannot_be_modulated():
    with pytest.raises(ConfigError, match="modulation: it needs at least two branches"):
        OGMGE().build(["image"], steps=10)


@pytest.mark.slow
def test_a_modulated_model_learns_with_xla_and_in_half_precision_too():
    optimizer = keras.optimizers.Adam(1e-2)
    epochs = train(make_trainer(modulation=OGMGE(alpha=0.3), optimizer=optimizer, jit=True), epochs=6)
    assert sum(epochs[-1].losses.values()) < sum(epochs[0].losses.values())
    keras.config.set_dtype_policy("mixed_float16")
    try:
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2))
        epochs = train(make_trainer(modulation=OGMGE(alpha=0.3), optimizer=optimizer), epochs=6)
    finally:
        keras.config.set_dtype_policy("float32")
    assert sum(epochs[-1].losses.values()) < sum(epochs[0].losses.values())
