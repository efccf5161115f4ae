"""Which functions and classes the `_target_`s of a config may name.

A config file may come from someone else, so the list is fixed and only the command line can extend it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from pipeline.errors import ConfigError

CALLABLE = (
    "keras.losses",
    "keras.optimizers",
    "keras.metrics",
    "keras.callbacks",
    "keras.layers",
    "keras.regularizers",
    "keras.initializers",
    "pipeline",
)


def trusted(overrides: Sequence[str]) -> list[str]:
    """The modules in `trusted_modules=[name, …]` on the command line; the last such override counts.

    Args:
        overrides: as typed; other overrides are ignored.

    Raises:
        ConfigError: the value is not a list of module names.
    """
    names: list[str] = []
    for override in overrides:
        if override.lstrip("+").startswith("trusted_modules="):
            names = _module_names(override)
    return names


def _module_names(override: str) -> list[str]:
    try:
        value = OverridesParser.create().parse_overrides([override])[0].value()
    except OverrideParseException:
        value = override
    if not isinstance(value, list) or not all(
        str(part).isidentifier() for name in value for part in str(name).split(".")
    ):
        raise ConfigError(
            "trusted_modules", "must be a list of module names", found=override, allowed="[name, …]"
        )
    return [str(name) for name in value]


def whitelist(trusted_modules: Sequence[str] = ()) -> list[str]:
    """Patterns for Hydra's `execution_whitelist` and `instantiate(…, _execution_whitelist_=…)`.

    They include the modules in which Keras defines its public names, because Hydra checks these as well.
    """
    defining = [name.replace("keras.", "keras.src.") for name in CALLABLE if name.startswith("keras.")]
    return [f"{name}.*" for name in (*CALLABLE, *defining, *trusted_modules)]


def check_trust(config: dict[str, Any], typed: Sequence[str]) -> None:
    """Every `_target_` is trusted, and `trusted_modules` comes from the command line only."""
    if config["trusted_modules"] != list(typed):
        raise ConfigError(
            "trusted_modules",
            "only the command line can set this, not a config file",
            found=config["trusted_modules"],
            allowed="trusted_modules=[name, …] on the command line",
        )
    prefixes = (*CALLABLE, *typed)
    for key, target in find_targets(config):
        if not isinstance(target, str) or not target.startswith(tuple(f"{name}." for name in prefixes)):
            raise ConfigError(
                key,
                "this target is not in a trusted module; if you trust it, add "
                f"trusted_modules=[{str(target).split('.')[0]}] to the command line",
                found=target,
                allowed=[f"{name}.…" for name in prefixes],
            )


def find_targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted key and the value of every `_target_` in a plain config."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in pairs:
        below = f"{key}.{name}" if key else str(name)
        if name == "_target_":
            yield below, value
        else:
            yield from find_targets(value, below)
