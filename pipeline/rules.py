"""Rules for single values, such as "a finite number", and for the keys of a node."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.errors import ConfigError

LARGEST = 2**31 - 1
LARGEST_FLOAT = 3.4e38  # of 32 bits, in which models compute; larger numbers become infinite


@dataclass(frozen=True)
class Rule:
    """A test of a value, and a description of the values that pass.

    Args:
        schema: the same as a JSON schema, as far as one can say it; see `pipeline.config.schema`.
    """

    test: Callable[[Any], bool]
    allowed: str
    schema: Mapping[str, Any] = field(default_factory=dict)

    def check(self, key: str, value: Any) -> None:
        """Raises ConfigError for `key` if the value does not pass."""
        if not self.test(value):
            problem = "this value is not allowed"
            if isinstance(value, int | float) and LARGEST_FLOAT < abs(value) < math.inf:
                problem = f"this number is too large for 32 bits, which hold up to {LARGEST_FLOAT:g}"
            raise ConfigError(key, problem, found=written(value), allowed=self.allowed)


def written(value: Any) -> str:
    """A value as YAML writes it."""
    return {True: "true", False: "false", None: "null"}.get(value, "") if _is_word(value) else repr(value)


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether a value is a whole number of at most 32 bits; larger ones overflow or never end."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST


def is_number(value: Any) -> bool:
    """Whether a value is an int or a float that is finite in 32 bits."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and abs(value) <= LARGEST_FLOAT


def one_of(*values: object) -> Rule:
    """One of these values; 1 does not pass for true."""
    return Rule(
        lambda value: any(value == one and type(value) is type(one) for one in values),
        ", ".join(one if isinstance(one, str) else written(one) for one in values),
        {"enum": list(values)},
    )


def or_null(rule: Rule) -> Rule:
    """The same rule, or null."""
    schema = {"anyOf": [rule.schema, {"type": "null"}]}
    return Rule(lambda value: value is None or rule.test(value), f"{rule.allowed}, or null", schema)


def or_auto(rule: Rule) -> Rule:
    """The same rule, or the word auto."""
    schema = {"anyOf": [{"enum": ["auto"]}, rule.schema]}
    return Rule(lambda value: value == "auto" or rule.test(value), f"auto, or {rule.allowed}", schema)


def list_of(rule: Rule) -> Rule:
    """A list whose entries all pass."""
    return Rule(
        lambda value: isinstance(value, list) and all(rule.test(entry) for entry in value),
        f"a list, each entry {rule.allowed}",
        {"type": "array", "items": rule.schema},
    )


def up_to(limit: int, rule: Rule) -> Rule:
    """The same rule for numbers, with an upper limit."""
    schema = {**rule.schema, "maximum": limit}
    allowed = f"{rule.allowed} and at most {limit:,}"
    return Rule(lambda value: rule.test(value) and value <= limit, allowed, schema)


def _of_type(name: str, **limits: Any) -> dict[str, Any]:
    return {"type": name, **limits}


ANYTHING = Rule(lambda value: True, "anything")
FLAG = Rule(lambda value: isinstance(value, bool), "true or false", _of_type("boolean"))
TEXT = Rule(lambda value: isinstance(value, str), "a text", _of_type("string"))
WHOLE = Rule(is_whole, "a whole number", _of_type("integer"))
COUNT = Rule(
    lambda value: is_whole(value) and value >= 0,
    "a whole number of at least 0",
    _of_type("integer", minimum=0),
)
POSITIVE_COUNT = Rule(
    lambda value: is_whole(value) and value >= 1,
    "a whole number of at least 1",
    _of_type("integer", minimum=1),
)
NUMBER = Rule(is_number, "a finite number", _of_type("number"))
POSITIVE = Rule(
    lambda value: is_number(value) and value > 0,
    "a number above 0",
    _of_type("number", exclusiveMinimum=0),
)
NOT_NEGATIVE = Rule(
    lambda value: is_number(value) and value >= 0,
    "a finite number of at least 0",
    _of_type("number", minimum=0),
)
SHARE = Rule(
    lambda value: is_number(value) and 0 < value < 1,
    "a number above 0 and below 1",
    _of_type("number", exclusiveMinimum=0, exclusiveMaximum=1),
)
MAPPING = Rule(lambda value: isinstance(value, dict), "a mapping", _of_type("object"))
NAMED = Rule(
    lambda value: isinstance(value, dict) and len(value) > 0,
    "a mapping with at least one name",
    _of_type("object"),
)
PART = Rule(
    lambda value: isinstance(value, dict) and "_target_" in value,
    "a mapping with a _target_",
    _of_type("object"),
)
TEXTS = Rule(
    lambda value: TEXT.test(value) or (list_of(TEXT).test(value) and len(value) > 0),
    "a text or a list of texts",
    {"anyOf": [TEXT.schema, list_of(TEXT).schema]},
)


def check_node(
    key: str, node: Any, rules: Mapping[str, Rule], *, optional: Mapping[str, Rule] | None = None
) -> None:
    """Checks that a node has all keys of `rules`, no keys but these and `optional`, and values that pass.

    Raises:
        ConfigError: the first wrong key, dotted.
    """
    MAPPING.check(key, node)
    known = {**rules, **(optional or {})}
    for name in node:
        if name not in known:
            raise ConfigError(dotted(key, name), "there is no such key", found=name, allowed=known)
    for name in rules:
        if name not in node:
            raise ConfigError(dotted(key, name), "this key is missing", allowed=rules[name].allowed)
    for name, value in node.items():
        known[name].check(dotted(key, name), value)


def dotted(key: str, name: object) -> str:
    return f"{key}.{name}" if key else str(name)
