"""Class weights: factors on the training losses of classes, so that rare classes count more."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.columns import text_of
from pipeline.data.truths import NO, YES
from pipeline.errors import ConfigError
from pipeline.labels import labelled_cells

Array = NDArray[Any]


def class_factors(
    class_weight: str | Mapping[Any, float], kind: str, names: Sequence[str], labels: Array, key: str
) -> Array:
    """Return the factors of a head's classes: (classes,), or (columns, 2) for no and yes of each column.

    Args:
        class_weight: "balanced": every class has the same total weight and the mean over the labelled rows
            is 1 (rows / (classes x rows of the class), as in scikit-learn); or class name -> factor, 1 for
            other classes; for binary and labels column name -> factor of yes, or 0 and 1 -> factor of no and
            yes.
        kind: kind of the target: category, binary or labels.
        labels: encoded labels of the training rows.
        key: config key of `class_weight`, for errors.

    Raises:
        ConfigError: the target has no class of such a name.
    """
    if isinstance(class_weight, str):
        return _balanced(kind, names, labels).astype(np.float32)
    factor_of = {_spelled(name, kind, names): factor for name, factor in class_weight.items()}
    if kind != "category" and set(factor_of) <= {"0", "1"} and not set(factor_of) <= set(names):
        # As in Keras: the factors of no and yes, for every column.
        return np.array([[factor_of.get("0", 1.0), factor_of.get("1", 1.0)]] * len(names), np.float32)
    for name in factor_of:
        if name not in names:
            raise ConfigError(key, "there is no such class", found=name, allowed=names)
    factors = np.array([factor_of.get(name, 1.0) for name in names], np.float32)
    return factors if kind == "category" else np.stack([np.ones_like(factors), factors], axis=1)


def _spelled(name: Any, kind: str, names: Sequence[str]) -> str:
    """The name of a class or column that a key of `class_weight` means.

    Keys of YAML may be numbers or booleans; yes and no are 1 and 0; and the number of a class, as in Keras,
    is its position if no class is called like a number.
    """
    text = text_of(name)
    if text in names:
        return text
    if kind != "category":
        return {**dict.fromkeys(YES, "1"), **dict.fromkeys(NO, "0")}.get(text.lower(), text)
    numbers = any(one.lstrip("-").isdigit() for one in names)
    return names[int(text)] if text.isdigit() and not numbers and int(text) < len(names) else text


def _balanced(kind: str, names: Sequence[str], labels: Array) -> Array:
    if kind != "category":
        yes, labelled = np.nansum(labels, axis=0), labelled_cells(labels).sum(axis=0)
        return np.stack([_balance(np.array([n - y, y])) for y, n in zip(yes, labelled, strict=True)])
    if labels.ndim == 1:
        return _balance(np.bincount(labels[labelled_cells(labels)], minlength=len(names)))
    return _balance(np.nansum(labels, axis=0))


def _balance(counts: Array) -> Array:
    # A class without rows gets the factor 1.
    return np.where(counts > 0, counts.sum() / np.maximum(counts, 1e-9) / np.sum(counts > 0), 1.0)
