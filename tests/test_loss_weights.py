"""Loss weights that change during training."""

import pytest

from pipeline.errors import ConfigError
from pipeline.loss_weights import DEFAULT, Cosine, Linear, logged_weights, weights_at


def test_linear_changes_evenly_from_start_to_end_and_stays_there():
    weight = Linear(start=1.0, end=0.0, epochs=5)
    assert [weight(epoch) for epoch in (0, 1, 2, 4, 9)] == pytest.approx([1.0, 0.75, 0.5, 0.0, 0.0])


def test_cosine_changes_slowly_at_both_ends():
    weight = Cosine(start=0.0, end=2.0, epochs=5)
    assert [weight(epoch) for epoch in (0, 1, 2, 3, 4, 9)] == pytest.approx(
        [0.0, 0.292893, 1.0, 1.707107, 2.0, 2.0]
    )
    assert Cosine(start=3.0, end=1.0, epochs=3)(1) == pytest.approx(2.0)


def test_two_epochs_are_enough_to_change():
    for schedule in (Linear, Cosine):
        assert [schedule(start=1.0, end=0.5, epochs=2)(epoch) for epoch in (0, 1)] == pytest.approx(
            [1.0, 0.5]
        )


def test_a_head_without_a_weight_counts_once():
    assert DEFAULT == 1.0


@pytest.mark.parametrize("schedule", [Linear, Cosine])
@pytest.mark.parametrize("wrong", [{"epochs": 1}, {"start": -1.0}, {"end": float("nan")}])
def test_a_schedule_with_an_impossible_argument_is_refused(schedule, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        schedule(**({"start": 0.0, "end": 1.0, "epochs": 3} | wrong))


FALLING = {"class": Linear(start=1.0, end=0.0, epochs=5), "score": 2.0}


def test_the_weights_of_an_epoch_come_from_numbers_and_schedules():
    assert weights_at(FALLING, 1) == {"class": 0.75, "score": 2.0}


def test_the_logged_losses_have_the_weights_of_the_last_epoch():
    assert logged_weights(FALLING, 3) == {"class": 0.5, "score": 2.0}
    assert logged_weights(FALLING, 50) == {"class": 0.0, "score": 2.0}


def test_an_invalid_weight_of_a_later_epoch_is_refused_at_once():
    with pytest.raises(ConfigError, match="all weights are 0 in epoch 5"):
        logged_weights({"class": FALLING["class"]}, 7)
    with pytest.raises(
        ConfigError, match=r"loss_weights\.class: epoch 4: the weight must be finite and >= 0"
    ):
        logged_weights({"class": lambda epoch: 2.5 - epoch}, 5)
