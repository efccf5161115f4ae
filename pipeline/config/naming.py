"""Describes a config for MLflow: its params, its chosen options and the name of its run."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

Scalar = str | int | float | bool | None

# Keys that do not change what a run computes.
NOT_IN_NAME = ("tracking", "hydra", "trusted_modules", "objective", "sweep")
# Top-level keys that are values; all others without a dot are groups of options.
VALUES = ("seed",)
FOLD = "data.split.fold"
# Options that say nothing without their group.
UNTELLING = ("default", "full", "off", "quick", "small")
# Keys that only repeat a run: nobody chooses a config by them, and names have them last.
REPEATS = ("seed", "data.split.seed", FOLD)


def flatten(cfg: DictConfig | Mapping[str, Any]) -> dict[str, Scalar]:
    """The scalar values by dotted key, with interpolations resolved; a list is one value, as text.

    Example: `{"trainer": {"epochs": 3}}` gives `{"trainer.epochs": 3}`.
    """
    plain: Any = OmegaConf.to_container(cfg, resolve=True) if isinstance(cfg, DictConfig) else cfg
    leaves: dict[str, Scalar] = {}
    for name, value in plain.items():
        if isinstance(value, Mapping):
            leaves |= {f"{name}.{below}": leaf for below, leaf in flatten(value).items()}
        else:
            leaves[str(name)] = str(value) if isinstance(value, list) else value
    return leaves


def choices(runtime_choices: Mapping[str, Any]) -> dict[str, str]:
    """The chosen options by the key under which they are placed, without Hydra's own groups and nulls.

    Args:
        runtime_choices: as in `HydraConfig.get().runtime.choices`.

    Example: `{"data": "kanji", "branch@branches.image": "conv2d"}` gives
    `{"data": "kanji", "branches.image": "conv2d"}`.
    """
    return {
        group.rpartition("@")[2]: str(option)
        for group, option in runtime_choices.items()
        if option is not None and not group.startswith("hydra/")
    }


def run_name(overrides: Sequence[str], varies: Sequence[str] = ()) -> str:
    """A short name made of a run's overrides; MLflow's lists cut names after about 14 characters.

    Args:
        overrides: as typed.
        varies: in a sweep, the keys that vary; only these are named.

    Example: `["loss_weights.class=2.0", "optimizer=adam"]` gives `class=2.0 adam`; `[]` gives `defaults`.
    """
    # That parts are chosen by the data tells less than the data's name.
    kept = [
        override
        for override in overrides
        if not re.match(rf"[+~]*({'|'.join(NOT_IN_NAME)})\b|(branches|heads)=auto$", override)
    ]
    if varies:
        kept = [override for override in kept if _key(override) in varies]
        kept.sort(key=lambda override: _key(override) in REPEATS)
    last = [_last(_key(override)) for override in kept]
    words = []
    for override in kept:
        key, value = _key(override), _short(override.partition("=")[2])
        short = ".".join(re.split(r"[.@]", key)[-2:]) if last.count(_last(key)) > 1 else _last(key)
        if override.startswith("~"):
            words.append(f"no {short}")
        elif re.search(r"[.@]", key) or key in VALUES:
            words.append(f"{short}={value}")
        else:
            words.append(f"{key}={value}" if value in UNTELLING else value)
    return " ".join(words) or "defaults"


def spelled(varied: Mapping[str, str]) -> str:
    """What varies in a trial, with whole keys: `loss_weights.class=2 optimizer=adam`."""
    return " ".join(f"{key}={_short(value)}" for key, value in varied.items())


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _short(value: str) -> str:
    """Shortens a number that a search drew to three digits: 0.0031622776601683794 becomes 0.00316."""
    return f"{float(value):.3g}" if re.fullmatch(r"-?\d+\.\d{4,}(e-?\d+)?", value) else value


def _last(key: str) -> str:
    return re.split(r"[.@]", key)[-1]
