"""Configs that may be stored and shown: without passwords, and without values of the environment.

A value that comes through `${oc.env:NAME}` stays as it is written, so a stored config reads it again.
"""

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.resolvers import oc

from pipeline.secrets import keep_secret, mask

ADDRESS = "PIPELINE_STORE_ADDRESS"  # variable of this process: an address with a password, as typed
_used: ContextVar[list[str]] = ContextVar("used")  # the variables that were read for a value


def _env(key: str, *default: Any) -> str | None:
    value = oc.env(key, *default)
    if key in os.environ:
        _keep_secret(key, os.environ[key])
        if (used := _used.get(None)) is not None:
            used.append(key)
    return value


def _keep_secret(key: str, value: str) -> None:
    """Keeps a value secret; of an address only the password, because people look up their runs there."""
    if not re.match(r"[\w+]+://", value):
        keep_secret(value, f"${{oc.env:{key}}}")
    elif password := re.match(r"[\w+]+://[^\s:/@]*:([^\s/]*)@", value):
        keep_secret(password[1], "***")


OmegaConf.register_resolver("oc.env", _env, replace=True, annotation_validation="off")


def hide_passwords(words: Sequence[str]) -> list[str]:
    """The words of a command line; an address with a password is replaced by a variable of this process.

    So neither Hydra's files nor the tags and pages that name the command show it.
    """
    return [_hidden(word) for word in words]


def _hidden(word: str) -> str:
    key, equals, value = word.partition("=")
    address = value.strip("'\"")
    if not equals or key.lstrip("+") != "tracking.uri" or mask(address) == address:
        return word
    os.environ[ADDRESS] = address
    return f"{key}=${{oc.env:{ADDRESS}}}"


def public(cfg: DictConfig) -> dict[str, Any]:
    """A config with all interpolations resolved but those that read the environment; without passwords."""
    config: dict[str, Any] = _public(cfg)
    return config


def _public(node: Container) -> Any:
    raw: Any = OmegaConf.to_container(node, resolve=False)
    keys: Any = raw if isinstance(raw, dict) else range(len(raw))
    values = {key: _value(node, key, raw[key]) for key in keys}
    return values if isinstance(raw, dict) else list(values.values())


def _value(node: Any, key: Any, raw: Any) -> Any:
    used: list[str] = []
    token = _used.set(used)
    try:
        value = node[key]
        if isinstance(value, Container):
            return _public(value)
    finally:
        _used.reset(token)
    if used:
        return raw
    return mask_address(value) if isinstance(value, str) else value


def mask_address(text: str) -> str:
    """A text without the password if it is an address; other texts may contain what looks like one."""
    return mask(text) if re.match(r"[\w+]+://[^\s]+$", text) else text


def clean_hydra_files() -> None:
    """Removes passwords of config files from the copies that Hydra has just written."""
    hydra = HydraConfig.get()
    folders = [Path(hydra.sweep.dir)]
    if hydra.output_subdir:
        folders.append(Path(hydra.runtime.output_dir) / hydra.output_subdir)
    for file in (path for folder in folders for path in folder.glob("*.yaml")):
        text = file.read_text(encoding="utf-8")
        clean = re.sub(r"(?m)(uri: *)(.*)$", lambda found: found[1] + mask(found[2]), text)
        if clean != text:
            file.write_text(clean, encoding="utf-8")
