"""Options of inputs and targets that name none, written into the config, where a reader finds them."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from pipeline.data_options import DEFAULT_SCALES, INPUT_KINDS, OPTIONS_OF_0_1, SCALES_OF_0_1, TARGET_KINDS


def with_scales(cfg: DictConfig) -> DictConfig:
    """Adds the present default to every input and target whose kind has a scale, but whose entry has none."""
    return _filled(cfg, {kind: {"scale": scale} for kind, scale in DEFAULT_SCALES.items()})


def with_scales_of_0_1(cfg: DictConfig) -> DictConfig:
    """Adds the default of version 0.1, whose stored configs have no scale unless somebody wrote one."""
    return _filled(cfg, {kind: {"scale": scale} for kind, scale in SCALES_OF_0_1.items()})


def with_options_of_0_1(cfg: DictConfig) -> DictConfig:
    """Adds the options that read texts and series as version 0.1 read them."""
    return _filled(cfg, OPTIONS_OF_0_1)


def _filled(cfg: DictConfig, defaults: Mapping[str, Mapping[str, Any]]) -> DictConfig:
    """Adds the options of each kind to its entries that lack them."""
    copy = cfg.copy()
    with open_dict(copy), read_write(copy):
        for group in ("data.inputs", "data.targets"):
            entries = OmegaConf.select(copy, group, default=None)
            # Entries of a wrong type are left to the checks, whose messages are clearer.
            for entry in entries.values() if isinstance(entries, DictConfig) else ():
                for option, value in defaults.get(_kind(entry), {}).items():
                    if option not in entry:
                        entry[option] = value
    return copy


def _kind(entry: Any) -> str:
    """The kind of an input or target, also if it is named by its class; "" for others."""
    if not isinstance(entry, DictConfig):
        return ""
    kinds = {target: kind for kind, target in (INPUT_KINDS | TARGET_KINDS).items()}
    return str(entry.get("kind", kinds.get(entry.get("_target_"), "")))
