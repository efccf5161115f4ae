"""What has changed since configs were stored: parts that have moved, and how rows are split."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from pipeline.config.scales import with_options_of_0_1, with_scales_of_0_1

# Old `_target_` -> new. Never remove a path, because the configs of stored runs are never rewritten.
RENAMED = {
    "pipeline.pinball.Pinball": "pipeline.losses.Pinball",
    "pipeline.data.image.Image": "pipeline.data.kinds.image.Image",
    "pipeline.data.series.Series": "pipeline.data.kinds.series.Series",
    "pipeline.data.vector.Vector": "pipeline.data.kinds.vector.Vector",
    "pipeline.data.table.Table": "pipeline.data.kinds.table.Table",
    "pipeline.data.text.Text": "pipeline.data.kinds.text.Text",
    "pipeline.data.category.Category": "pipeline.data.kinds.category.Category",
    "pipeline.data.targets.Number": "pipeline.data.kinds.number.Number",
    "pipeline.data.kinds.targets.Number": "pipeline.data.kinds.number.Number",
    "pipeline.data.targets.Binary": "pipeline.data.kinds.targets.Binary",
    "pipeline.data.targets.Labels": "pipeline.data.kinds.targets.Labels",
}


def renamed(cfg: DictConfig) -> DictConfig:
    """Replaces old `_target_`s by the present ones; interpolations and flags are kept.

    YAML 1.1 reads the key `yes` of a binary target as true; it becomes `yes` again.

    Example:
        >>> renamed(OmegaConf.create({"loss": {"_target_": "pipeline.pinball.Pinball"}}))
        {'loss': {'_target_': 'pipeline.losses.Pinball'}}
    """
    copy = cfg.copy()
    struct, readonly = OmegaConf.is_struct(copy), OmegaConf.is_readonly(copy)
    OmegaConf.set_readonly(copy, False)
    OmegaConf.set_struct(copy, False)
    _rename(copy)
    OmegaConf.set_struct(copy, struct)
    OmegaConf.set_readonly(copy, readonly)
    return copy


def stored(cfg: DictConfig) -> DictConfig:
    """A run's stored config as today's program understands it, with the split and the scales of the run.

    Until version 0.1, splits by fractions depended on the columns that inputs and targets name. Configs of
    later versions say what they depend on (`data.split.rows`, set in `conf/config.yaml`), and how numbers are
    scaled. Texts and gaps in series are read as the run read them.
    """
    copy = with_scales_of_0_1(renamed(cfg))
    split = OmegaConf.select(copy, "data.split")
    if split is not None and "rows" not in split:
        OmegaConf.update(copy, "data.split.rows", "named", force_add=True)
        copy = with_options_of_0_1(copy)
    return copy


def _rename(node: Any) -> None:
    if not isinstance(node, DictConfig | ListConfig) or node._is_none() or node._is_missing():
        return
    if isinstance(node, DictConfig) and "kind" in node and True in node:
        node["yes"] = node.pop(True)
    keys: Any = list(node) if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        # The node and not its value, so that interpolations are not resolved.
        value: Any = node._get_node(key)
        if isinstance(value, DictConfig | ListConfig):
            _rename(value)
        elif key == "_target_" and value._value() in RENAMED:
            node[key] = RENAMED[value._value()]
