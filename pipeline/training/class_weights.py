"""Factors of classes in the loss that training descends, so that rare classes are not drowned."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import ConfigError
from pipeline.labels import labelled_cells

Array = NDArray[Any]


def class_factors(
    class_weight: str | Mapping[Any, float], kind: str, names: Sequence[str], labels: Array, key: str
) -> Array:
    """The factors of a head's classes: (classes,), or (columns, 2) for no and yes of each column.

    Args:
        class_weight: "balanced": every class weighs the same in all, and the mean over the labelled rows is 1
            (rows / (classes x rows of the class), as scikit-learn has it); or class name -> factor, 1 where
            not named; for binary and labels column name -> factor of yes, or 0 and 1 -> factor of no and yes.
        kind: of the target: category, binary or labels.
        labels: encoded labels of the training rows.

    Raises:
        ConfigError: a name that is no class of the target.
    """
    if isinstance(class_weight, str):
        return _balanced(kind, names, labels).astype(np.float32)
    given = {str(name): factor for name, factor in class_weight.items()}
    if kind != "category" and set(given) <= {"0", "1"} and not set(given) <= set(names):
        # As in Keras: the factors of no and yes, of every column.
        return np.array([[given.get("0", 1.0), given.get("1", 1.0)]] * len(names), np.float32)
    for name in given:
        if name not in names:
            raise ConfigError(key, "there is no such class", found=name, allowed=names)
    factors = np.array([given.get(name, 1.0) for name in names], np.float32)
    return factors if kind == "category" else np.stack([np.ones_like(factors), factors], axis=1)


def _balanced(kind: str, names: Sequence[str], labels: Array) -> Array:
    if kind != "category":
        yes, there = np.nansum(labels, axis=0), labelled_cells(labels).sum(axis=0)
        return np.stack([_even(np.array([n - y, y])) for y, n in zip(yes, there, strict=True)])
    if labels.ndim == 1:
        return _even(np.bincount(labels[labelled_cells(labels)], minlength=len(names)))
    return _even(np.nansum(labels, axis=0))


def _even(counts: Array) -> Array:
    """A class that does not occur has no row to weigh."""
    return np.where(counts > 0, counts.sum() / np.maximum(counts, 1e-9) / np.sum(counts > 0), 1.0)
