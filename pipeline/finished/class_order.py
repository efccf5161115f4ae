"""The classes of several runs in one order, as a run has those that its training rows had."""

from collections.abc import Sequence

import numpy as np


def union(names: Sequence[Sequence[str]]) -> list[str]:
    """Return the classes of several runs, those of the first run first."""
    return list(dict.fromkeys(name for of_run in names for name in of_run))


def spread(probabilities: np.ndarray, names: Sequence[str], every: Sequence[str]) -> np.ndarray:
    """Return probabilities (rows, len(names)) as (rows, len(every)), 0 for the other classes."""
    if list(names) == list(every):
        return probabilities
    result = np.zeros((len(probabilities), len(every)), probabilities.dtype)
    result[:, [every.index(name) for name in names]] = probabilities
    return result
