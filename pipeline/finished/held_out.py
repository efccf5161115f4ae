"""The rows that the members of an ensemble did not train on: temperatures for its probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from pipeline.finished.class_order import spread
from pipeline.job.calibration import temperature
from pipeline.labels import labelled_rows

CLASSES = ("category", "binary", "labels")  # kinds of targets with probabilities
EDGE = 1e-7  # distance of probabilities from 0 and 1


@dataclass(frozen=True)
class HeldOut:
    """A class head's predictions of rows that at least one member held out.

    Args:
        probabilities: (rows, width), the mean over the members that held out the row.
        labels: encoded, as `pipeline.job.calibration.temperature` takes them.
    """

    probabilities: np.ndarray
    labels: np.ndarray

    @property
    def rows(self) -> int:
        """The number of rows with a label."""
        return int(labelled_rows(self.labels).sum())

    def calibrated(self, temperature: float) -> np.ndarray:
        """The probabilities of yes at a temperature, (rows, width)."""
        sure = np.clip(self.probabilities, EDGE, 1 - EDGE)
        return np.asarray(expit((np.log(sure) - np.log1p(-sure)) / temperature))


def held_out(
    frames: Sequence[pd.DataFrame],
    head: str,
    kind: str,
    classes: Sequence[Sequence[str]],
    every: Sequence[str],
) -> HeldOut:
    """Join the predictions of the rows that each member held out.

    Args:
        frames: for each member its logged predictions of these rows.
        kind: of the head's target, one of `CLASSES`.
        classes: for each member the classes, in the order of its outputs.
        every: the classes of the ensemble.
    """
    rows = np.concatenate([frame["row"].to_numpy() for frame in frames])
    values = np.concatenate(
        [
            spread(probabilities_of(frame, head, kind), names, every)
            if kind == "category"
            else probabilities_of(frame, head, kind)
            for frame, names in zip(frames, classes, strict=True)
        ]
    )
    distinct, first, places = np.unique(rows, return_index=True, return_inverse=True)
    total = np.zeros((len(distinct), values.shape[1]))
    np.add.at(total, places, values)
    labels = pd.concat([frame[f"{head}_label"] for frame in frames], ignore_index=True).iloc[first]
    means = total / np.bincount(places)[:, None]
    return HeldOut(means, encoded_labels(labels, kind, every, values.shape[1]))


def temperature_of(rows: HeldOut, kind: str) -> float:
    """Return the temperature that fits the probabilities best; 1 if no row has a label."""
    if not rows.rows:
        return 1.0
    sure = np.clip(rows.probabilities, EDGE, 1.0 if kind == "category" else 1 - EDGE)
    logits = np.log(sure) if kind == "category" else np.log(sure) - np.log1p(-sure)
    return temperature(logits, rows.labels, kind)


def probabilities_of(frame: pd.DataFrame, head: str, kind: str) -> np.ndarray:
    """Return the logged probabilities of a class head, (rows, width)."""
    column = frame[f"{head}_probabilities" if kind == "category" else f"{head}_probability"]
    values = np.stack([np.atleast_1d(value) for value in column])
    return np.asarray(values, np.float64)


def encoded_labels(labels: "pd.Series[Any]", kind: str, every: Sequence[str], width: int) -> np.ndarray:
    """Return logged labels of a class head: codes among all classes, or (rows, width) of 0, 1 and NaN."""
    if kind == "category":
        codes: Mapping[str, int] = {name: code for code, name in enumerate(every)}
        return np.array([-1 if pd.isna(label) else codes.get(str(label), -1) for label in labels])
    missing = np.full(width, np.nan)
    cells = [missing if label is None else np.atleast_1d(np.asarray(label, float)) for label in labels]
    return np.stack(cells)
