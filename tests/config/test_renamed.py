from importlib import import_module

import pytest
from omegaconf import DictConfig, OmegaConf

from pipeline import config
from pipeline.config.renamed import RENAMED, renamed, stored
from pipeline.errors import ConfigError

OLD_PINBALL = "pipeline.pinball.Pinball"
QUANTILES = ["head@heads.score=quantiles", f"heads.score.loss._target_={OLD_PINBALL}"]


@pytest.mark.parametrize("old", RENAMED)
def test_every_old_path_leads_to_a_part_under_its_present_path(old):
    cfg = renamed(OmegaConf.create({"_target_": old}))
    module, _, name = cfg._target_.rpartition(".")
    part = getattr(import_module(module), name)
    assert f"{part.__module__}.{part.__name__}" == cfg._target_


def test_parts_are_renamed_wherever_they_are_and_the_given_config_is_unchanged():
    old = OmegaConf.create({"a": [{"b": {"_target_": OLD_PINBALL}}, None], "c": "???", "d": None})
    new = renamed(old)
    assert new.a[0].b._target_ == "pipeline.losses.Pinball"
    assert old.a[0].b._target_ == OLD_PINBALL
    assert OmegaConf.is_missing(new, "c")
    assert new.d is None


def test_a_text_that_is_no_target_stays():
    cfg = OmegaConf.create({"note": OLD_PINBALL, "_target_": "mine.Loss"})
    assert renamed(cfg) == cfg


def test_interpolations_stay():
    cfg = OmegaConf.create(
        {"head": {"_target_": OLD_PINBALL, "quantiles": "${..level}"}, "level": 1, "copy": "${head}"}
    )
    plain = OmegaConf.to_container(renamed(cfg), resolve=False)
    assert plain["head"]["quantiles"] == "${..level}"
    assert plain["copy"] == "${head}"


@pytest.mark.parametrize("struct", [True, False])
@pytest.mark.parametrize("readonly", [True, False])
def test_a_config_keeps_its_flags(struct, readonly):
    cfg = OmegaConf.create({"loss": {"_target_": OLD_PINBALL}})
    OmegaConf.set_struct(cfg, struct)
    OmegaConf.set_readonly(cfg, readonly)
    new = renamed(cfg)
    assert new.loss._target_ == "pipeline.losses.Pinball"
    assert (OmegaConf.is_struct(new), OmegaConf.is_readonly(new)) == (struct, readonly)


def test_a_composed_config_with_an_old_path_passes_the_checks(compose):
    cfg = compose(*QUANTILES)
    with pytest.raises(ConfigError, match="this is no part"):
        config.check(cfg)
    config.check(config.expand(cfg))


def test_a_stored_config_with_an_old_path_passes_the_checks(compose, tmp_path):
    file = tmp_path / "config.yaml"
    OmegaConf.save(OmegaConf.create(config.resolved(compose(*QUANTILES))), file)
    assert OLD_PINBALL in file.read_text()
    stored = OmegaConf.load(file)
    assert isinstance(stored, DictConfig)
    config.check(renamed(stored))


def test_the_key_yes_which_yaml_reads_as_true_is_a_key():
    cfg = OmegaConf.create("late: {kind: binary, column: s.a, yes: up}")
    OmegaConf.set_struct(cfg, True)
    assert renamed(cfg).late.yes == "up"
    assert OmegaConf.is_struct(renamed(cfg))


def test_a_config_that_version_0_1_stored_keeps_its_split():
    old = OmegaConf.create({"data": {"split": {"fractions": [0.7, 0.15, 0.15]}}})
    OmegaConf.set_struct(old, True)
    assert stored(old).data.split == {"fractions": [0.7, 0.15, 0.15], "rows": "named"}
    assert "rows" not in old.data.split


def test_texts_and_series_of_version_0_1_are_read_as_then():
    entries = {
        "title": {"kind": "text", "column": "a.b"},
        "wave": {"_target_": "pipeline.data.series.Series", "column": "a.c"},
        "plain": {"kind": "vector", "column": "a.d"},
    }
    old = OmegaConf.create({"data": {"split": {"column": "a.s"}, "inputs": entries}})
    inputs = stored(old).data.inputs
    assert inputs.title.fold is False
    assert inputs.wave.gaps == "none"
    assert set(inputs.plain) == {"kind", "column", "scale"}
    old.data.split.rows = "whole"
    assert "fold" not in stored(old).data.inputs.title
    assert "gaps" not in stored(old).data.inputs.wave


def test_a_config_of_today_keeps_its_split(compose):
    cfg = compose("data=penguins")
    assert cfg.data.split.rows == "whole"
    cfg = config.expand(cfg)
    assert stored(cfg) == cfg
