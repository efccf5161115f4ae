"""Checks the arguments of parts, by their annotations and names."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.config.definitions import definition, fields, modules, names, source
from pipeline.config.trust import find_targets
from pipeline.errors import ConfigError
from pipeline.rules import (
    ANYTHING,
    COUNT,
    FLAG,
    NOT_NEGATIVE,
    NUMBER,
    PART,
    POSITIVE,
    POSITIVE_COUNT,
    TEXT,
    TEXTS,
    WHOLE,
    Rule,
    check_node,
    is_number,
    list_of,
    one_of,
    or_auto,
    or_null,
)

ANNOTATIONS = {
    "int": WHOLE,
    "float": NUMBER,
    "str": TEXT,
    "bool": FLAG,
    "Sequence[int]": list_of(WHOLE),
    "Sequence[float]": list_of(NUMBER),
    "Sequence[str]": list_of(TEXT),
    "str | Sequence[str]": TEXTS,
}
SHARE = Rule(
    lambda value: is_number(value) and 0 <= value < 1,
    "a number from 0 to below 1",
    {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
)
AUTOMATIC = {"bins": or_auto(COUNT), "skip": or_auto(FLAG)}
# Arguments with a range, by name; they mean the same in every part.
RANGES = {
    "filters": list_of(POSITIVE_COUNT),
    "units": list_of(POSITIVE_COUNT),
    "width": POSITIVE_COUNT,
    "kernel_size": POSITIVE_COUNT,
    "pool_size": POSITIVE_COUNT,
    "embedding": POSITIVE_COUNT,
    "dropout": SHARE,
    "dropout_input": SHARE,
    "learning_rate": NOT_NEGATIVE,
    "warmup_epochs": NOT_NEGATIVE,
    "blocks": POSITIVE_COUNT,
    "alpha": NOT_NEGATIVE,
    "probe_rows": COUNT,
    "probe_batches": POSITIVE_COUNT,
    "repeats": COUNT,
    "rows": or_null(POSITIVE_COUNT),
    "attention_heads": POSITIVE_COUNT,
    "expansion": POSITIVE_COUNT,
    "members": POSITIVE_COUNT,
    "spread": NOT_NEGATIVE,
    "waves": COUNT,
    "frequency": POSITIVE,
    "longest": POSITIVE_COUNT,
    "dropout_words": SHARE,
    "unseen": SHARE,
    "white": POSITIVE,
    "augment": or_null(PART),
    "shift": SHARE,
    "zoom": SHARE,
    "rotate": NOT_NEGATIVE,
    "final": Rule(lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "factor": Rule(lambda value: is_number(value) and 0 < value < 1, "a number above 0 and below 1"),
    "minimum": NOT_NEGATIVE,
    "grain": Rule(lambda value: is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
    "weights": or_null(Rule(lambda value: Path(str(value)).is_file(), "an existing file")),
    "threshold": Rule(
        lambda value: (
            value in (None, "f1")
            or (is_number(value) and 0 <= value < 1)
            or (isinstance(value, dict) and len(value) == 1 and _is_aim(*next(iter(value.items()))))
        ),
        "null, a number from 0 to below 1, f1, {recall: <above 0, at most 1>} or {cost: <above 0>}",
    ),
    "class_weight": Rule(
        lambda value: (
            value in (None, "balanced")
            or (isinstance(value, dict) and all(map(NOT_NEGATIVE.test, value.values())))
        ),
        "balanced, or a mapping of class names to finite numbers of at least 0",
    ),
    "quantiles": Rule(
        lambda value: (
            list_of(SHARE).test(value) and value == sorted({*value}) and 0.5 in value and value[0] > 0
        ),
        "rising numbers between 0 and 1, with 0.5, the median, among them",
    ),
}
# Arguments that are a public name in a module of Keras.
KERAS_NAMES = {"activation": "keras.activations", "architecture": "keras.applications"}


def _is_aim(name: object, value: object) -> bool:
    """Whether a threshold can be chosen by this recall or cost."""
    return POSITIVE.test(value) and (name == "cost" or (name == "recall" and value <= 1))  # type: ignore[operator]


def check_parts(config: dict[str, Any]) -> None:
    """Every part has its arguments, in range and of the right type; every name from Keras exists.

    The arguments of Keras' own classes are only checked when the classes are called.

    Raises:
        ConfigError: an unknown part, an unknown or missing argument, or a value that is not allowed.
    """
    for key, target in find_targets(config):
        module, _, name = target.rpartition(".")
        if module.startswith("keras.") and name not in keras_names(module):
            allowed = [f"{module}.{known}" for known in keras_names(module)]
            raise ConfigError(key, "Keras has no such name", found=target, allowed=allowed)
        if target.startswith("pipeline."):
            _check_part(config, key, target)


def _check_part(config: dict[str, Any], key: str, target: str) -> None:
    parent = key.removesuffix("._target_")
    node = {name: value for name, value in select(config, parent).items() if name != "_target_"}
    required, optional = arguments(target, key)
    # `auto` is replaced before a part is called, so annotations do not have it.
    optional = {name: AUTOMATIC.get(name, rule) for name, rule in optional.items()}
    check_node(parent, node, required, optional=optional)
    for name, rule in RANGES.items():
        if name in node:
            rule.check(f"{parent}.{name}", node[name])
    for name, known in KERAS_NAMES.items():
        if node.get(name) is not None:
            _check_keras_name(f"{parent}.{name}", node[name], known)
    _check_attention(parent, node)


def _check_keras_name(key: str, name: str, module: str) -> None:
    known = [one for one in keras_names(module) if one not in ("serialize", "deserialize", "get")]
    if name not in known:
        raise ConfigError(key, f"{module} has no such name", found=name, allowed=known)


def _check_attention(key: str, node: dict[str, Any]) -> None:
    heads = node.get("attention_heads")
    name = "width" if "width" in node else "embedding"
    if heads and name in node and node[name] % heads:
        problem = "the attention heads cannot share this evenly"
        allowed = f"a multiple of attention_heads={heads}"
        raise ConfigError(f"{key}.{name}", problem, found=node[name], allowed=allowed)


@cache
def keras_names(module: str) -> list[str]:
    """The public names of a Keras module, read from its source; [] if there is no such module."""
    spec = find_spec("keras")
    if spec is None or spec.origin is None:
        return []
    file = Path(spec.origin).parent.joinpath(*module.split(".")[1:], "__init__.py")
    body = ast.parse(file.read_text(encoding="utf-8")).body if file.is_file() else []
    return [alias.asname or alias.name for s in body if isinstance(s, ast.ImportFrom) for alias in s.names]


def select(config: Any, key: str) -> Any:
    """The node at a dotted key, in which numbers are places in a list."""
    node = config
    for name in key.split("."):
        node = node[int(name)] if isinstance(node, list) else node[name]
    return node


def arguments(target: str, key: str) -> tuple[dict[str, Rule], dict[str, Rule]]:
    """The required and the optional arguments of `pipeline.<module>.<name>`, each with its rule.

    Args:
        target: the class or function.
        key: the config key to name in the message.

    Raises:
        ConfigError: there is no such class or function.
    """
    module, _, name = target.rpartition(".")
    if source(module) is None:
        raise ConfigError(key, "there is no such module", found=module, allowed=modules())
    if definition(module, name) is None:
        parts = [f"{module}.{part}" for part in names(module)]
        raise ConfigError(key, "there is no such part", found=target, allowed=parts)
    required: dict[str, Rule] = {}
    optional: dict[str, Rule] = {}
    for field, annotation, has_default in fields(target):
        required.pop(field, None)
        optional.pop(field, None)
        (optional if has_default else required)[field] = _rule(annotation)
    return required, optional


def _rule(annotation: ast.expr | None) -> Rule:
    text = ast.unparse(annotation) if annotation else ""
    if isinstance(annotation, ast.BinOp) and text.endswith(" | None"):
        return or_null(_rule(annotation.left))
    if text.startswith("Literal["):
        return one_of(*ast.literal_eval(f"({text.removeprefix('Literal[').removesuffix(']')},)"))
    return ANNOTATIONS.get(text, ANYTHING)
