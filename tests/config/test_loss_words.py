"""`heads.price.loss=huber`: losses by one word."""

import pytest

from pipeline import config
from pipeline.errors import ConfigError


@pytest.mark.parametrize("heads", ["class_score", "auto"])
@pytest.mark.parametrize(
    ("word", "loss"), [("huber", "Huber"), ("mae", "MeanAbsoluteError"), ("mse", "MeanSquaredError")]
)
def test_a_word_becomes_the_loss_for_a_head_that_is_named_or_chosen(compose, heads, word, loss):
    cfg = config.expand(compose(f"heads={heads}", f"heads.score.loss={word}"))
    config.check(cfg)
    assert cfg.heads.score.loss == {"_target_": f"keras.losses.{loss}"}
    assert "SparseCategoricalCrossentropy" in cfg.heads["class"].loss._target_


def test_an_unknown_word_is_refused_with_the_words_there_are(compose):
    with pytest.raises(ConfigError, match=r"heads\.score\.loss: there is no such loss") as error:
        config.expand(compose("heads.score.loss=hubert"))
    assert "huber" in str(error.value)


def test_a_loss_by_a_word_has_to_fit_its_head(compose):
    with pytest.raises(ConfigError, match=r"heads\.class\.loss\._target_: this loss does not fit"):
        config.check(config.expand(compose("heads.class.loss=huber")))
