import pytest

from pipeline import config
from pipeline.config.trust import CALLABLE
from pipeline.errors import ConfigError
from tests.config.cases import wrong_configs


@wrong_configs(
    (
        ["optimizer._target_=os.system"],
        "optimizer._target_: this target is not in a trusted module",
        ["found:   os.system", "trusted_modules=[os]"],
    ),
    (
        ["optimizer._target_=keras.utils.get_file"],
        "optimizer._target_: this target is not in a trusted module",
        ["keras.optimizers.…"],
    ),
    (
        ["trainer.callbacks=[{_target_: mine.Callback}]"],
        "trainer.callbacks.0._target_: this target is not in a trusted module",
        ["trusted_modules=[mine]"],
    ),
    (
        ["trusted_modules=[os]"],
        "trusted_modules: only the command line can set this, not a config file",
        ["found:   ['os']"],
    ),
)
def test_a_target_that_is_not_trusted_is_refused(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


def test_only_the_command_line_widens_trust(compose):
    overrides = ["trusted_modules=[mine]", "optimizer._target_=mine.Optimizer"]
    config.check(compose(*overrides), overrides=overrides)


def test_trusted_modules_are_read_from_the_last_override_that_names_them():
    assert config.trusted(["seed=1", "loss_weights.class=2"]) == []
    assert config.trusted(["trusted_modules=[a]", "++trusted_modules=[b,c.d]", "-m"]) == ["b", "c.d"]


@pytest.mark.parametrize("value", ["mine", "[", "[a-b]", "[mine.*]", "[a,,b]"])
def test_trusted_modules_must_be_a_list_of_module_names(value):
    with pytest.raises(ConfigError, match="must be a list of module names"):
        config.trusted([f"trusted_modules={value}"])


def test_every_pattern_of_the_whitelist_ends_with_a_star():
    assert {f"{name}.*" for name in CALLABLE} | {"mine.*"} <= set(config.whitelist(["mine"]))
    assert all(pattern.endswith(".*") for pattern in config.whitelist(["mine"]))
