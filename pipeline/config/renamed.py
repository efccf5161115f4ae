"""Parts that have moved: configs and stored runs may go on naming them by their old path."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

# Old `_target_` -> new. A path stays here for good: a stored run's config is never rewritten.
RENAMED = {
    "pipeline.pinball.Pinball": "pipeline.losses.Pinball",
    "pipeline.data.image.Image": "pipeline.data.kinds.image.Image",
    "pipeline.data.series.Series": "pipeline.data.kinds.series.Series",
    "pipeline.data.vector.Vector": "pipeline.data.kinds.vector.Vector",
    "pipeline.data.table.Table": "pipeline.data.kinds.table.Table",
    "pipeline.data.text.Text": "pipeline.data.kinds.text.Text",
    "pipeline.data.category.Category": "pipeline.data.kinds.category.Category",
    "pipeline.data.targets.Number": "pipeline.data.kinds.targets.Number",
    "pipeline.data.targets.Binary": "pipeline.data.kinds.targets.Binary",
    "pipeline.data.targets.Labels": "pipeline.data.kinds.targets.Labels",
}


def renamed(cfg: DictConfig) -> DictConfig:
    """The config with every part under its present path, and the key `yes` spelled so.

    Interpolations stay as they are.

    Example:
        >>> renamed(OmegaConf.create({"loss": {"_target_": "pipeline.pinball.Pinball"}}))
        {'loss': {'_target_': 'pipeline.losses.Pinball'}}
    """
    found = cfg.copy()
    flags = OmegaConf.is_struct(found), OmegaConf.is_readonly(found)
    OmegaConf.set_readonly(found, False)
    OmegaConf.set_struct(found, False)
    _rename(found)
    OmegaConf.set_struct(found, flags[0])
    OmegaConf.set_readonly(found, flags[1])
    return found


def _rename(node: Any) -> None:
    if not isinstance(node, DictConfig | ListConfig) or node._is_none() or node._is_missing():
        return
    if isinstance(node, DictConfig) and "kind" in node and True in node:
        # YAML 1.1 reads the key `yes` of a binary target as true.
        node["yes"] = node.pop(True)
    keys: Any = list(node) if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        # The nodes, not their values: an interpolation is left as it is.
        value: Any = node._get_node(key)
        if isinstance(value, DictConfig | ListConfig):
            _rename(value)
        elif key == "_target_" and value._value() in RENAMED:
            node[key] = RENAMED[value._value()]
