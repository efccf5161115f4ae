from importlib import import_module

import pytest

from pipeline import config
from pipeline.config.part_names import ALL, PARTS_AT
from pipeline.config.parts import keras_names
from pipeline.config.trust import check_targets
from pipeline.errors import ConfigError
from tests.config.cases import wrong_configs


@wrong_configs(
    (
        ["optimizer._target_=os.system"],
        "optimizer._target_: this is no part that a config may call",
        ["found:   os.system", "trusted_modules=[os]"],
    ),
    (
        ["optimizer._target_=keras.utils.get_file"],
        "optimizer._target_: this is no part that a config may call",
        ["trusted_modules=[keras.utils]"],
    ),
    (
        ["trainer.callbacks=[{_target_: mine.Callback}]"],
        "trainer.callbacks.0._target_: this is no part that a config may call",
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


@wrong_configs(
    *(
        (
            [f"trainer.callbacks=[{{_target_: keras.callbacks.{name}}}]"],
            "trainer.callbacks.0._target_: ",
            [name],
        )
        for name in ("CSVLogger", "RemoteMonitor", "ModelCheckpoint", "BackupAndRestore", "TensorBoard")
    ),
    (
        ["balancer._target_=pipeline.command.verb"],
        "balancer._target_: ",
        ["trusted_modules=[pipeline.command]"],
    ),
    (
        ["fusion._target_=pipeline.tracking.writing.source_tags"],
        "fusion._target_: ",
        ["trusted_modules=[pipeline.tracking.writing]"],
    ),
    (
        ["+data.sources.x={_target_: pipeline.config.trust.whitelist}"],
        "data.sources.x._target_: ",
        ["allowed: pipeline.datasets.noise"],
    ),
    (
        ["fusion._target_=keras.losses.Hinge"],
        "fusion._target_: this part does not belong here",
        ["pipeline.fusion.Add"],
    ),
    (["optimizer._target_=keras.layers.Lambda"], "optimizer._target_: ", ["trusted_modules=[keras.layers]"]),
    (["+optimizer._args_=[1]"], "optimizer._args_: this key of Hydra works only in a node", ["found:   [1]"]),
    (["+fusion._partial_=true"], "fusion._partial_: ", []),
    (["+data._recursive_=false"], "data._recursive_: ", []),
    (["+heads.score.loss._convert_=object"], "heads.score.loss._convert_: ", []),
    (
        ["+heads.score.loss.dtype={module: os, class_name: system, config: {}}"],
        "heads.score.loss.dtype: a part of Keras takes no mapping here",
        ["class_name"],
    ),
    (["optimizer._target_=[os,system]"], "optimizer._target_: ", ["found:   ['os', 'system']"]),
)
def test_what_is_not_a_part_is_refused_wherever_it_stands(assert_refused, overrides, start, parts):
    assert_refused(overrides, start, parts)


def test_a_target_is_found_at_any_depth():
    with pytest.raises(ConfigError, match=r"^a\.0\.1\.b\._target_: this is no part"):
        check_targets({"a": [[0, {"b": {"_target_": "os.getcwd"}}]]}, [])


def test_a_target_that_an_interpolation_yields_is_refused(assert_refused):
    assert_refused(
        ["optimizer._target_=${tracking.experiment}", "tracking.experiment=os.system"],
        "optimizer._target_: this is no part that a config may call",
        ["found:   os.system"],
    )


def test_a_trusted_module_may_be_called_partially_and_with_lists_of_arguments():
    check_targets({"_target_": "mine.Part", "_partial_": True, "_args_": [1]}, ["mine"])


def test_every_listed_part_exists():
    for name in ALL:
        module, _, part = name.rpartition(".")
        if module.startswith("keras."):
            assert part in keras_names(module)
        else:
            assert isinstance(getattr(import_module(module), part), type) or name == "pipeline.datasets.noise"


def test_the_parts_of_every_shipped_config_are_listed():
    named = {
        line.partition("_target_:")[2].split("#")[0].strip(" {}").split(",")[0]
        for file in config.CONF.rglob("*.yaml")
        for line in file.read_text().splitlines()
        if "_target_:" in line and not line.strip().startswith(("#", "callbacks:", "sweep:"))
    }
    assert named <= set(ALL)
    assert len(named) > 40


@pytest.mark.parametrize(
    "module", ["pipeline.branches", "pipeline.fusion", "pipeline.heads", "pipeline.balancers"]
)
def test_every_public_part_is_listed(module):
    listed = {name.rpartition(".")[2] for name in ALL if name.rpartition(".")[0] == module}
    public = {
        name
        for name, part in vars(import_module(module)).items()
        if isinstance(part, type) and part.__module__.startswith(module) and not name.startswith("_")
    }
    assert listed == public - {"Branch", "Fusion", "Head", "Classes", "Balancer"}


def test_parts_stand_at_one_kind_of_key():
    kinds = list(PARTS_AT.values())
    assert sum(map(len, kinds)) == len({name for names in kinds for name in names})


def test_the_whitelist_has_the_parts_and_the_trusted_modules_but_not_the_package():
    patterns = config.whitelist(["mine"])
    assert {"pipeline.heads.Binary", "keras.src.losses.*", "mine.*"} <= set(patterns)
    assert not {"pipeline.*", "keras.*", "keras.src.callbacks.callback_list.*"} & set(patterns)
