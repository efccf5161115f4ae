"""Metrics of a head, from its presented outputs for all labelled rows of a split.

They are computed over all rows at once, not averaged over batches, so that every logged value can be
recomputed from the predictions. A metric that is undefined (no labels, only one class) is left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import class_codes

Array = NDArray[Any]
BINS = 15  # bins of a reliability diagram


def class_metrics(labels: Array, probabilities: Array, words: Iterable[str]) -> dict[str, float]:
    """Return the metrics of a class head.

    Args:
        labels: class codes (rows,), -1 if missing; or distributions (rows, classes), of which the most likely
            class is used.
        probabilities: (rows, classes).
        words: any of accuracy, f1 (macro: mean over the classes that occur), auc (macro, one-vs-rest), mae
            (ordered classes: how many classes the prediction is off), ece (`calibration_error` of the
            predicted class).
    """
    labels = class_codes(labels)
    known = labels >= 0
    if not known.all():  # a copy of the outputs of many classes takes much memory
        labels, probabilities = labels[known], probabilities[known]
    if not len(labels):
        return {}
    classes = probabilities.shape[1]
    guess = probabilities.argmax(axis=1)
    values = {"accuracy": float(np.mean(guess == labels))}
    if "mae" in words:
        values["mae"] = float(np.mean(np.abs(guess - labels)))
    if "ece" in words:
        values["ece"] = calibration_error(guess == labels, probabilities.max(axis=1))
    if "f1" in words:
        values["f1"] = _macro_f1(labels, guess, classes)
    if "auc" in words:
        # A class without rows has no area.
        areas = [_area(labels == code, probabilities[:, code]) for code in np.unique(labels)]
        values |= _defined("auc", np.array(areas))
    return {word: values[word] for word in words if word in values}


def label_metrics(
    labels: Array, probabilities: Array, words: Iterable[str], thresholds: Sequence[float] = ()
) -> dict[str, float]:
    """Return the metrics of a binary or multilabel head: means over the columns.

    Args:
        labels: (rows, columns) of 0, 1, or NaN if missing.
        probabilities: (rows, columns).
        words: any of accuracy, f1, auc, ap (average precision), ece (`calibration_error`).
        thresholds: the probability above which each column is yes, for accuracy and f1; () for 0.5.
    """
    by_word: dict[str, list[float]] = {word: [] for word in words}
    limits = np.asarray(thresholds or [0.5] * labels.shape[1], float)
    for truth, probability, limit in zip(labels.T, probabilities.T, limits, strict=True):
        labelled = ~np.isnan(truth)
        if labelled.any():
            column = _label_column(truth[labelled] > 0.5, probability[labelled], limit)
            for word, values in by_word.items():
                values.append(column[word])
    return {
        word: mean for word, values in by_word.items() for mean in _defined(word, np.array(values)).values()
    }


def number_metrics(labels: Array, outputs: Array, words: Iterable[str]) -> dict[str, float]:
    """Return the metrics of a number head: means over the columns.

    Args:
        labels: (rows, columns) in the target's unit, NaN if missing.
        outputs: (rows, columns) in the same unit.
        words: any of mae, rmse (both in the unit), r2 (against the mean of these rows).
    """
    columns = []
    for truth, output in zip(labels.T, outputs.T, strict=True):
        labelled = ~np.isnan(truth)
        if labelled.any():
            columns.append(_number_column(truth[labelled].astype(float), output[labelled].astype(float)))
    if not columns:
        return {}
    means = {word: np.array([column[word] for column in columns]) for word in words}
    return {word: mean for word in words for mean in _defined(word, means[word]).values()}


def quantile_metrics(
    labels: Array, outputs: Array, words: Iterable[str], quantiles: Sequence[float]
) -> dict[str, float]:
    """Return the metrics of a quantile head: means over the columns.

    Args:
        labels: (rows, columns) in the target's unit, NaN if missing.
        outputs: (rows, columns x quantiles) in the same unit: all quantiles of the first column, then of the
            next.
        words: any of mae, rmse, r2 (of the median), pinball (in the unit, mean over the quantiles), coverage
            (share of the rows between the lowest and the highest quantile; ideally their difference).
    """
    outputs = outputs.reshape(len(outputs), labels.shape[1], len(quantiles))
    middle = outputs[..., list(quantiles).index(0.5)]
    values = number_metrics(labels, middle, [word for word in words if word not in ("pinball", "coverage")])
    error = (labels[..., None] - outputs).astype(float)
    shares = np.asarray(quantiles)
    pinball = np.maximum(shares * error, (shares - 1) * error).mean(axis=-1)
    inside = (labels >= outputs[..., 0]) & (labels <= outputs[..., -1])
    for word, cells in (("pinball", pinball), ("coverage", np.where(np.isnan(labels), np.nan, inside))):
        if word in words:
            columns = [column[~np.isnan(column)].mean() for column in cells.T if not np.isnan(column).all()]
            values |= _defined(word, np.array(columns))
    return {word: values[word] for word in words if word in values}


def calibration_error(truth: Array, probability: Array) -> float:
    """Return the expected calibration error (Guo et al. 2017, arXiv:1706.04599) with 15 bins of equal width.

    This is the difference between a bin's observed frequency and mean probability, averaged over the rows. At
    0, predictions with a probability of 0.8 are right in 8 of 10 cases.

    Args:
        truth: (rows,) whether the prediction was right.
        probability: (rows,) probability of the prediction.
    """
    counts, hits, predicted = reliability(truth, probability)
    return float(np.abs(hits - predicted).sum() / counts.sum())


def reliability(truth: Array, probability: Array, bins: int = BINS) -> tuple[Array, Array, Array]:
    """Return per bin of equal width from 0 to 1: rows, right predictions, sum of the probabilities."""
    bin_of_row = np.minimum((probability * bins).astype(int), bins - 1)
    weights = (None, truth.astype(float), probability.astype(float))
    counts, hits, predicted = (np.bincount(bin_of_row, weight, minlength=bins) for weight in weights)
    return counts, hits, predicted


def skill(loss: float, constant: float) -> float:
    """Return 1 - loss / loss of the best constant: 0 is no better than the constant, 1 is perfect."""
    return 1.0 - loss / constant


def _label_column(truth: Array, probability: Array, threshold: float) -> dict[str, float]:
    guess = probability > threshold
    hits = int(np.sum(guess & truth))
    positives = int(np.sum(guess) + np.sum(truth))
    return {
        "accuracy": float(np.mean(guess == truth)),
        "f1": 2 * hits / positives if positives else np.nan,
        "auc": _area(truth, probability),
        "ap": _average_precision(truth, probability),
        "ece": calibration_error(truth, probability),
    }


def _number_column(truth: Array, output: Array) -> dict[str, float]:
    error = output - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return {
        "mae": float(np.mean(np.abs(error))),
        "rmse": float(np.sqrt(np.mean(error**2))),
        "r2": 1 - float(np.sum(error**2)) / spread if spread else np.nan,
    }


def _macro_f1(labels: Array, guess: Array, classes: int) -> float:
    hits = np.bincount(labels[labels == guess], minlength=classes)
    uses = np.bincount(labels, minlength=classes) + np.bincount(guess, minlength=classes)
    occurs = uses > 0
    return float(np.mean(2 * hits[occurs] / uses[occurs]))


def _area(truth: Array, scores: Array) -> float:
    """Return the area under the ROC curve by the rank sum; NaN with one class only.

    Only the ranks of the rows that are true are looked up, because thousands of classes have few rows each.
    """
    ordered, own = np.sort(scores), np.sort(scores[truth])
    positive, negative = len(own), len(truth) - len(own)
    if not positive or not negative:
        return np.nan
    ranks = (np.searchsorted(ordered, own, "left") + np.searchsorted(ordered, own, "right") + 1) / 2
    return float((ranks.sum() - positive * (positive + 1) / 2) / (positive * negative))


def _average_precision(truth: Array, probability: Array) -> float:
    """Return the sum over thresholds of precision x gain in recall, ties merged; NaN with one class only."""
    if not truth.any() or truth.all():
        return np.nan
    order = np.argsort(-probability, kind="stable")
    last_of_tie = np.append(np.diff(probability[order]) != 0, True)
    hits = np.cumsum(truth[order])[last_of_tie]
    predicted = np.flatnonzero(last_of_tie) + 1
    return float(np.sum(hits / predicted * np.diff(hits, prepend=0)) / hits[-1])


def _defined(word: str, values: Array) -> dict[str, float]:
    values = values[~np.isnan(values)]
    return {word: float(values.mean())} if len(values) else {}


METRICS_OF_KIND: Mapping[str, Any] = {
    "category": class_metrics,
    "binary": label_metrics,
    "labels": label_metrics,
    "number": number_metrics,
}
