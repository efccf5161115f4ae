"""The scales of inputs and targets that name none, written into the config, where a reader finds them."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from pipeline.data_options import DEFAULT_SCALES, INPUT_KINDS, SCALE_OF_0_1, TARGET_KINDS


def with_scales(cfg: DictConfig) -> DictConfig:
    """Adds the present default to every input and target whose kind has a scale, but whose entry has none."""
    return _filled(cfg, DEFAULT_SCALES)


def with_scales_of_0_1(cfg: DictConfig) -> DictConfig:
    """Adds the default of version 0.1, whose stored configs have no scale unless somebody wrote one."""
    return _filled(cfg, dict.fromkeys(DEFAULT_SCALES, SCALE_OF_0_1))


def _filled(cfg: DictConfig, defaults: Mapping[str, str]) -> DictConfig:
    copy = cfg.copy()
    with open_dict(copy), read_write(copy):
        for group in ("data.inputs", "data.targets"):
            entries = OmegaConf.select(copy, group, default=None)
            # Entries of a wrong type are left to the checks, whose messages are clearer.
            for entry in entries.values() if isinstance(entries, DictConfig) else ():
                kind = _kind(entry)
                if kind in defaults and "scale" not in entry:
                    entry.scale = defaults[kind]
    return copy


def _kind(entry: Any) -> str:
    """The kind of an input or target, also if it is named by its class; "" for others."""
    if not isinstance(entry, DictConfig):
        return ""
    kinds = {target: kind for kind, target in (INPUT_KINDS | TARGET_KINDS).items()}
    return str(entry.get("kind", kinds.get(entry.get("_target_"), "")))
