"""What must agree: branches with inputs, heads with targets, and weights and metrics with heads."""

import re
from typing import Any

from pipeline.config.rules import NOT_NEGATIVE, PART, Rule
from pipeline.errors import ConfigError
from pipeline.metric_names import metric_names

LOSS_WEIGHT = Rule(
    lambda value: NOT_NEGATIVE.test(value) or PART.test(value),
    f"{NOT_NEGATIVE.allowed}, or a schedule of pipeline.loss_weights by its _target_",
)
LOGITS = (None, "linear")
PROBABILITIES = {"category": "softmax", "binary": "sigmoid", "labels": "sigmoid"}
ACTIVATIONS = {
    "category": (*LOGITS, "softmax"),
    "binary": (*LOGITS, "sigmoid"),
    "labels": (*LOGITS, "sigmoid"),
    "number": LOGITS,
}
UNSCALED_ACTIVATIONS = (*LOGITS, "relu", "softplus", "sigmoid", "tanh", "exponential")
CLASS_LOSSES = (
    "SparseCategoricalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "KLDivergence",
)
YES_NO_LOSSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
LOSSES = {
    "category": CLASS_LOSSES,
    "binary": YES_NO_LOSSES,
    "labels": YES_NO_LOSSES,
    "number": ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh"),
}
UNSCALED_LOSSES = (
    *LOSSES["number"],
    "MeanAbsolutePercentageError",
    "MeanSquaredLogarithmicError",
    "Poisson",
)
METRICS = {
    "category": ("accuracy", "f1", "auc", "ece"),
    "binary": ("accuracy", "f1", "auc", "ap", "ece"),
    "labels": ("accuracy", "f1", "auc", "ap", "ece"),
    "number": ("mae", "rmse", "r2"),
}
# Heads whose output is not that of any head of their target's kind.
HEAD_LOSSES = {"pipeline.heads.Quantiles": ("pipeline.losses.Pinball",)}
HEAD_METRICS = {
    "pipeline.heads.Ordinal": (*METRICS["category"], "mae"),
    "pipeline.heads.Quantiles": (*METRICS["number"], "pinball", "coverage"),
}
WITHOUT_ACTIVATION = ("pipeline.heads.Ordinal", "pipeline.heads.Quantiles")
# Our parts that take some kinds only; a part that is not named here says itself what it takes.
BRANCH_KINDS = {
    "pipeline.branches.Conv2D": ("image",),
    "pipeline.branches.ResNet": ("image",),
    "pipeline.branches.Application": ("image",),
    "pipeline.branches.Conv1D": ("series",),
    "pipeline.branches.GRU": ("series",),
    "pipeline.branches.LSTM": ("series",),
    "pipeline.branches.Transformer": ("series",),
    "pipeline.branches.Dense": ("vector",),
    "pipeline.branches.Table": ("table", "vector"),
    "pipeline.branches.TextBag": ("text",),
    "pipeline.branches.TextConv": ("text",),
    "pipeline.branches.TextTransformer": ("text",),
}
HEAD_KINDS = {
    "pipeline.heads.Multiclass": ("category",),
    "pipeline.heads.Ordinal": ("category",),
    "pipeline.heads.Binary": ("binary",),
    "pipeline.heads.Multilabel": ("labels",),
    "pipeline.heads.Regression": ("number",),
    "pipeline.heads.Quantiles": ("number",),
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
            kinds = (BRANCH_KINDS | HEAD_KINDS).get(part["_target_"])
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
    if not any(weights.get(name, 1.0) for name in heads):
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
        part, unscaled = head["_target_"], target.get("scale") == "none"
        losses = HEAD_LOSSES.get(part, UNSCALED_LOSSES if unscaled else LOSSES[kind])
        _check_loss(f"heads.{name}.loss", head.get("loss"), kind, losses)
        activations = UNSCALED_ACTIVATIONS if unscaled else ACTIVATIONS[kind]
        if part in WITHOUT_ACTIVATION:
            activations = LOGITS
        _check_activation(f"heads.{name}.activation", head, kind, activations)
        words = HEAD_METRICS.get(part, METRICS[kind])
        for i, metric in enumerate(head.get("metrics", [])):
            if not PART.test(metric) and metric not in words:
                key = f"heads.{name}.metrics.{i}"
                raise ConfigError(key, f"not a metric of a {kind} head", found=metric, allowed=words)


def _check_loss(key: str, loss: Any, kind: str, allowed: tuple[str, ...]) -> None:
    PART.check(key, loss)
    module, _, _ = loss["_target_"].rpartition(".")
    ours = {one for losses in HEAD_LOSSES.values() for one in losses}
    known = [word if word in ours else f"keras.losses.{word}" for word in allowed]
    if (module == "keras.losses" or loss["_target_"] in ours) and loss["_target_"] not in known:
        raise ConfigError(
            f"{key}._target_",
            f"this loss does not fit a target of kind {kind}",
            found=loss["_target_"],
            allowed=known,
        )


def _check_activation(key: str, head: dict[str, Any], kind: str, allowed: tuple[str | None, ...]) -> None:
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
            f"{activation} twice: the loss is from logits and applies it itself",
            found=activation,
            allowed="null; or loss.from_logits=false",
        )
    if not from_logits and activation in LOGITS:
        raise ConfigError(
            key,
            "the loss wants probabilities, not logits",
            found=written_word(activation),
            allowed=f"{PROBABILITIES[kind]}; or null with loss.from_logits=true, where the loss has it",
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
