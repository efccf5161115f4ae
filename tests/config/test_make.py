import pytest
from omegaconf import DictConfig, OmegaConf

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


def test_a_node_is_called_without_a_copy_of_its_whole_config(monkeypatch):
    copied = []
    original = DictConfig.__deepcopy__
    monkeypatch.setattr(
        DictConfig, "__deepcopy__", lambda self, memo: copied.append(self) or original(self, memo)
    )
    cfg = OmegaConf.create({"weights": {f"w{number}": NODE for number in range(50)}})
    copied.clear()
    assert maker()(cfg.weights.w7, end=1.0) == Linear(start=0.0, end=1.0, epochs=3)
    assert len(copied) < 10


def test_a_node_may_point_to_other_parts_of_its_config_and_has_escaped_text():
    cfg = OmegaConf.create({"last": 3, "weight": {**NODE, "end": 1.0, "epochs": "${last}"}})
    assert maker()(cfg.weight) == Linear(start=0.0, end=1.0, epochs=3)
    escaped = OmegaConf.create({"a": {"_target_": "collections.ChainMap", "_args_": [{"b": "\\${c}"}]}})
    assert maker(["collections"])(escaped.a)["b"] == "${c}"


def test_an_error_names_the_key_of_a_node_in_a_list():
    cfg = OmegaConf.create({"a": {"b": [NODE, {**NODE, "unknown": 1}]}})
    with pytest.raises(TypeError, match="unexpected keyword argument 'unknown'") as caught:
        maker()(cfg.a.b[1])
    assert caught.value.__notes__ == ["full_key: a.b1"]  # as OmegaConf writes it
