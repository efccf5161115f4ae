"""The JSON schemas say what the checks know: shipped files pass them, and common mistakes do not."""

import re

import pytest
import yaml

from pipeline.config import CONF
from pipeline.config.schema import GLOBAL, schemas

SCHEMAS = schemas()
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
FILES = sorted(
    path.relative_to(CONF)
    for path in CONF.rglob("*.yaml")
    if len(path.relative_to(CONF).parts) == 2 or path.name == "config.yaml"
)


def is_valid(value, schema):
    """Whether a value passes a JSON schema, for the words that these schemas use."""
    unknown = schema.keys() - {*WORDS, "description", "title", "$schema", "then", "properties"}
    assert not unknown
    return all(WORDS[word](value, schema[word], schema) for word in schema if word in WORDS)


def _is_of_type(value, name, _):
    is_flag = isinstance(value, bool) and name in ("integer", "number")
    return isinstance(value, TYPES[name]) and not is_flag


def _members(value, allowed, schema):
    """`additionalProperties`, with the `properties` beside it."""
    known = schema.get("properties", {})
    rest = [name for name in value if name not in known] if isinstance(value, dict) else []
    return not rest if allowed is False else all(is_valid(value[name], allowed) for name in rest)


def _known_members(value, known, _):
    return not isinstance(value, dict) or all(
        is_valid(value[name], known[name]) for name in value if name in known
    )


def _number(test):
    return lambda value, limit, _: isinstance(value, bool | str | dict | list | None) or test(value, limit)


WORDS = {
    "type": _is_of_type,
    "enum": lambda value, words, _: any(value == one and type(value) is type(one) for one in words),
    "const": lambda value, word, _: value == word,
    "pattern": lambda value, pattern, _: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minimum": _number(lambda value, limit: value >= limit),
    "maximum": _number(lambda value, limit: value <= limit),
    "exclusiveMinimum": _number(lambda value, limit: value > limit),
    "exclusiveMaximum": _number(lambda value, limit: value < limit),
    "minItems": lambda value, limit, _: not isinstance(value, list) or len(value) >= limit,
    "maxItems": lambda value, limit, _: not isinstance(value, list) or len(value) <= limit,
    "items": lambda value, schema, _: (
        not isinstance(value, list) or all(is_valid(entry, schema) for entry in value)
    ),
    "required": lambda value, names, _: not isinstance(value, dict) or set(names) <= value.keys(),
    "properties": _known_members,
    "additionalProperties": _members,
    "anyOf": lambda value, schemas, _: any(is_valid(value, schema) for schema in schemas),
    "allOf": lambda value, schemas, _: all(is_valid(value, schema) for schema in schemas),
    "not": lambda value, schema, _: not is_valid(value, schema),
    "if": lambda value, condition, schema: not is_valid(value, condition) or is_valid(value, schema["then"]),
}


def check(text, group):
    return is_valid(yaml.safe_load(text) or {}, SCHEMAS[group])


@pytest.mark.parametrize("file", FILES, ids=str)
def test_every_shipped_file_passes_the_schema_of_its_group(file):
    group = file.parts[0] if len(file.parts) == 2 else "config"
    assert check((CONF / file).read_text(), group)


def test_there_are_files_and_schemas_enough():
    assert len(FILES) > 80
    assert {"config", "data", "branch", "head", "trainer", "experiment"} <= SCHEMAS.keys()
    assert all(SCHEMAS[name]["properties"].keys() >= {"seed", "trainer"} for name in GLOBAL)


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("trainer", "epoch: 3"),
        ("trainer", "epochs: ten"),
        ("trainer", "epochs: 0"),
        ("trainer", "early_stopping: {monitr: val/loss}"),
        ("trainer", "on_nan: go"),
        ("experiment", "sed: 1"),
        ("experiment", "trainer: {epoch: 3}"),
        ("experiment", "heads: {class: {_target_: pipeline.heads.Multiclass, quantiles: [0.5]}}"),
        ("experiment", "heads: {class: {drop_out: 0.1}}"),
        ("head", "_target_: pipeline.heads.Multiclas"),
        ("head", "_target_: pipeline.heads.Binary\ndropout: 1.5"),
        ("head", "_target_: pipeline.heads.Regression\nloss: msee"),
        ("branch", "_target_: pipeline.branches.Conv2D\nfilters: 3"),
        ("branch", "_target_: pipeline.branches.Table\nkernel_size: 3"),
        ("data", "inputs: {a: {kind: picture, column: s.a}}"),
        ("data", "inputs: {a: {kind: image, column: s.a, numeric: [s.b]}}"),
        ("data", "targets: {a: {kind: number, column: s.a, scale: logarithm}}"),
        ("data", "split: {fractions: [0.7, 0.3]}"),
        ("data", "sources: {s: {path: a.csv, seperator: ;}}"),
        ("loss_weights", "class: -1"),
        ("tracking", "system_metrics: maybe"),
        ("schedule", "_target_: pipeline.schedules.Cosin"),
    ],
)
def test_a_mistake_does_not_pass(group, text):
    assert not check(text, group)


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("trainer", "epochs: ${oc.env:EPOCHS}"),
        ("trainer", "epochs: 3"),
        ("experiment", "heads: {class: null}\nbranches: {image: {units: [4]}}"),
        (
            "experiment",
            "loss_weights: {class: auto, score: {_target_: pipeline.loss_weights.Linear, end: 1.0}}",
        ),
        ("head", "_target_: mine.Head\nanything: 1"),
        ("head", "loss: huber"),
        ("data", "inputs: {a: {kind: table, numeric: [s.a], scale: quantile}}"),
        (
            "data",
            "targets: {a: {kind: number, column: s.a, sample_weight: s.w}, b: {_target_: mine.Target, x: 1}}",
        ),
        ("optimizer", "_target_: keras.optimizers.Adam\nbeta_1: 0.8"),
    ],
)
def test_what_the_checks_allow_passes(group, text):
    assert check(text, group)


def test_editors_show_what_an_argument_means():
    (node, *_) = SCHEMAS["head"]["anyOf"]
    assert "hidden" in node["properties"]["units"]["description"]
    assert any("then" in case and case["then"].get("description") for case in node["allOf"])
