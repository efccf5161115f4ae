"""Each run's score on each row, from its logged predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import ConfigError

# Metrics that are means over rows: 1 if larger values are better, -1 if smaller ones are.
BETTER = {"loss": -1, "accuracy": 1, "mae": -1}


def heads_of(frame: pd.DataFrame) -> list[str]:
    """The heads whose predictions a table holds."""
    return [name.removesuffix("_label") for name in frame.columns if name.endswith("_label")]


def row_scores(frame: pd.DataFrame, head: str) -> dict[str, NDArray]:
    """A head's score on each row by metric, (rows,), NaN where the row has no label.

    Every head has its loss. Heads that predict classes also have the accuracy, those that predict numbers
    the absolute error.
    """
    label, predicted = frame[f"{head}_label"], frame[f"{head}_predicted"]
    scores = {"loss": frame[f"{head}_loss"].to_numpy(float)}
    if f"{head}_probability" in frame:
        if not isinstance(label.iloc[0], np.ndarray | list):
            correct = (label.astype(str) == predicted.astype(str)).to_numpy(float)
            scores["accuracy"] = np.where(label.isna(), np.nan, correct)
        return scores
    truth, guess = _columns(label), _columns(predicted)
    if truth.shape != guess.shape:
        return scores
    if set(np.unique(truth[~np.isnan(truth)])) <= {0.0, 1.0} and ((guess >= 0) & (guess <= 1)).all():
        correct = np.where(np.isnan(truth), np.nan, (guess >= 0.5) == (truth == 1))
        scores["accuracy"] = _row_mean(correct)
    else:
        scores["mae"] = _row_mean(np.abs(truth - guess))
    return scores


def aligned(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The rows that all frames have, in the same order.

    Raises:
        ConfigError: the frames have no row in common, or different labels of the same row.
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
                    f"these runs have different labels of {head} on the same rows",
                    found=f"{first}, {name}",
                )
    return kept


def score_columns(frames: Sequence[pd.DataFrame], head: str) -> dict[str, NDArray]:
    """A head's scores by metric, (rows, runs); the column of a run without the head is NaN."""
    of_runs = [row_scores(frame, head) if head in heads_of(frame) else {} for frame in frames]
    metrics = [metric for metric in BETTER if any(metric in scores for scores in of_runs)]
    missing = np.full(len(frames[0]), np.nan)
    return {
        metric: np.column_stack([scores.get(metric, missing) for scores in of_runs]) for metric in metrics
    }


def _columns(values: pd.Series) -> NDArray:
    return np.stack([np.atleast_1d(np.asarray(value, float)) for value in values])


def _row_mean(scores: NDArray) -> NDArray:
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _same(one: pd.Series, other: pd.Series) -> bool:
    if isinstance(one.iloc[0], np.ndarray | list | float | np.floating):
        return bool(np.allclose(_columns(one), _columns(other), equal_nan=True))
    return one.astype(str).tolist() == other.astype(str).tolist()
