"""Properties of every balancer, as the docstring of `pipeline.balancers` promises them."""

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from omegaconf import OmegaConf

from pipeline import balancers
from pipeline.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf" / "balancer"
ALL = [getattr(balancers, name) for name in balancers.__all__ if name != "Balancer"]
WITH_STATE = [
    balancers.DWA,
    balancers.FAMO,
    balancers.GradNorm,
    balancers.PCGrad,
    balancers.RLW,
    balancers.Uncertainty,
]
KINDS = ["category", "number", "binary", "labels"]


def build(method, heads=3):
    balancer = method()
    names = [f"head{number}" for number in range(heads)]
    balancer.build(names, {name: KINDS[number % 4] for number, name in enumerate(names)})
    return balancer


def batch(seed, heads=3):
    """Return losses, labelled heads, the gram of random gradients, and losses after the step."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(heads, 5)).astype("float32")
    losses = random.uniform(0.5, 2.0, heads).astype("float32")
    return (
        tf.constant(losses),
        tf.ones(heads, tf.bool),
        tf.constant(rows @ rows.T),
        tf.constant(losses * random.uniform(0.8, 1.0, heads).astype("float32")),
    )


def step(balancer, losses, labelled, gram, after):
    weights = balancer.weights(losses, labelled, gram)
    balancer.update(losses, labelled, gram, after)
    return weights


def train(balancer, steps, start=0):
    for number in range(start, start + steps):
        weights = step(balancer, *batch(number, 3))
        if number % 2:
            balancer.on_epoch_end(batch(number)[0])
    return weights.numpy()


def state(balancer):
    return [variable.numpy() for variable in balancer.variables]


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("heads", [1, 2, 5, 8])
def test_weights_are_finite_float32_one_per_head(method, heads):
    weights = step(build(method, heads), *batch(1, heads))
    assert weights.shape == (heads,)
    assert weights.dtype == tf.float32
    assert np.isfinite(weights).all()


@pytest.mark.parametrize("method", [m for m in ALL if m is not balancers.Uncertainty])
def test_a_single_head_has_weight_one(method):
    balancer = build(method, 1)
    for seed in range(3):
        np.testing.assert_allclose(step(balancer, *batch(seed, 1)), [1.0], rtol=1e-5)


@pytest.mark.parametrize("method", ALL)
@pytest.mark.parametrize("jit", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_compiled_loop_gives_the_same_weights_and_state_as_eager_steps(method, jit):
    eager, compiled = build(method), build(method)
    batches = [tf.stack(tensors) for tensors in zip(*map(batch, range(4)), strict=True)]

    @tf.function(jit_compile=jit)
    def run():
        found = tf.TensorArray(tf.float32, 4, element_shape=(3,))
        for number in tf.range(4):
            found = found.write(number, step(compiled, *(tensors[number] for tensors in batches)))
        return found.stack()

    expected = [step(eager, *batch(number)).numpy() for number in range(4)]
    np.testing.assert_allclose(run(), expected, rtol=1e-4, atol=1e-5)
    for one, other in zip(state(eager), state(compiled), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("method", ALL)
def test_after_a_restore_training_continues_with_the_same_weights(method):
    first, second = build(method), build(method)
    train(first, 5)
    for variable, value in zip(second.variables, state(first), strict=True):
        variable.assign(value)
    np.testing.assert_array_equal(train(first, 3, start=5), train(second, 3, start=5))


@pytest.mark.parametrize("method", WITH_STATE)
def test_training_changes_the_state(method):
    fresh = build(method)
    trained = build(method)
    train(trained, 5)
    assert any((one != other).any() for one, other in zip(state(fresh), state(trained), strict=True))


@pytest.mark.parametrize("method", ALL)
def test_computing_weights_does_not_change_the_state(method):
    balancer = build(method)
    train(balancer, 4)
    before = state(balancer)
    losses, labelled, gram, _ = batch(9)
    first, second = (balancer.weights(losses, labelled, gram).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)
    for one, other in zip(before, state(balancer), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("method", [m for m in ALL if m not in (balancers.RLW, balancers.PCGrad)])
def test_a_head_without_labels_does_not_influence_the_others(method):
    whole, part = build(method), build(method, 2)  # the third head has no labels
    for seed in range(4):
        losses, _, gram, after = batch(seed)
        labelled = tf.constant([True, True, False])
        nothing = tf.constant([1.0, 1.0, np.nan])
        found = step(whole, losses * nothing, labelled, gram * nothing * nothing[:, None], after * nothing)
        alone = step(part, losses[:2], labelled[:2], gram[:2, :2], after[:2])
        np.testing.assert_allclose(found[:2], alone, rtol=1e-4, atol=1e-6)
        assert found[2] == 0


@pytest.mark.parametrize("method", [balancers.RLW, balancers.PCGrad])
def test_a_head_without_labels_does_not_influence_the_others_in_random_methods(method):
    balancer = build(method)
    losses, _, gram, _ = batch(0)
    labelled = tf.constant([True, True, False])
    missing = tf.constant([1.0, 1.0, np.nan])
    found = balancer.weights(losses * missing, labelled, gram * missing * missing[:, None])
    other = balancer.weights(
        losses * [1, 1, 9], labelled, gram * 0.0 + gram * [[1, 1, 5], [1, 1, 5], [5, 5, 5]]
    )
    np.testing.assert_array_equal(found, other)
    assert found[2] == 0


@pytest.mark.parametrize("method", WITH_STATE)
def test_a_head_without_labels_keeps_its_state(method):
    balancer = build(method)
    train(balancer, 4)
    before = state(balancer)
    losses, _, gram, after = batch(7)
    balancer.update(losses, tf.constant([True, True, False]), gram, after)
    for one, other in zip(before, state(balancer), strict=True):
        if one.ndim:
            np.testing.assert_array_equal(one[..., 2], other[..., 2])


@pytest.mark.parametrize("method", ALL)
def test_a_batch_without_labels_gives_zero_weights_and_keeps_the_state_finite(method):
    losses, _, gram, after = batch(0)
    balancer = build(method)
    np.testing.assert_array_equal(step(balancer, losses, tf.zeros(3, tf.bool), gram, after), np.zeros(3))
    assert np.isfinite(train(balancer, 3)).all()


@pytest.mark.parametrize("method", [m for m in WITH_STATE if m is not balancers.DWA])
def test_an_overflow_does_not_spoil_the_state(method):
    balancer = build(method)
    train(balancer, 2)
    losses, labelled, gram, after = batch(2)
    step(balancer, losses * np.inf, labelled, gram * np.inf, after * np.nan)
    assert np.isfinite(train(balancer, 3)).all()


def test_every_config_lists_all_arguments_of_its_balancer_and_builds_it():
    files = sorted(CONF.glob("*.yaml"))
    assert len(files) >= 15
    seen = set()
    for file in files:
        assert file.read_text().startswith("# "), file.name
        config = OmegaConf.create({"seed": 3, "balancer": OmegaConf.load(file)})
        arguments = OmegaConf.to_container(config.balancer, resolve=True)
        module, name = arguments.pop("_target_").rsplit(".", 1)
        method = getattr(importlib.import_module(module), name)
        fields = {field.name for field in dataclasses.fields(method)}
        assert set(arguments) == fields - {"scale_private"}, file.name
        assert np.isfinite(step(_built(method(**arguments)), *batch(0))).all()
        seen.add(method)
    assert seen == set(ALL)


def _built(balancer):
    balancer.build(["a", "b", "c"], dict.fromkeys("abc", "number"))
    return balancer


@pytest.mark.parametrize(
    ("method", "wrong", "key"),
    [
        (balancers.PCGrad, {"level": "parameter"}, "balancer.level"),
        (balancers.PCGrad, {"reduction": "max"}, "balancer.reduction"),
        (balancers.CAGrad, {"c": 1.0}, "balancer.c"),
        (balancers.CAGrad, {"rescale": 3}, "balancer.rescale"),
        (balancers.MGDA, {"normalize": "l1"}, "balancer.normalize"),
        (balancers.Aligned, {"scale": "max"}, "balancer.scale"),
        (balancers.GradNorm, {"initial_losses": {"z": 1.0}}, "balancer.initial_losses"),
        (balancers.FAMO, {"minimum_losses": {"z": 1.0}}, "balancer.minimum_losses"),
    ],
)
def test_the_error_of_a_wrong_setting_names_its_key(method, wrong, key):
    with pytest.raises(ConfigError, match=key):
        _built(method(**wrong))
