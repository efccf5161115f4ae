"""`branches=auto` and `heads=auto`: a part for every input and target of the data, by its kind.

Those two options name a part for each kind under `_auto_`; here the parts take the place of that, before
anything is checked.
"""

from typing import Any

from hydra import compose
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from pipeline.config.renamed import renamed
from pipeline.errors import ConfigError
from pipeline.loss_weights import DEFAULT

AUTO = "_auto_"
GROUPS = {"branches": ("inputs", "branch"), "heads": ("targets", "head")}

# Lets the command line set a key of a part that is not there yet, without a +.
ConfigStore.instance().store(name="open", node=OmegaConf.create({}, flags={"struct": False}))


def expand(cfg: DictConfig) -> DictConfig:
    """The config with `_auto_` replaced by parts, and moved parts under their present paths.

    What is set of a part, as by `branches.image.dropout=0.1`, goes on top of it; a part that is given whole,
    as by `+branch@branches.image=resnet`, stays. Every head without a loss weight gets 1.0.

    Raises:
        ConfigError: a name or kind that the data does not have.
    """
    cfg = renamed(cfg)
    groups = [group for group in GROUPS if group in cfg and AUTO in cfg[group]]
    if not groups:
        return cfg
    expanded = cfg.copy()
    OmegaConf.set_struct(expanded, False)
    for group in groups:
        expanded[group] = _parts(group, cfg)
    if "heads" in groups:
        expanded.loss_weights = {**dict.fromkeys(expanded.heads, DEFAULT), **cfg.loss_weights}
    OmegaConf.set_struct(expanded, True)
    return expanded


def _parts(group: str, cfg: DictConfig) -> dict[str, Any]:
    entries, word = GROUPS[group]
    known, given = cfg.data[entries], cfg[group]
    for name in given:
        if name != AUTO and name not in known:
            problem = f"this {word} has no {entries[:-1]} in data.{entries}"
            raise ConfigError(f"{group}.{name}", problem, found=name, allowed=known)
    parts = {}
    for name in known:
        part = given.get(name, {})
        default = {} if "_target_" in part else _default(group, name, given[AUTO], known[name])
        parts[name] = OmegaConf.merge(default, part)
    return parts


def _default(group: str, name: str, options: DictConfig, entry: DictConfig) -> DictConfig:
    entries, word = GROUPS[group]
    kind = entry.get("kind")
    if kind is None:
        problem = f"auto does not know the kind of this {entries[:-1]}"
        raise ConfigError(f"{group}.{name}", problem, allowed=f"+{word}@{group}.{name}=…")
    if kind not in options:
        problem = f"there is no such kind of {entries[:-1]}"
        raise ConfigError(f"data.{entries}.{name}.kind", problem, found=kind, allowed=options)
    part: DictConfig = compose(f"{word}/{options[kind]}")[word]
    # The checks know what a part takes, and say it better.
    OmegaConf.set_struct(part, False)
    return part
