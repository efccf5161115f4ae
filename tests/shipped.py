"""The data configs that the program ships with."""

import importlib
from typing import Any

import yaml

from pipeline.config import CONF


def shipped(name: str) -> dict[str, Any]:
    config = yaml.safe_load((CONF / "data" / f"{name}.yaml").read_text(encoding="utf-8"))
    for source, where in config["sources"].items():
        if isinstance(where, dict):
            module, _, function = where.pop("_target_").rpartition(".")
            config["sources"][source] = getattr(importlib.import_module(module), function)(**where)
    return config
