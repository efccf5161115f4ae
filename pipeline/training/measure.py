"""Computes the metrics of one pass over a split."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from pipeline.data import Split
from pipeline.data.kinds import Target
from pipeline.heads import Head
from pipeline.labels import complete_rows
from pipeline.metric_names import Scores
from pipeline.metrics import METRICS_OF_KIND, label_metrics, quantile_metrics, skill
from pipeline.training.best_constant import best_constant, constant_loss
from pipeline.training.epoch import Epoch
from pipeline.training.head_loss import HeadLoss

Array = NDArray[Any]


@dataclass(frozen=True)
class Reference:
    """What is needed to measure one head on one split.

    The baseline is the best constant prediction for the training rows.

    Args:
        kind: kind of the target.
        labels: class codes or distributions, 0 and 1, or numbers in original units.
        words: metrics from `pipeline.metrics`.
        keras_metrics: further metrics, of Keras.
        baseline_loss: loss of the baseline on this split; None without labels.
        quantiles: those of a quantile head; else ().
        point: outputs in readable form -> predictions for the Keras metrics.
        baseline: the best constant, a raw output (width,).
        thresholds: the probability above which each column of a yes or no head is yes; () for 0.5.
    """

    kind: str
    labels: Array
    words: list[str]
    keras_metrics: list[keras.metrics.Metric]
    baseline_loss: float | None
    quantiles: Sequence[float] = ()
    point: Callable[[Array], Array] = lambda outputs: outputs
    baseline: Array | None = None
    thresholds: Sequence[float] = ()


def references(
    heads: Mapping[str, Head],
    targets: Mapping[str, Target],
    losses: Mapping[str, HeadLoss],
    splits: Mapping[str, Split],
) -> dict[str, dict[str, Reference]]:
    """Return the references by split and head; the baselines are fitted on the training rows only."""
    by_split: dict[str, dict[str, Reference]] = {split: {} for split in splits}
    graphs: dict[Any, Any] = {}
    for name, head in heads.items():
        target, loss = targets[name], losses[name]
        width = head.width(target.units)
        baseline = best_constant(loss, splits["train"].labels[name], width, head.activation, graphs)
        for split, rows in splits.items():
            numbers = rows.numbers.get(name)
            by_split[split][name] = reference(head, target, loss, rows.labels[name], numbers, baseline)
    return by_split


def reference(
    head: Head, target: Target, loss: HeadLoss, labels: Array, numbers: Array | None, baseline: Array
) -> Reference:
    """Return the reference of one head.

    Args:
        labels: encoded labels of the split.
        numbers: those of a number target in original units; else None.
        baseline: the best constant for the training rows, a raw output (width,).
    """
    return Reference(
        kind=target.kind,
        labels=labels if numbers is None else numbers,
        words=[metric for metric in head.metrics if isinstance(metric, str)],
        keras_metrics=[metric for metric in head.metrics if not isinstance(metric, str)],
        baseline_loss=constant_loss(loss, labels, baseline),
        quantiles=getattr(head, "quantiles", ()),
        point=head.point,
        baseline=baseline,
    )


def measure(
    split: str, epoch: Epoch, heads: Mapping[str, Reference], loss_weights: Mapping[str, float]
) -> Scores:
    """Compute the metrics of one pass.

    Undefined metrics are absent, and so are skill and ece in the split "train".

    Args:
        loss_weights: weights of the heads in the combined loss.
    """
    combined = {
        "loss": sum(loss_weights[head] * loss for head, loss in epoch.losses.items()) + epoch.regularisation,
        "loss_unweighted": sum(epoch.losses.values()),
    }
    by_head: dict[str, dict[str, float]] = {}
    for name, head in heads.items():
        if name not in epoch.losses:
            continue
        values = {"loss": float(epoch.losses[name])}
        values |= {
            word: float(value)
            for word, value in _metrics(head, head.labels[epoch.order], epoch.outputs[name])
            # Probabilities change during an epoch, and those of training rows are overconfident.
            if not (split == "train" and word == "ece")
        }
        if split != "train" and head.baseline_loss:
            values["skill"] = float(skill(epoch.losses[name], head.baseline_loss))
        by_head[name] = values
    skills = [values["skill"] for values in by_head.values() if "skill" in values]
    if skills:
        combined["skill"] = float(np.mean(skills))
        if split == "val":  # it chooses the kept epoch
            combined["skill_floored"] = float(np.mean(np.maximum(skills, 0)))
    return Scores({word: float(value) for word, value in combined.items()}, by_head)


def _metrics(head: Reference, labels: Array, outputs: Array) -> list[tuple[str, float]]:
    if head.quantiles:
        metrics = list(quantile_metrics(labels, outputs, head.words, head.quantiles).items())
    elif head.thresholds:
        metrics = list(label_metrics(labels, outputs, head.words, head.thresholds).items())
    else:
        metrics = list(METRICS_OF_KIND[head.kind](labels, outputs, head.words).items())
    complete = complete_rows(labels)
    for metric in head.keras_metrics:
        metric.reset_state()
        metric.update_state(labels[complete], head.point(outputs[complete]))
        metrics.append((metric.name, float(metric.result())))
    return metrics
