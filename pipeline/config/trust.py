"""Which functions and classes the `_target_`s of a config may name.

A config file may come from someone else, so the list is fixed and only the command line can extend it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException

from pipeline.config.part_names import ALL, modules, parts_at
from pipeline.errors import ConfigError

SWEEP_CALLBACK = "pipeline.sweep.callback.SweepCallback"  # named in conf/config.yaml, below `hydra`
TERMINAL_HANDLER = "pipeline.terminal.TerminalHandler"  # in conf/hydra/*_logging/
# Keys with which Hydra changes how a part is called.
HYDRAS_OWN = ("_args_", "_convert_", "_partial_", "_recursive_")


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

    They include the modules that define the parts, because Hydra checks these names as well. This is a second
    line of defence: `check_targets` allows only the listed classes of these modules.
    """
    return [
        *ALL,
        SWEEP_CALLBACK,
        TERMINAL_HANDLER,
        *dict.fromkeys(f"{name}.*" for name in modules()),
        *(f"{name}.*" for name in trusted_modules),
    ]


def check_trust(config: dict[str, Any], typed: Sequence[str]) -> None:
    """Every `_target_` is trusted, and `trusted_modules` comes from the command line only."""
    if config["trusted_modules"] != list(typed):
        raise ConfigError(
            "trusted_modules",
            "only the command line can set this, not a config file",
            found=config["trusted_modules"],
            allowed="trusted_modules=[name, …] on the command line",
        )
    check_targets(config, typed)


def check_targets(node: Any, typed: Sequence[str], key: str = "") -> None:
    """Every node below this one that calls something calls a part, or what is in a trusted module.

    Args:
        node: plain dicts and lists.
        typed: the trusted modules.
        key: where the node stands in the config; "" is the whole config or unknown.

    Raises:
        ConfigError: the first node that calls something else.
    """
    for below, called in find_calls(node, key):
        target = called.get("_target_")
        if isinstance(target, str) and target.startswith(tuple(f"{name}." for name in typed)):
            continue
        for word in HYDRAS_OWN:
            if word in called:
                problem = "this key of Hydra works only in a node whose _target_ is in trusted_modules"
                raise ConfigError(f"{below}.{word}", problem, found=called[word])
        if "_target_" not in called:
            continue
        allowed = parts_at(below)
        if target not in allowed:
            raise _not_a_part(f"{below}._target_" if below else "_target_", target, allowed)
        if target.startswith("keras."):
            _check_plain(below, called)


def _not_a_part(key: str, target: Any, allowed: Sequence[str]) -> ConfigError:
    if not isinstance(target, str):
        return ConfigError(key, "must be the name of a part", found=target or "null", allowed=allowed)
    if target in ALL:
        return ConfigError(key, "this part does not belong here", found=target, allowed=allowed)
    module, _, _ = str(target).rpartition(".")
    package = str(target).partition(".")[0]
    problem = (
        "this is no part that a config may call; if you trust it, add "
        f"trusted_modules=[{module if package in ('keras', 'pipeline') else package}] to the command line"
    )
    return ConfigError(key, problem, found=target, allowed=allowed)


def _check_plain(key: str, node: dict[str, Any]) -> None:
    """Keras builds any object that a mapping of an argument describes, so arguments are plain values."""
    for name, value in node.items():
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, dict) and "_target_" not in one for one in values):
            problem = "a part of Keras takes no mapping here"
            raise ConfigError(f"{key}.{name}", problem, found=value, allowed="a value, or a list of values")


def find_targets(node: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Yields the dotted key and the value of every `_target_` in a plain config."""
    for below, called in find_calls(node, key):
        if "_target_" in called:
            yield f"{below}._target_" if below else "_target_", called["_target_"]


def find_calls(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields the dotted key and every mapping with a key that Hydra reads when it calls parts."""
    if isinstance(node, dict) and any(word in node for word in ("_target_", *HYDRAS_OWN)):
        yield key, node
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, value in pairs:
        yield from find_calls(value, f"{key}.{name}" if key else str(name))
