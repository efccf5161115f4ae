"""A pass over a split -> the named numbers of that split, as they stand in MLflow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import complete_rows
from pipeline.metric_names import Scores
from pipeline.metrics import METRICS_OF_KIND, quantile_metrics, skill
from pipeline.training.best_constant import best_constant, constant_loss
from pipeline.training.head_loss import HeadLoss
from pipeline.training.trainer import Epoch

Array = NDArray[Any]


@dataclass(frozen=True)
class Reference:
    """One head on one split: its labels as metrics want them, and what a constant reaches there.

    Args:
        labels: codes or distributions of classes, 0 and 1, or numbers in their own unit.
        constant: loss of the best constant of the training rows on this split's rows; None without labels.
        quantiles: of a head that predicts some; else ().
        point: presented outputs -> what a Keras metric looks at.
        guess: the best constant, a raw output (width,).
    """

    kind: str
    labels: Array
    words: list[str]
    keras_metrics: list[Any]
    constant: float | None
    quantiles: Sequence[float] = ()
    point: Callable[[Array], Array] = lambda outputs: outputs
    guess: Array | None = None


def references(
    heads: Mapping[str, Any],
    targets: Mapping[str, Any],
    losses: Mapping[str, HeadLoss],
    splits: Mapping[str, Any],
) -> dict[str, dict[str, Reference]]:
    """What every head is measured with, by split and head; the constant is fitted on training rows only."""
    found: dict[str, dict[str, Reference]] = {split: {} for split in splits}
    for name, head in heads.items():
        target, loss = targets[name], losses[name]
        width = head.width(target.units)
        constant = best_constant(loss, splits["train"].labels[name], width, head.activation)
        words = [metric for metric in head.metrics if isinstance(metric, str)]
        others = [metric for metric in head.metrics if not isinstance(metric, str)]
        for split, rows in splits.items():
            labels = rows.labels[name]
            shown = target.decode(labels) if target.kind == "number" else labels
            found[split][name] = Reference(
                target.kind,
                shown,
                words,
                others,
                constant_loss(loss, labels, constant),
                getattr(head, "quantiles", ()),
                head.point,
                constant,
            )
    return found


def measure(
    split: str, epoch: Epoch, heads: Mapping[str, Reference], loss_weights: Mapping[str, float]
) -> Scores:
    """The metrics of one pass; undefined ones are absent, and training rows have neither skill nor ece."""
    combined = {
        "loss": sum(loss_weights[head] * loss for head, loss in epoch.losses.items()) + epoch.regularisation,
        "loss_unweighted": sum(epoch.losses.values()),
    }
    by_head: dict[str, dict[str, float]] = {}
    for name, head in heads.items():
        if name not in epoch.losses:
            continue
        found = {"loss": float(epoch.losses[name])}
        found |= {
            word: float(value)
            for word, value in _metrics(head, head.labels[epoch.order], epoch.outputs[name])
            # While a model learns its probabilities change, and those of training rows promise too much.
            if not (split == "train" and word == "ece")
        }
        if split != "train" and head.constant:
            found["skill"] = float(skill(epoch.losses[name], head.constant))
        by_head[name] = found
    skills = [found["skill"] for found in by_head.values() if "skill" in found]
    if skills:
        combined["skill"] = float(np.mean(skills))
    return Scores({word: float(value) for word, value in combined.items()}, by_head)


def _metrics(head: Reference, labels: Array, outputs: Array) -> list[tuple[str, float]]:
    if head.quantiles:
        found = list(quantile_metrics(labels, outputs, head.words, head.quantiles).items())
    else:
        found = list(METRICS_OF_KIND[head.kind](labels, outputs, head.words).items())
    there = complete_rows(labels)
    for metric in head.keras_metrics:
        metric.reset_state()
        metric.update_state(labels[there], head.point(outputs[there]))
        found.append((metric.name, float(metric.result())))
    return found
