import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

from pipeline.config.make import maker, settings
from pipeline.loss_weights import Linear

NODE = OmegaConf.create({"_target_": "pipeline.loss_weights.Linear", "start": 0.0, "epochs": 3})


def test_a_node_is_called_with_its_keys_and_further_arguments():
    assert maker()(NODE, end=1.0) == Linear(start=0.0, end=1.0, epochs=3)


def test_lists_of_a_node_become_plain_lists():
    node = OmegaConf.create({"_target_": "pipeline.errors.ConfigError", "allowed": ["a"]})
    assert type(maker()(node, key="k", problem="p", found=OmegaConf.create([1])).found) is list


@pytest.mark.parametrize("target", ["os.getcwd", "pipeline.command.os.getcwd", "keras.losses.os.getcwd"])
def test_a_target_outside_the_trusted_modules_is_not_called(target):
    with pytest.raises(InstantiationException):
        maker()({"_target_": target})


def test_a_target_of_a_trusted_module_is_called():
    counts = maker(["collections"])({"_target_": "collections.Counter", "a": 2})
    assert counts["a"] == 2


def test_settings_are_plain_values_with_interpolations_resolved():
    cfg = OmegaConf.create({"seed": 3, "trainer": {"rate": "${seed}", "callbacks": [1]}})
    plain = settings(cfg.trainer)
    assert plain == {"rate": 3, "callbacks": [1]}
    assert type(plain["callbacks"]) is list
