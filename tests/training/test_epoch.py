"""The result of a pass: means over its steps, and losses that are no numbers."""

import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.epoch import Epoch, KeptOutputs, NotFiniteError, step_sums, zero_sums


def epoch(*steps):
    """The epoch of heads a and b whose steps added these sums."""
    sums = zero_sums(2)
    for step in steps:
        sums = tf.nest.map_structure(tf.add, sums, step)
    arrays = {"raw": {}, "outputs": {}, "order": np.arange(0), "seconds": 1.0}
    return Epoch.of_sums(sums, ["a", "b"], len(steps), **arrays)


def step(losses, counts, weights=(1.0, 1.0), regularisation=0.0, training=None):
    training = losses if training is None else training
    return step_sums(
        *([tf.constant(value) for value in values] for values in (losses, counts)),
        tf.constant(weights),
        tf.constant(regularisation),
        [tf.constant(value) for value in training],
    )


def test_a_loss_is_the_mean_over_labelled_cells_not_over_steps():
    found = epoch(step([1.0, 2.0], [3.0, 1.0]), step([5.0, 4.0], [1.0, 1.0]))
    assert found.losses == {"a": 2.0, "b": 3.0}


def test_a_head_without_labels_has_no_loss():
    assert epoch(step([1.0, 0.0], [3.0, 0.0])).losses == {"a": 1.0}


def test_weights_and_regularisation_are_means_over_steps():
    one = step([1.0, 1.0], [1.0, 1.0], (1.0, 2.0), 0.5)
    other = step([1.0, 1.0], [1.0, 1.0], (3.0, 2.0), 0.25)
    found = epoch(one, other)
    assert found.weights == {"a": 2.0, "b": 2.0}
    assert found.regularisation == 0.375


def test_shares_are_those_of_the_weighted_training_losses():
    found = epoch(step([9.0, 9.0], [1.0, 1.0], (1.0, 3.0), training=[3.0, 1.0]))
    assert found.shares == {"a": 0.5, "b": 0.5}


def test_without_any_training_loss_there_are_no_shares():
    assert epoch(step([0.0, 0.0], [1.0, 1.0])).shares == {"a": 0.0, "b": 0.0}


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_names_its_head(loss):
    with pytest.raises(NotFiniteError, match="the loss of head b is"):
        epoch(step([1.0, loss], [1.0, 1.0]))


def test_only_the_first_outputs_are_kept():
    kept = KeptOutputs(5)
    for first in (0, 3, 6):
        raw = tf.constant(np.arange(first, first + 3, dtype=np.float32)[:, None])
        kept.add({"a": raw}, {"a": tf.cast(raw, tf.float64) * 2})
    assert kept.raw["a"][:, 0].tolist() == [0, 1, 2, 3, 4]
    assert kept.readable["a"][:, 0].tolist() == [0, 2, 4, 6, 8]
    assert (kept.raw["a"].dtype, kept.readable["a"].dtype) == (np.float32, np.float64)
