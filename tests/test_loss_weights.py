import pytest

from pipeline.errors import ConfigError
from pipeline.loss_weights import Cosine, Linear, logged_weights, weights_at


def test_linear_goes_from_start_to_end_and_stays():
    weight = Linear(start=1.0, end=0.0, epochs=5)
    assert [weight(epoch) for epoch in (0, 1, 2, 4, 9)] == pytest.approx([1.0, 0.75, 0.5, 0.0, 0.0])


def test_cosine_is_slow_at_both_ends():
    weight = Cosine(start=0.0, end=2.0, epochs=5)
    assert [weight(epoch) for epoch in (0, 1, 2, 3, 4, 9)] == pytest.approx(
        [0.0, 0.292893, 1.0, 1.707107, 2.0, 2.0]
    )


@pytest.mark.parametrize("schedule", [Linear, Cosine])
@pytest.mark.parametrize("wrong", [{"epochs": 1}, {"start": -1.0}, {"end": float("nan")}])
def test_a_schedule_that_cannot_be_is_refused(schedule, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        schedule(**({"start": 0.0, "end": 1.0, "epochs": 3} | wrong))


FALLING = {"class": Linear(start=1.0, end=0.0, epochs=5), "score": 2.0}


def test_weights_of_an_epoch_are_numbers_and_schedules_alike():
    assert weights_at(FALLING, 1) == {"class": 0.75, "score": 2.0}


def test_the_logged_losses_carry_the_weights_of_the_last_epoch():
    assert logged_weights(FALLING, 3) == {"class": 0.5, "score": 2.0}
    assert logged_weights(FALLING, 50) == {"class": 0.0, "score": 2.0}


def test_an_epoch_without_any_weight_is_refused_before_it_comes():
    with pytest.raises(ConfigError, match="all weights are 0 in epoch 5"):
        logged_weights({"class": FALLING["class"]}, 7)
    with pytest.raises(ConfigError, match=r"loss_weights\.class: in epoch 4 not a weight"):
        logged_weights({"class": lambda epoch: 2.5 - epoch}, 5)
