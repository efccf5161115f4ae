"""The scales that a config gets for inputs and targets that name none."""

import pytest
from omegaconf import OmegaConf

from pipeline.config.scales import with_scales, with_scales_of_0_1

ENTRIES = {
    "inputs": {
        "series": {"kind": "series"},
        "facts": {"_target_": "pipeline.data.kinds.table.Table", "numeric": ["a.b"]},
        "picture": {"kind": "image"},
        "own": {"kind": "vector", "scale": "none"},
        "other": {"_target_": "mine.Input"},
    },
    "targets": {"y": {"kind": "number"}, "z": {"kind": "binary"}},
}


@pytest.mark.parametrize(
    ("add", "of_inputs", "of_number", "of_image"),
    [(with_scales, "robust", "auto", "auto"), (with_scales_of_0_1, "standard", "standard", "bytes")],
)
def test_entries_of_numbers_get_a_scale_and_others_stay(add, of_inputs, of_number, of_image):
    cfg = OmegaConf.create({"data": ENTRIES})
    OmegaConf.set_struct(cfg, True)
    new = add(cfg)
    scales = {name: entry.get("scale") for name, entry in {**new.data.inputs, **new.data.targets}.items()}
    assert scales == {
        "series": of_inputs,
        "facts": of_inputs,
        "picture": of_image,
        "own": "none",
        "other": None,
        "y": of_number,
        "z": None,
    }
    assert OmegaConf.is_struct(new)
    assert "scale" not in cfg.data.inputs.series


@pytest.mark.parametrize("data", [None, {}, {"inputs": "text"}, {"inputs": {"a": None, "b": 3}}])
def test_configs_that_the_checks_will_refuse_stay(data):
    cfg = OmegaConf.create({"data": data})
    assert with_scales(cfg) == cfg
