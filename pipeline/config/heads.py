"""Checks that names agree (branches with inputs, heads with targets) and that each head's parts fit."""

import re
from collections.abc import Sequence
from typing import Any

from pipeline.config.definitions import constants
from pipeline.errors import ConfigError
from pipeline.loss_weights import AUTO, DEFAULT, check_schedule, weights_at
from pipeline.rules import NOT_NEGATIVE, PART, TEXT, Rule, list_of

LOSS_WEIGHT = Rule(
    lambda value: NOT_NEGATIVE.test(value) or PART.test(value),
    f"{NOT_NEGATIVE.allowed}, or a schedule: a mapping with a _target_ in pipeline.loss_weights",
)
METRICS = list_of(Rule(lambda value: TEXT.test(value) or PART.test(value), "a word or a part"))
LOGITS = (None, "linear")
# A head from another package is checked like our own head for the same kind of target.
HEAD_OF_KIND = {
    "category": "pipeline.heads.Multiclass",
    "binary": "pipeline.heads.Binary",
    "labels": "pipeline.heads.Multilabel",
    "number": "pipeline.heads.Regression",
}


def check_names(config: dict[str, Any]) -> None:
    """Every branch has an input and every head a target, of a kind that fits; MLflow can store the names."""
    for group, entries, part_type in (("branches", "inputs", "branch"), ("heads", "targets", "head")):
        known = config["data"][entries]
        for name, part in config[group].items():
            key = f"{group}.{name}"
            if name not in known:
                raise ConfigError(
                    key,
                    f"this {part_type} has no {entries[:-1]} in data.{entries}",
                    found=name,
                    allowed=known,
                )
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                problem = f"the name of this {part_type} has a character that is not allowed"
                raise ConfigError(key, problem, found=name, allowed="letters, digits, _ and -")
            kinds = constants(part["_target_"]).get("kinds")
            kind = known[name].get("kind")
            if kinds and kind and kind not in kinds:
                raise ConfigError(
                    f"{key}._target_",
                    f"{part['_target_']} does not take {entries} of kind {kind}",
                    found=f"data.{entries}.{name}.kind={kind}",
                    allowed=f"kind {' or '.join(kinds)}; or another {part_type}@{key}=…",
                )


def check_fusion(config: dict[str, Any]) -> None:
    """The fusion's `condition` is one of the branches."""
    condition, branches = config["fusion"].get("condition"), config["branches"]
    if condition is not None and condition not in branches:
        raise ConfigError("fusion.condition", "there is no such branch", found=condition, allowed=branches)


def check_auxiliary(config: dict[str, Any]) -> None:
    """Heads on a single branch name an existing branch, and at least one head reads the fusion."""
    branches = {name: head.get("branch") for name, head in config["heads"].items()}
    for name, branch in branches.items():
        if branch is not None and branch not in config["branches"]:
            raise ConfigError(
                f"heads.{name}.branch", "there is no such branch", found=branch, allowed=config["branches"]
            )
    if all(branches.values()):
        raise ConfigError(
            "heads",
            "no head reads the fusion",
            found=", ".join(f"{name}.branch: {branch}" for name, branch in branches.items()),
            allowed="branch: null for at least one head",
        )


def check_loss_weights(config: dict[str, Any]) -> None:
    """Every weight belongs to a head and is a number or a schedule; not all weights are 0."""
    weights, heads = config["loss_weights"], config["heads"]
    for name, weight in weights.items():
        key = f"loss_weights.{name}"
        if name not in heads:
            problem = f"there is no such head; ~{key} removes the weight"
            raise ConfigError(key, problem, found=name, allowed=heads)
        if weight != AUTO:
            LOSS_WEIGHT.check(key, weight)
        if PART.test(weight) and weight["_target_"].startswith("pipeline.loss_weights."):
            check_schedule(key, start=weight["start"], end=weight["end"], epochs=weight["epochs"])
    if not any(map(PART.test, weights.values())):
        numbers = {name: weights.get(name, DEFAULT) for name in heads}
        weights_at({name: DEFAULT if number == AUTO else number for name, number in numbers.items()}, epoch=0)


def check_heads(config: dict[str, Any]) -> None:
    """Each head's loss, activation and metrics fit the kind of its target, and one another."""
    for name, head in config["heads"].items():
        target = config["data"]["targets"][name]
        kind = target.get("kind")
        if kind is None:
            continue
        part = constants(head["_target_"]) or constants(HEAD_OF_KIND[kind])
        losses, activations = part["losses"], part["activations"]
        if target.get("scale") == "none":
            losses += part.get("unscaled_losses", ())
            activations += part.get("unscaled_activations", ())
        _check_loss(f"heads.{name}.loss", head.get("loss"), kind, losses)
        _check_activation(f"heads.{name}.activation", head, kind, activations)
        METRICS.check(f"heads.{name}.metrics", head.get("metrics", []))
        for i, metric in enumerate(head.get("metrics", [])):
            if not PART.test(metric) and metric not in part["metric_words"]:
                raise ConfigError(
                    f"heads.{name}.metrics.{i}",
                    f"a {kind} head has no such metric",
                    found=metric,
                    allowed=part["metric_words"],
                )


def _check_loss(key: str, loss: Any, kind: str, allowed: Sequence[str]) -> None:
    PART.check(key, loss)
    target = loss["_target_"]
    if target.startswith(("keras.losses.", "pipeline.losses.")) and target not in allowed:
        problem = f"this loss does not fit a target of kind {kind}"
        raise ConfigError(f"{key}._target_", problem, found=target, allowed=allowed)


def _check_activation(key: str, head: dict[str, Any], kind: str, allowed: Sequence[str | None]) -> None:
    activation = head.get("activation")
    if activation not in allowed:
        names = [name_of_activation(name) for name in allowed]
        problem = f"this activation does not fit a target of kind {kind}"
        raise ConfigError(key, problem, found=activation, allowed=names)
    if kind == "number" or not head["loss"]["_target_"].startswith("keras.losses."):
        return
    from_logits = head["loss"].get("from_logits", False)
    if from_logits and activation not in LOGITS:
        raise ConfigError(
            key,
            f"{activation} would be applied twice: with from_logits=true the loss applies it too",
            found=activation,
            allowed="null; or loss.from_logits=false",
        )
    if not from_logits and activation in LOGITS:
        names = [str(name) for name in allowed if name not in LOGITS]
        null = "null with loss.from_logits=true, if the loss has it"
        raise ConfigError(
            key,
            "the loss takes probabilities, but the head returns logits",
            found=name_of_activation(activation),
            allowed="; or ".join([*names, null]),
        )


def name_of_activation(activation: str | None) -> str:
    return "null" if activation is None else activation
