"""Metrics of a head, from its presented outputs over all labelled rows of a split.

Exact over the rows at hand, not averaged over batches, so every logged value can be recomputed from
predictions. A metric that is not defined for the rows at hand (no label, one class only) is absent.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from pipeline.labels import class_codes

Array = NDArray[Any]
BINS = 15  # of a reliability diagram


def of_classes(labels: Array, probabilities: Array, words: Iterable[str]) -> dict[str, float]:
    """Metrics of a class head.

    Args:
        labels: codes (rows,), -1 where missing, or distributions (rows, classes), whose largest entry counts.
        probabilities: (rows, classes).
        words: of accuracy, f1 (macro: mean over the classes that occur), auc (macro, one against the rest),
            mae (of classes with an order: how many classes the likeliest one is away from the true one), ece
            (see `calibration_error`, of the likeliest class).
    """
    labels = class_codes(labels)
    labels, probabilities = labels[labels >= 0], probabilities[labels >= 0]
    if not len(labels):
        return {}
    classes = probabilities.shape[1]
    guess = probabilities.argmax(axis=1)
    found = {"accuracy": float(np.mean(guess == labels))}
    if "mae" in words:
        found["mae"] = float(np.mean(np.abs(guess - labels)))
    if "ece" in words:
        found["ece"] = calibration_error(guess == labels, probabilities.max(axis=1))
    if "f1" in words:
        found["f1"] = _macro_f1(labels, guess, classes)
    if "auc" in words:
        found |= _defined("auc", _areas(labels[:, None] == np.arange(classes), probabilities))
    return {word: found[word] for word in words if word in found}


def of_labels(labels: Array, probabilities: Array, words: Iterable[str]) -> dict[str, float]:
    """Metrics of a binary head or of several labels that may hold at once: means over the columns.

    Args:
        labels: (rows, columns) of 0, 1, or NaN where missing.
        probabilities: (rows, columns).
        words: of accuracy (at one half), f1, auc, ap (average precision), ece (see `calibration_error`).
    """
    values: dict[str, list[float]] = {word: [] for word in words}
    for truth, probability in zip(labels.T, probabilities.T, strict=True):
        there = ~np.isnan(truth)
        if there.any():
            column = _of_column(truth[there] > 0.5, probability[there])
            for word, found in values.items():
                found.append(column[word])
    return {word: mean for word, found in values.items() for mean in _defined(word, np.array(found)).values()}


def of_numbers(labels: Array, outputs: Array, words: Iterable[str]) -> dict[str, float]:
    """Metrics of a number head, means over the columns.

    Args:
        labels: (rows, columns) in their own unit, NaN where missing.
        outputs: (rows, columns) in the same unit.
        words: of mae, rmse (both in the unit), r2 (against the mean of these rows).
    """
    columns = []
    for truth, output in zip(labels.T, outputs.T, strict=True):
        there = ~np.isnan(truth)
        if there.any():
            columns.append(_of_numbers_column(truth[there].astype(float), output[there].astype(float)))
    if not columns:
        return {}
    means = {word: np.array([column[word] for column in columns]) for word in words}
    return {word: mean for word in words for mean in _defined(word, means[word]).values()}


def of_quantiles(
    labels: Array, outputs: Array, words: Iterable[str], quantiles: Sequence[float]
) -> dict[str, float]:
    """Metrics of a head of quantiles, means over the columns.

    Args:
        labels: (rows, columns) in their own unit, NaN where missing.
        outputs: (rows, columns x quantiles) in the same unit: all quantiles of a column, then the next.
        words: of mae, rmse, r2 (of the median), pinball (in the unit, mean over the quantiles), coverage
            (share of the rows between the outermost quantiles: their difference, where they are true).
    """
    outputs = outputs.reshape(len(outputs), labels.shape[1], len(quantiles))
    middle = outputs[..., list(quantiles).index(0.5)]
    found = of_numbers(labels, middle, [word for word in words if word not in ("pinball", "coverage")])
    error = (labels[..., None] - outputs).astype(float)
    shares = np.asarray(quantiles)
    pinball = np.maximum(shares * error, (shares - 1) * error).mean(axis=-1)
    inside = (labels >= outputs[..., 0]) & (labels <= outputs[..., -1])
    for word, cells in (("pinball", pinball), ("coverage", np.where(np.isnan(labels), np.nan, inside))):
        if word in words:
            columns = [column[~np.isnan(column)].mean() for column in cells.T if not np.isnan(column).all()]
            found |= _defined(word, np.array(columns))
    return {word: found[word] for word in words if word in found}


def calibration_error(truth: Array, probability: Array) -> float:
    """Expected calibration error: how far the share of truths is from the mean probability, mean over rows.

    Both are those of the row's bin, of 15 of equal width: Guo et al. 2017 (arXiv:1706.04599). At 0, what
    is said with a probability of 0.8 comes true in 8 of 10 cases.

    Args:
        truth: (rows,) whether what was said came true.
        probability: (rows,) with which it was said.
    """
    counts, hits, said = reliability(truth, probability)
    return float(np.abs(hits - said).sum() / counts.sum())


def reliability(truth: Array, probability: Array, bins: int = BINS) -> tuple[Array, Array, Array]:
    """Per bin of equal width from 0 to 1: rows, how many came true, and the sum of their probabilities."""
    place = np.minimum((probability * bins).astype(int), bins - 1)
    weights = (None, truth.astype(float), probability.astype(float))
    counts, hits, said = (np.bincount(place, weight, minlength=bins) for weight in weights)
    return counts, hits, said


def skill(loss: float, constant: float) -> float:
    """1 - loss / loss of the best constant prediction: 0 is no better than a constant, 1 is perfect."""
    return 1.0 - loss / constant


def _of_column(truth: Array, probability: Array) -> dict[str, float]:
    guess = probability > 0.5
    hits = int(np.sum(guess & truth))
    named = int(np.sum(guess) + np.sum(truth))
    return {
        "accuracy": float(np.mean(guess == truth)),
        "f1": 2 * hits / named if named else np.nan,
        "auc": float(_areas(truth[:, None], probability[:, None])[0]),
        "ap": _average_precision(truth, probability),
        "ece": calibration_error(truth, probability),
    }


def _of_numbers_column(truth: Array, output: Array) -> dict[str, float]:
    error = output - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread else np.nan,
    }


def _macro_f1(labels: Array, guess: Array, classes: int) -> float:
    hits = np.bincount(labels[labels == guess], minlength=classes)
    named = np.bincount(labels, minlength=classes) + np.bincount(guess, minlength=classes)
    occurs = named > 0
    return float(np.mean(2 * hits[occurs] / named[occurs]))


def _areas(truth: Array, scores: Array) -> Array:
    """Area under each column's ROC curve by the rank sum; NaN for a column of one class only."""
    positive = truth.sum(axis=0)
    negative = len(truth) - positive
    ranks = np.sum(rankdata(scores, axis=0) * truth, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (ranks - positive * (positive + 1) / 2) / (positive * negative)


def _average_precision(truth: Array, probability: Array) -> float:
    """Sum over thresholds of precision x gain in recall, ties taken together; NaN without a positive."""
    if not truth.any():
        return np.nan
    order = np.argsort(-probability, kind="stable")
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    hits = np.cumsum(truth[order])[last_of_tie]
    taken = np.flatnonzero(last_of_tie) + 1
    return float(np.sum(hits / taken * np.diff(hits, prepend=0)) / hits[-1])


def _defined(word: str, values: Array) -> dict[str, float]:
    values = values[~np.isnan(values)]
    return {word: float(values.mean())} if len(values) else {}


OF_KIND: Mapping[str, Any] = {
    "category": of_classes,
    "binary": of_labels,
    "labels": of_labels,
    "number": of_numbers,
}
