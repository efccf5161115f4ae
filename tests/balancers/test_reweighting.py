"""The methods that see losses, or norms of gradients: published cases, and what each promises."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline import balancers
from pipeline.balancers.dwa import dwa_weights
from pipeline.balancers.famo import famo_gradient, famo_weights
from pipeline.balancers.gradnorm import gradnorm_gradient, keep_sum
from pipeline.balancers.uncertainty import uncertainty_gradient, uncertainty_weights

ALL_THREE = tf.ones(3, tf.bool)


def build(balancer, heads=2, kind="number"):
    names = [f"head{number}" for number in range(heads)]
    balancer.build(names, dict.fromkeys(names, kind))
    return balancer


def repeat(balancer, steps, losses, labelled, gram=None, after=None):
    """Update again and again with the same."""

    @tf.function
    def run():
        for _ in tf.range(steps):
            balancer.update(losses, labelled, gram, after)

    run()


def test_static_weighs_every_labelled_head_alike():
    weights = build(balancers.Static(), 3).weights(tf.ones(3), tf.constant([True, False, True]))
    np.testing.assert_array_equal(weights, [1, 0, 1])


@pytest.mark.parametrize(
    ("halves", "best", "at_zero"),
    [
        (0.5, [-0.693147, 0.693147, 2.079442], [0.25, -0.5, -3.5]),
        (1.0, [0.0, 1.386294, 2.772589], [0.0, -1.5, -7.5]),
    ],
)
def test_uncertainty_for_regression_and_for_classification(halves, best, at_zero):
    losses, halves = tf.constant([0.5, 2.0, 8.0]), tf.fill([3], halves)
    np.testing.assert_allclose(uncertainty_gradient(losses, tf.zeros(3), halves), at_zero, atol=1e-6)
    np.testing.assert_allclose(
        uncertainty_gradient(losses, tf.constant(best), halves), np.zeros(3), atol=1e-5
    )
    np.testing.assert_allclose(uncertainty_weights(tf.constant(best), halves), [1.0, 0.25, 0.0625], rtol=1e-5)


def test_uncertainty_takes_its_form_from_the_kind_of_head():
    balancer = balancers.Uncertainty()
    balancer.build(["a", "b", "c", "d"], {"a": "number", "b": "category", "c": "binary", "d": "labels"})
    np.testing.assert_allclose(balancer.weights(tf.ones(4), tf.ones(4, tf.bool)), [0.5, 1, 1, 1])


def test_uncertainty_comes_to_rest_where_weighted_losses_are_one_half():
    balancer, losses = build(balancers.Uncertainty(), 3), tf.constant([0.5, 2.0, 8.0])
    repeat(balancer, 1000, losses, ALL_THREE)
    np.testing.assert_allclose(balancer.weights(losses, ALL_THREE) * losses, np.full(3, 0.5), rtol=0.02)


def test_uncertainty_stays_bounded_when_a_loss_vanishes():
    balancer, losses = (
        build(balancers.Uncertainty(learning_rate=0.5, bound=3.0), 3),
        tf.constant([0.0, 1.0, 1e9]),
    )
    repeat(balancer, 50, losses, ALL_THREE)
    weights = balancer.weights(losses, ALL_THREE)
    np.testing.assert_allclose(weights[::2], [0.5 * np.exp(3), 0.5 * np.exp(-3)], rtol=1e-5)


@pytest.mark.parametrize(
    ("temperature", "expected"),
    [(2.0, [1.026026, 0.840039, 1.133934]), (1.0, [1.037444, 0.695419, 1.267137])],
)
def test_dwa_weighs_by_the_last_two_epochs(temperature, expected):
    history = tf.constant([[1.0, 2.0, 4.0], [0.9, 1.0, 4.4]])
    np.testing.assert_allclose(dwa_weights(history, ALL_THREE, temperature), expected, atol=1e-6)
    balancer = build(balancers.DWA(temperature=temperature), 3)
    for means in history:
        np.testing.assert_allclose(balancer.weights(means, ALL_THREE), np.ones(3), rtol=1e-6)
        balancer.on_epoch_end(means)
    np.testing.assert_allclose(balancer.weights(means, ALL_THREE), expected, atol=1e-6)


def test_dwa_treats_a_head_that_was_not_labelled_as_standing_still():
    balancer = build(balancers.DWA(), 3)
    for means in ([1.0, 2.0, np.nan], [0.9, np.nan, np.nan]):
        balancer.on_epoch_end(tf.constant(means))
    expected = dwa_weights(tf.constant([[1.0, 1.0, 1.0], [0.9, 1.0, 1.0]]), ALL_THREE, 2.0)
    np.testing.assert_allclose(balancer.weights(tf.ones(3), ALL_THREE), expected, rtol=1e-6)


def test_rlw_draws_positive_weights_of_mean_one_and_sum_k():
    balancer = build(balancers.RLW(), 3)

    @tf.function
    def draw(steps):
        found = tf.TensorArray(tf.float32, steps, element_shape=(3,))
        for number in tf.range(steps):
            found = found.write(number, balancer.weights(tf.ones(3), ALL_THREE))
            balancer.update(tf.ones(3), ALL_THREE)
        return found.stack()

    draws = draw(20_000).numpy()
    assert (draws > 0).all()
    np.testing.assert_allclose(draws.sum(1), np.full(len(draws), 3), rtol=1e-5)
    np.testing.assert_allclose(draws.mean(0), np.ones(3), atol=0.02)
    assert draws.std() == pytest.approx(_softmax_deviation(), rel=0.02)
    assert len(np.unique(draws[:, 0])) > 19_000


def _softmax_deviation():
    normal = np.exp(np.random.default_rng(0).normal(size=(200_000, 3)))
    return (3 * normal / normal.sum(1, keepdims=True)).std()


def test_rlw_repeats_itself_with_the_same_seed_only():
    first, same, other = (
        build(balancers.RLW(seed=seed), 3).weights(tf.ones(3), ALL_THREE) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first.numpy() != other.numpy()).all()


def test_gradnorm_step_worked_out_by_hand():
    weights, norms, both = tf.ones(2), tf.constant([1.0, 4.0]), tf.ones(2, tf.bool)
    gradient = gradnorm_gradient(weights, norms, tf.constant([0.5, 0.9]), both, alpha=1.5)
    np.testing.assert_allclose(gradient, [-1.0, 4.0], atol=1e-6)
    stepped = weights - 0.025 * gradient
    np.testing.assert_allclose(stepped, [1.025, 0.9], atol=1e-6)
    np.testing.assert_allclose(keep_sum(weights, stepped, both), [1.064935, 0.935065], atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, 1.5])
def test_gradnorm_brings_norms_to_their_targets(alpha):
    balancer = build(
        balancers.GradNorm(alpha=alpha, learning_rate=0.001, initial_losses={"head0": 3.0, "head1": 2.0})
    )
    losses, both, gram = tf.constant([1.0, 2.0]), tf.ones(2, tf.bool), tf.linalg.diag([1.0, 16.0])
    repeat(balancer, 4000, losses, both, gram)
    first, second = balancer.weights(losses, both, gram).numpy() * [1.0, 4.0]
    # The first loss is at 1/3 of its start, the second as at first: half and three halves of the mean rate.
    assert first == pytest.approx((first + second) / 2 * 0.5**alpha, rel=0.02)


def test_gradnorm_remembers_each_heads_first_labelled_loss():
    balancer = build(balancers.GradNorm(initial_losses={"head1": 5.0}), 3)
    gram = tf.eye(3)
    balancer.update(tf.constant([2.0, 3.0, 9.0]), tf.constant([True, True, False]), gram)
    balancer.update(tf.constant([1.0, 1.0, 7.0]), ALL_THREE, gram)
    initial = next(variable for variable in balancer.variables if variable.name == "initial_losses")
    np.testing.assert_array_equal(initial.numpy(), [2.0, 5.0, 7.0])


def test_gradnorm_weights_never_fall_below_the_minimum():
    balancer, both = build(balancers.GradNorm(learning_rate=0.3, minimum=0.01)), tf.ones(2, tf.bool)
    for _ in range(40):
        balancer.update(tf.ones(2), both, tf.linalg.diag([1e-6, 1.0]))
        weights = balancer.weights(tf.ones(2), both).numpy()
        assert weights.min() > 0.007  # the minimum, scaled with the sum
        assert weights.sum() == pytest.approx(2, rel=1e-5)


def test_famo_step_worked_out_by_hand():
    before, after, both = tf.constant([1.0, 4.0]), tf.constant([0.9, 3.0]), tf.ones(2, tf.bool)
    np.testing.assert_allclose(famo_weights(before, tf.zeros(2), both), [0.8, 0.2], atol=1e-6)
    gradient = famo_gradient(before, after, tf.zeros(2), both)
    np.testing.assert_allclose(gradient, [-0.04558, 0.04558], atol=1e-5)
    balancer = build(balancers.FAMO(decay=0.0))
    np.testing.assert_allclose(balancer.weights(before, both), [0.8, 0.2], atol=1e-6)
    balancer.update(before, both, None, after)
    logits = balancer.variables[0].numpy()
    np.testing.assert_allclose(logits, [0.025, -0.025], rtol=1e-3)  # the first step of Adam


def test_famo_favours_the_head_that_improves_less():
    balancer, losses = build(balancers.FAMO()), tf.constant([1.0, 1.0])
    repeat(balancer, 20, losses, tf.ones(2, tf.bool), None, tf.constant([0.99, 0.5]))
    weights = balancer.weights(losses, tf.ones(2, tf.bool)).numpy()
    assert weights[0] > weights[1]
    assert weights.sum() == pytest.approx(1, rel=1e-5)


def test_famo_decay_forgets():
    kept, forgetful = build(balancers.FAMO(decay=0.0)), build(balancers.FAMO(decay=10.0))
    for balancer in (kept, forgetful):
        repeat(balancer, 50, tf.ones(2), tf.ones(2, tf.bool), None, tf.constant([0.9, 0.5]))
    assert np.abs(forgetful.variables[0].numpy()).max() < 0.2 * np.abs(kept.variables[0].numpy()).max()


def test_famo_measures_losses_from_their_minimum_and_survives_below_it():
    balancer = build(balancers.FAMO(minimum_losses={"head1": -2.0}))
    both = tf.ones(2, tf.bool)
    np.testing.assert_allclose(balancer.weights(tf.constant([1.0, -1.0]), both), [0.5, 0.5], rtol=1e-6)
    balancer.update(tf.constant([1.0, -3.0]), both, None, tf.constant([0.9, -4.0]))
    assert np.isfinite(balancer.weights(tf.constant([1.0, -3.0]), both)).all()
