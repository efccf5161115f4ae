import pytest
from omegaconf import OmegaConf

from pipeline.config.make import maker, settings
from pipeline.errors import ConfigError
from pipeline.loss_weights import Linear

NODE = OmegaConf.create({"_target_": "pipeline.loss_weights.Linear", "start": 0.0, "epochs": 3})


def test_a_node_is_called_with_its_keys_and_further_arguments():
    assert maker()(NODE, end=1.0) == Linear(start=0.0, end=1.0, epochs=3)


def test_lists_of_a_node_become_plain_lists():
    node = OmegaConf.create({"_target_": "collections.ChainMap", "_args_": [{"a": [1]}]})
    assert type(maker(["collections"])(node)["a"]) is list


@pytest.mark.parametrize(
    "target",
    [
        "os.getcwd",
        "pipeline.command.os.getcwd",
        "keras.losses.os.getcwd",
        "pipeline.errors.ConfigError",
        "keras.callbacks.CSVLogger",
        "pipeline.losses.Pinball.from_config",
    ],
)
@pytest.mark.parametrize("wrap", [dict, OmegaConf.create, lambda node: [node], lambda node: {"a": [node]}])
def test_what_is_no_part_is_not_called(target, wrap):
    with pytest.raises(ConfigError, match="this is no part that a config may call"):
        maker()(wrap({"_target_": target}))


def test_the_message_names_the_key_of_a_stored_config():
    cfg = OmegaConf.create({"heads": {"score": {"loss": {"_target_": "os.getcwd"}}}})
    with pytest.raises(ConfigError, match=r"^heads\.score\.loss\._target_: .*trusted_modules=\[os\]"):
        maker()(cfg.heads.score)


def test_a_target_of_a_trusted_module_is_called():
    counts = maker(["collections"])({"_target_": "collections.Counter", "a": 2})
    assert counts["a"] == 2


def test_settings_are_plain_values_with_interpolations_resolved():
    cfg = OmegaConf.create({"seed": 3, "trainer": {"rate": "${seed}", "callbacks": [1]}})
    plain = settings(cfg.trainer)
    assert plain == {"rate": 3, "callbacks": [1]}
    assert type(plain["callbacks"]) is list
