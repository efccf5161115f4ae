"""JSON schemas of config files, for editors: made of the rules with which the program checks configs.

A file holds only what it changes, so no key is required, and every value may be an interpolation, `${…}`. The
arguments of Keras' own classes are open, as the checks leave them to Keras.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.config import data, nodes
from pipeline.config.definitions import documentation, documented_arguments
from pipeline.config.heads import LOSS_WEIGHT
from pipeline.config.loss_words import LOSS_WORDS
from pipeline.config.part_names import INPUTS, PARTS_AT, TARGETS, parts_at
from pipeline.config.parts import AUTOMATIC, RANGES, arguments
from pipeline.data_options import (
    DEFAULT_SCALES,
    INPUT_KINDS,
    SAMPLE_WEIGHT,
    SCALES,
    SCALES_OF_KIND,
    TARGET_KINDS,
)
from pipeline.rules import TEXT, TEXTS, Rule, one_of, or_null

Schema = dict[str, Any]
INTERPOLATION: Schema = {"type": "string", "pattern": r"\$\{"}
ANYTHING: Schema = {}
NULL: Schema = {"type": "null"}
DEFAULTS: Schema = {"type": "array", "description": "options on which this file builds, see Hydra's manual"}
# Groups of options whose files are a part of the whole config, `# @package _global_`.
GLOBAL = ("config", "heads", "experiment", "sweep")
# Groups of options whose files are the node of the same name.
GROUPS = (
    "data",
    "branches",
    "fusion",
    "balancer",
    "optimizer",
    "schedule",
    "trainer",
    "insight",
    "modulation",
    "tracking",
)
OTHERS = r"^(?!(pipeline|keras)\.)"  # classes of other packages, which trusted_modules may allow


def schemas() -> dict[str, Schema]:
    """The schema of the files of each group of options: "data", "branch" …; "config" is a whole config."""
    whole = _whole()
    groups = dict.fromkeys(GLOBAL, whole)
    groups |= {name: node for name, node in whole["properties"].items() if name in GROUPS}
    groups |= {
        "branch": _part("branches.name"),
        "head": _head(),
        "augment": _part("branches.name.augment"),
        "loss_weights": _loss_weights(),
    }
    return {name: _with_header(name, schema) for name, schema in sorted(groups.items())}


def _with_header(name: str, schema: Schema) -> Schema:
    properties = {"defaults": DEFAULTS, **schema.get("properties", {})}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"pipeline: {name}",
        **schema,
        "properties": properties,
    }


def _whole() -> Schema:
    special = {
        "data": _data(),
        "branches": _set_of(_part("branches.name")),
        "fusion": _part("fusion"),
        "heads": _set_of(_head()),
        "loss_weights": _loss_weights(),
        "trainer": _trainer(),
        "tracking": _node(nodes.TRACKING),
        "sweep": _node(nodes.SWEEP | nodes.SWEEP_OPTIONS),
        "conformal": _node(nodes.CONFORMAL),
        **{name: _part(name) for name in PARTS_AT if name in nodes.TOP and name != "fusion"},
        "hydra": ANYTHING,
        "defaults": DEFAULTS,
    }
    return _object(_properties(nodes.TOP) | special)


def _trainer() -> Schema:
    stopping = _node({**nodes.EARLY_STOPPING, **nodes.EARLY_STOPPING_OPTIONS})
    return _object(
        _properties({**nodes.TRAINER, **nodes.TRAINER_OPTIONS})
        | {
            "early_stopping": _or_interpolation({"anyOf": [stopping, NULL]}),
            "callbacks": {"type": "array", "items": _part("trainer.callbacks.0")},
        }
    )


def _head() -> Schema:
    loss = {"anyOf": [{"enum": [*LOSS_WORDS]}, _part("heads.name.loss")]}
    metrics = {"type": "array", "items": {"anyOf": [TEXT.schema, _part("heads.name.metrics.0")]}}
    return _part("heads.name", {"loss": loss, "metrics": metrics})


def _loss_weights() -> Schema:
    weight = {
        "anyOf": [{"type": "number", "minimum": 0}, {"enum": ["auto"]}, _part("loss_weights.name"), NULL]
    }
    return _set_of(weight | {"description": LOSS_WEIGHT.allowed})


def _data() -> Schema:
    file = _node({"path": TEXTS, **data.FILE_RULES})
    source = {"anyOf": [TEXTS.schema, file, _part("sources.name"), NULL]}
    options = _properties({**nodes.DATA, **nodes.DATA_OPTIONS})
    split = _properties({name: or_null(rule) for name, rule in data.SPLIT_RULES.items()})
    return _object(
        options
        | {
            "sources": _set_of(source),
            "inputs": _set_of(_entry(INPUT_KINDS, INPUTS, {})),
            "targets": _set_of(_entry(TARGET_KINDS, TARGETS, {SAMPLE_WEIGHT: TEXT})),
            "split": _object(split),
        }
    )


def _entry(kinds: Mapping[str, str], parts: Sequence[str], more: Mapping[str, Rule]) -> Schema:
    """An input or a target: a kind with its options, or a class."""
    options = {
        kind: _properties(
            {**_arguments(target), **_scale(kind), **more, "kind": one_of(*kinds)},
            documented_arguments(target),
        )
        for kind, target in kinds.items()
    }
    return _by("kind", options, _targets(parts))


def _scale(kind: str) -> dict[str, Rule]:
    return {"scale": one_of(*SCALES_OF_KIND.get(kind, SCALES))} if kind in DEFAULT_SCALES else {}


def _part(key: str, more: Mapping[str, Schema] | None = None) -> Schema:
    """A part that may stand at a key: its class, and the arguments of this class."""
    names = [name for name in parts_at(key) if name.startswith("pipeline.")]
    options = {
        name: _properties(_arguments(name), documented_arguments(name)) | dict(more or {}) for name in names
    }
    return _by("_target_", options, _targets(parts_at(key)))


def _by(key: str, options: Mapping[str, Mapping[str, Schema]], targets: Schema) -> Schema:
    """A mapping in which the value of `key` says which options there are; without it all of them are."""
    every: dict[str, Schema] = {}
    for properties in options.values():
        for name, schema in properties.items():
            known = every.setdefault(name, schema)
            every[name] = known if known == schema else ANYTHING
    every = {
        **every,
        "defaults": DEFAULTS,
        "_target_": targets,
        **({key: {"enum": [*options]}} if key == "kind" else {}),
    }
    open_ = any(not name.startswith("pipeline.") for name in targets["anyOf"][0]["enum"])
    conditions = [
        {
            "if": {"properties": {key: {"const": name}}, "required": [key]},
            "then": _object({**properties, "_target_": targets, "defaults": DEFAULTS}) | _described(name),
        }
        for name, properties in options.items()
    ]
    node = {"type": "object", "properties": every, "allOf": conditions}
    closed = {} if open_ else {"if": {"not": {"required": ["_target_"]}}, "then": _object(every)}
    return {"anyOf": [node | closed, NULL, INTERPOLATION]}


def _described(name: str) -> Schema:
    text = documentation(name) if name.startswith("pipeline.") else ""
    return {"description": text} if text else {}


def _targets(names: Sequence[str]) -> Schema:
    return {"anyOf": [{"enum": [*names]}, {"type": "string", "pattern": OTHERS}]}


def _arguments(target: str) -> dict[str, Rule]:
    required, optional = arguments(target, target)
    rules = {**required, **optional}
    return {name: AUTOMATIC.get(name) or RANGES.get(name, rule) for name, rule in rules.items()}


def _node(rules: Mapping[str, Rule]) -> Schema:
    return _object(_properties(rules))


def _properties(rules: Mapping[str, Rule], texts: Mapping[str, str] | None = None) -> dict[str, Schema]:
    """A schema for each key; its description, which editors show, tells what the value means and may be."""
    found = {}
    for name, rule in rules.items():
        words = [text for text in ((texts or {}).get(name, ""), rule.allowed) if text]
        schema = _or_interpolation(dict(rule.schema)) if rule.schema else {}
        found[name] = schema | {"description": "\n\n".join(words)}
    return found


def _or_interpolation(schema: Schema) -> Schema:
    return {"anyOf": [schema, INTERPOLATION]}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


def _set_of(schema: Schema) -> Schema:
    """Parts by name; `_auto_` says what is chosen by kind."""
    known = {"_auto_": {"type": "object"}, "defaults": DEFAULTS}
    return {"type": "object", "properties": known, "additionalProperties": schema}
