"""What each run scored on each row, from its logged predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import ConfigError

# The mean of a row's score is the metric of this name.
BETTER = {"loss": -1, "accuracy": 1, "mae": -1}


def heads_of(frame: pd.DataFrame) -> list[str]:
    """The heads of a table of predictions."""
    return [name.removesuffix("_label") for name in frame.columns if name.endswith("_label")]


def row_scores(frame: pd.DataFrame, head: str) -> dict[str, NDArray]:
    """Scores of each row, metric -> (rows,), NaN where the head has no label.

    The loss for every head; beside it whether the class is right, or the distance from the true number.
    """
    label, predicted = frame[f"{head}_label"], frame[f"{head}_predicted"]
    found = {"loss": frame[f"{head}_loss"].to_numpy(float)}
    if f"{head}_probability" in frame:
        if not isinstance(label.iloc[0], np.ndarray | list):
            right = (label.astype(str) == predicted.astype(str)).to_numpy(float)
            found["accuracy"] = np.where(label.isna(), np.nan, right)
        return found
    truth, guess = _columns(label), _columns(predicted)
    if truth.shape != guess.shape:
        return found
    if set(np.unique(truth[~np.isnan(truth)])) <= {0.0, 1.0} and ((guess >= 0) & (guess <= 1)).all():
        right = np.where(np.isnan(truth), np.nan, (guess >= 0.5) == (truth == 1))
        found["accuracy"] = _row_mean(right)
    else:
        found["mae"] = _row_mean(np.abs(truth - guess))
    return found


def aligned(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same frames, rows in one order and only those that all have.

    Raises:
        ConfigError: no row is in all of them, or a row has another label in another run: other data.
    """
    indexed = {name: frame.set_index("row") for name, frame in frames.items()}
    shared = None
    for frame in indexed.values():
        shared = frame.index if shared is None else shared.intersection(frame.index)
    if shared is None or not len(shared):
        raise ConfigError("runs", "no row was predicted by all of these runs", found=", ".join(frames))
    kept = {name: frame.loc[shared.sort_values()] for name, frame in indexed.items()}
    first = next(iter(kept))
    for name, frame in kept.items():
        for head in set(heads_of(frame)) & set(heads_of(kept[first])):
            if not _same(frame[f"{head}_label"], kept[first][f"{head}_label"]):
                raise ConfigError(
                    "runs",
                    f"these runs have other labels of {head} on the same rows",
                    found=f"{first}, {name}",
                )
    return kept


def table(frames: Sequence[pd.DataFrame], head: str) -> dict[str, NDArray]:
    """Metric -> (rows, runs) scores of a head; NaN columns for runs that lack it."""
    found = [row_scores(frame, head) if head in heads_of(frame) else {} for frame in frames]
    words = [word for word in BETTER if any(word in scores for scores in found)]
    nothing = np.full(len(frames[0]), np.nan)
    return {word: np.column_stack([scores.get(word, nothing) for scores in found]) for word in words}


def _columns(values: pd.Series) -> NDArray:
    return np.stack([np.atleast_1d(np.asarray(value, float)) for value in values])


def _row_mean(scores: NDArray) -> NDArray:
    there = ~np.isnan(scores)
    total = np.where(there, scores, 0.0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)


def _same(one: pd.Series, other: pd.Series) -> bool:
    if isinstance(one.iloc[0], np.ndarray | list | float | np.floating):
        return bool(np.allclose(_columns(one), _columns(other), equal_nan=True))
    return one.astype(str).tolist() == other.astype(str).tolist()
