import math

import pytest
from omegaconf import OmegaConf

from pipeline import config


def test_leaves_are_dotted_and_lists_are_text():
    cfg = OmegaConf.create({"a": {"b": 1, "c": None, "d": [1, "x"]}, "e": "${a.b}", "f": {}, "g": True})
    assert config.flatten(cfg) == {"a.b": 1, "a.c": None, "a.d": "[1, 'x']", "e": 1, "g": True}


def test_the_leaves_of_a_composed_config_have_names_and_values_that_mlflow_accepts(compose):
    leaves = config.flatten(compose())
    assert leaves["loss_weights.class"] == 1.0
    assert leaves["optimizer.learning_rate"] == 0.001
    assert all(name.replace(".", "").replace("_", "").isalnum() for name in leaves)
    assert all(value is None or isinstance(value, str | int | float) for value in leaves.values())
    assert not any(isinstance(value, float) and math.isnan(value) for value in leaves.values())


def test_choices_are_named_after_the_place_of_the_part():
    choices = {
        "data": "kanji",
        "branch@branches.image": "conv2d",
        "experiment": None,
        "hydra/launcher": "basic",
    }
    assert config.choices(choices) == {"data": "kanji", "branches.image": "conv2d"}


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "defaults"),
        (["loss_weights.class=2.0", "optimizer=adam"], "class=2.0 adam"),
        (["seed=3", "data=emoji"], "seed=3 emoji"),
        (["branch@branches.series=gru"], "series=gru"),
        (["+branch@branches.photo=conv2d", "~branches.image"], "photo=conv2d no image"),
        (["heads.class.units=[8]", "heads.score.units=[4]"], "class.units=[8] score.units=[4]"),
        (
            ["tracking.experiment=x", "hydra/launcher=joblib", "trusted_modules=[a]", "objective=val/loss"],
            "defaults",
        ),
        (["optimizer=sgd", "+optimizer.nesterov=true"], "sgd nesterov=true"),
        (["optimizer=adam", "insight=off", "trainer=quick"], "adam insight=off trainer=quick"),
        (["branches=auto", "heads=auto", "data=birds", "seed=1"], "birds seed=1"),
    ],
)
def test_a_run_is_named_after_what_it_changes(overrides, name):
    assert config.run_name(overrides) == name


@pytest.mark.parametrize(
    ("overrides", "varies", "name"),
    [
        (["optimizer=adam", "seed=1", "loss_weights.class=2.0"], ["optimizer", "seed"], "adam seed=1"),
        (["seed=1", "loss_weights.class=2"], ["seed", "loss_weights.class"], "class=2 seed=1"),
        (["loss_weights.class=0.0031622776601683794"], ["loss_weights.class"], "class=0.00316"),
        (["branch@branches.image=gru"], ["branch@branches.image"], "image=gru"),
    ],
)
def test_a_trial_is_named_after_what_varies_and_the_seed_comes_last(overrides, varies, name):
    assert config.run_name(overrides, varies) == name
