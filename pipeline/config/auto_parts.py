"""`branches=auto` and `heads=auto`: choose a part for every input and target by its kind.

The two options list a part for each kind under the key `_auto_`. Before any check, this module replaces that
key by the parts themselves.
"""

from typing import Any

from hydra import compose
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, ListConfig, OmegaConf

from pipeline.config.loss_words import with_losses
from pipeline.config.renamed import renamed
from pipeline.config.scales import with_scales
from pipeline.errors import ConfigError
from pipeline.loss_weights import AUTO as AUTO_WEIGHT

AUTO = "_auto_"
GROUPS = {"branches": ("inputs", "branch"), "heads": ("targets", "head")}

# With this node in the defaults, the command line sets keys of parts without a +, before the parts exist.
ConfigStore.instance().store(name="open", node=OmegaConf.create({}, flags={"struct": False}))


def expand(cfg: DictConfig) -> DictConfig:
    """Replaces `_auto_` by parts, words for losses and old `_target_`s; drops nulls; adds scales of numbers.

    `branches.image=null` leaves out the branch, `data.inputs.image=null` the input and its automatic branch;
    heads and targets likewise, with the loss weight. `data.split.stratify=null` leaves out an option.

    Settings such as `branches.image.dropout=0.1` change the chosen part; a part that is named, as in
    `+branch@branches.image=resnet`, replaces it. Heads without a loss weight get `auto`, see
    `pipeline.loss_weights.of_share`.

    Raises:
        ConfigError: a branch or head whose input or target does not exist or is of an unknown kind, or a word
            for no loss.
    """
    return with_losses(_with_parts(cfg))


def _with_parts(cfg: DictConfig) -> DictConfig:
    cfg = with_scales(_without_nulls(renamed(cfg)))
    groups = [group for group in GROUPS if isinstance(cfg.get(group), DictConfig) and AUTO in cfg[group]]
    if not groups:
        return cfg
    expanded = cfg.copy()
    OmegaConf.set_struct(expanded, False)
    for group in groups:
        expanded[group] = _parts(group, cfg)
    if "heads" in groups:
        left_out = _nulls(cfg.heads)
        weights = {name: weight for name, weight in cfg.loss_weights.items() if name not in left_out}
        expanded.loss_weights = {**dict.fromkeys(expanded.heads, AUTO_WEIGHT), **weights}
    OmegaConf.set_struct(expanded, True)
    return expanded


def _nulls(node: DictConfig) -> list[str]:
    values: Any = OmegaConf.to_container(node, resolve=False)
    return [name for name, value in values.items() if value is None]


def _without_nulls(cfg: DictConfig) -> DictConfig:
    """Drops nulls: inputs, targets, options of the split, branches, heads; `_parts` drops automatic parts."""
    copy = cfg.copy()
    OmegaConf.set_struct(copy, False)
    if isinstance(copy.get("data"), ListConfig):
        raise ConfigError("data", "this value is not allowed", found=copy.data, allowed="a mapping")
    for key in ("data.inputs", "data.targets", "data.split", *GROUPS):
        node = OmegaConf.select(copy, key)
        if not isinstance(node, DictConfig) or AUTO in node:
            continue
        for name in _nulls(node):
            del node[name]
            if key == "heads":
                copy.loss_weights.pop(name, None)
    OmegaConf.set_struct(copy, OmegaConf.is_struct(cfg))
    return copy


def _parts(group: str, cfg: DictConfig) -> dict[str, Any]:
    entries, part_group = GROUPS[group]
    known, settings = cfg.data[entries], cfg[group]
    left_out = _nulls(settings)
    for name in settings:
        if name != AUTO and name not in known:
            problem = f"this {part_group} has no {entries[:-1]} in data.{entries}"
            raise ConfigError(f"{group}.{name}", problem, found=name, allowed=known)
    parts = {}
    defaults: dict[str, DictConfig] = {}  # by kind, because composing one takes up to 0.3 s
    for name in known:
        if name in left_out:
            continue
        part = settings.get(name, {})
        default: DictConfig | dict[str, Any] = {}
        if "_target_" not in part:
            kind = _kind(group, name, settings[AUTO], known[name])
            if kind not in defaults:
                defaults[kind] = _default(group, settings[AUTO][kind])
            default = defaults[kind]
        parts[name] = OmegaConf.merge(default, part)
    return parts


def _kind(group: str, name: str, options: DictConfig, entry: DictConfig) -> str:
    entries, part_group = GROUPS[group]
    kind = entry.get("kind")
    if kind is None:
        problem = f"auto cannot choose a {part_group}, because this {entries[:-1]} has no kind"
        raise ConfigError(f"{group}.{name}", problem, allowed=f"+{part_group}@{group}.{name}=…")
    if kind not in options:
        problem = f"there is no such kind of {entries[:-1]}"
        raise ConfigError(f"data.{entries}.{name}.kind", problem, found=kind, allowed=options)
    return str(kind)


def _default(group: str, option: str) -> DictConfig:
    part_group = GROUPS[group][1]
    part: DictConfig = compose(f"{part_group}/{option}")[part_group]
    # Unknown keys are left to the checks, whose messages are clearer.
    OmegaConf.set_struct(part, False)
    return part
