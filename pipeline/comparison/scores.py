"""Each run's score on each row, from its logged predictions."""

from collections.abc import Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.errors import ConfigError

# Metrics that are means over rows: 1 if larger values are better, -1 if smaller ones are.
BETTER = {"loss": -1, "accuracy": 1, "mae": -1}
SMALLEST_SHARE = 0.5  # of a run's rows that all runs must have predicted


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
    if f"{head}_probabilities" in frame:
        if not _are_lists(label):
            correct = (label.astype(str) == predicted.astype(str)).to_numpy(float)
            scores["accuracy"] = np.where(label.isna(), np.nan, correct)
        return scores
    truth, guess = _columns(label), _columns(predicted)
    if truth.shape != guess.shape:
        return scores
    # Runs of version 0.1 have the probability of a binary head as its prediction.
    if set(np.unique(truth[~np.isnan(truth)])) <= {0.0, 1.0} and ((guess >= 0) & (guess <= 1)).all():
        correct = np.where(np.isnan(truth), np.nan, (guess >= 0.5) == (truth == 1))
        scores["accuracy"] = _row_mean(correct)
    else:
        scores["mae"] = _row_mean(np.abs(truth - guess))
    return scores


def aligned(frames: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The rows that all frames have, in the same order.

    Raises:
        ConfigError: the frames share less than half of some frame's rows, or have different labels of a row.
    """
    indexed = {name: frame.set_index("row") for name, frame in frames.items()}
    shared = shared_rows(frames)
    if len(shared) < SMALLEST_SHARE * min(map(len, frames.values())) or not len(shared):
        raise ConfigError(
            "runs",
            f"only {len(shared):,} rows were predicted by all of these runs, too few to compare them",
            found=", ".join(f"{name}: {len(frame):,} rows" for name, frame in frames.items()),
            allowed="runs on the same data and split, which share at least half of their rows",
        )
    kept = {name: frame.loc[shared] for name, frame in indexed.items()}
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


def shared_rows(frames: Mapping[str, pd.DataFrame]) -> NDArray:
    """The numbers of the rows that all frames have, ascending."""
    numbers = [frame["row"].to_numpy() for frame in frames.values()]
    return np.sort(reduce(np.intersect1d, numbers))


def score_columns(frames: Sequence[pd.DataFrame], head: str) -> dict[str, NDArray]:
    """A head's scores by metric, (rows, runs); the column of a run without the head is NaN."""
    of_runs = [row_scores(frame, head) if head in heads_of(frame) else {} for frame in frames]
    metrics = [metric for metric in BETTER if any(metric in scores for scores in of_runs)]
    missing = np.full(len(frames[0]), np.nan)
    return {
        metric: np.column_stack([scores.get(metric, missing) for scores in of_runs]) for metric in metrics
    }


def _columns(values: pd.Series) -> NDArray:
    """(rows, columns) of numbers or lists of them; a missing list is NaN."""
    width = max((np.size(value) for value in values), default=1)
    rows = [
        np.full(width, np.nan) if value is None else np.atleast_1d(np.asarray(value, float))
        for value in values
    ]
    return np.stack([row if len(row) == width else np.full(width, np.nan) for row in rows])


def _row_mean(scores: NDArray) -> NDArray:
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0.0).sum(axis=1)
    return np.where(known.any(axis=1), total / np.maximum(known.sum(axis=1), 1), np.nan)


def _same(one: pd.Series, other: pd.Series) -> bool:
    """Whether two columns hold the same labels; numbers may differ by rounding, a class may be any value."""
    if _are_lists(one) or (_are_numbers(one) and _are_numbers(other)):
        return bool(np.allclose(_columns(one), _columns(other), equal_nan=True))
    missing = one.isna().to_numpy()
    if (missing != other.isna().to_numpy()).any():
        return False
    return one[~missing].astype(str).tolist() == other[~missing].astype(str).tolist()


def _are_lists(labels: pd.Series) -> bool:
    return any(isinstance(label, np.ndarray | list) for label in labels)


def _are_numbers(labels: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(labels) and not pd.api.types.is_bool_dtype(labels)
