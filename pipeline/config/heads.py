"""What must agree: branches with inputs, heads with targets, and weights and metrics with heads."""

import re
from collections.abc import Sequence
from typing import Any

from pipeline.config.parts import constants
from pipeline.config.rules import NOT_NEGATIVE, PART, Rule
from pipeline.errors import ConfigError
from pipeline.loss_weights import DEFAULT
from pipeline.metric_names import metric_names

LOSS_WEIGHT = Rule(
    lambda value: NOT_NEGATIVE.test(value) or PART.test(value),
    f"{NOT_NEGATIVE.allowed}, or a schedule of pipeline.loss_weights by its _target_",
)
LOGITS = (None, "linear")
# The head of ours that a part from elsewhere is checked as.
HEAD_OF_KIND = {
    "category": "pipeline.heads.Multiclass",
    "binary": "pipeline.heads.Binary",
    "labels": "pipeline.heads.Multilabel",
    "number": "pipeline.heads.Regression",
}


def check_names(config: dict[str, Any]) -> None:
    """Branches are inputs, heads are targets, and their names fit into MLflow and Keras."""
    for group, entries, word in (("branches", "inputs", "branch"), ("heads", "targets", "head")):
        known = config["data"][entries]
        for name, part in config[group].items():
            key = f"{group}.{name}"
            if name not in known:
                raise ConfigError(
                    key, f"this {word} has no {entries[:-1]} in data.{entries}", found=name, allowed=known
                )
            if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
                raise ConfigError(
                    key, f"not a name for a {word}", found=name, allowed="letters, digits, _ and -"
                )
            kinds = constants(part["_target_"]).get("kinds")
            kind = known[name].get("kind")
            if kinds and kind and kind not in kinds:
                raise ConfigError(
                    f"{key}._target_",
                    f"{part['_target_']} does not take {entries} of kind {kind}",
                    found=f"data.{entries}.{name}.kind={kind}",
                    allowed=f"kind {' or '.join(kinds)}; or another {word}@{key}=…",
                )


def check_fusion(config: dict[str, Any]) -> None:
    """A branch that conditions the others is one of the branches."""
    condition, branches = config["fusion"].get("condition"), config["branches"]
    if condition is not None and condition not in branches:
        raise ConfigError("fusion.condition", "there is no such branch", found=condition, allowed=branches)


def check_auxiliary(config: dict[str, Any]) -> None:
    """A head that reads a branch names one; some head reads the fusion."""
    read = {name: head.get("branch") for name, head in config["heads"].items()}
    for name, branch in read.items():
        if branch is not None and branch not in config["branches"]:
            raise ConfigError(
                f"heads.{name}.branch", "there is no such branch", found=branch, allowed=config["branches"]
            )
    if all(read.values()):
        raise ConfigError("heads", "no head reads the fusion", found=read, allowed="a head with branch: null")


def check_loss_weights(config: dict[str, Any]) -> None:
    """Weights belong to heads, are finite numbers of at least 0 or schedules, and not all of them are 0."""
    weights, heads = config["loss_weights"], config["heads"]
    for name, weight in weights.items():
        if name not in heads:
            problem = f"there is no such head (~loss_weights.{name} removes the weight)"
            raise ConfigError(f"loss_weights.{name}", problem, found=name, allowed=heads)
        LOSS_WEIGHT.check(f"loss_weights.{name}", weight)
    if not any(weights.get(name, DEFAULT) for name in heads):
        raise ConfigError(
            "loss_weights",
            "all weights are 0, so nothing is learned",
            found=weights,
            allowed="at least one above 0",
        )


def check_heads(config: dict[str, Any]) -> None:
    """Each head's loss, activation and metrics fit its target's kind, and each other."""
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
        for i, metric in enumerate(head.get("metrics", [])):
            if not PART.test(metric) and metric not in part["metric_words"]:
                raise ConfigError(
                    f"heads.{name}.metrics.{i}",
                    f"not a metric of a {kind} head",
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
        words = [written_word(word) for word in allowed]
        problem = f"this activation does not fit a target of kind {kind}"
        raise ConfigError(key, problem, found=activation, allowed=words)
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
        words = [str(word) for word in allowed if word not in LOGITS]
        null = "null with loss.from_logits=true, if the loss has it"
        raise ConfigError(
            key,
            "the loss takes probabilities, but the head returns logits",
            found=written_word(activation),
            allowed="; or ".join([*words, null]),
        )


def written_word(activation: str | None) -> str:
    return "null" if activation is None else activation


def check_metrics(config: dict[str, Any]) -> None:
    """Whoever watches a metric names one that this config produces."""
    heads = config["heads"]
    objective = config["objective"]
    for name in [objective] if isinstance(objective, str) else objective:
        _check_metric("objective", name, metric_names(heads, ("best/val_", "val/", "test/", "train/")))
    stopping = config["trainer"]["early_stopping"]
    watched = {"trainer.early_stopping.monitor": stopping["monitor"]} if stopping else {}
    if "monitor" in config["schedule"]:
        watched["schedule.monitor"] = config["schedule"]["monitor"]
    for key, name in watched.items():
        _check_metric(key, name, metric_names(heads, ("val/", "train/")))


def _check_metric(key: str, name: str, allowed: list[str]) -> None:
    if name not in allowed:
        raise ConfigError(key, "no metric of this name is logged", found=name, allowed=allowed)
