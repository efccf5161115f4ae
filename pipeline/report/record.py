"""The data of a report: plain values about one finished run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.page.elements import Section


@dataclass(frozen=True)
class Part:
    """One part of the model.

    `layers` are (label, output shape, number of parameters) in order; layers side by side are one entry.
    `source` is the kind of a branch's input, and `details` are its columns, or its shape.
    """

    group: str  # "branch", "fusion" or "head"
    name: str
    layers: list[tuple[str, str, int]]
    loss: str | None = None
    weight: float | None = None
    source: str = ""
    details: Sequence[str] = ()


@dataclass(frozen=True)
class HeadResult:
    """The results of one head; all arrays are in the order of the test rows.

    `kind` is "category", "number", "binary" or "labels"; `names` are the names of the classes or columns.
    `test` and `val` map metric words, including "loss" and "skill", to values. A missing label is -1
    (category) or NaN.
    """

    kind: str
    names: list[str]
    loss: str
    weight: float
    baseline: float  # loss of the best constant prediction on the test rows
    val_baseline: float  # the same on the validation rows
    test: dict[str, float]
    val: dict[str, float]
    # (rows,) codes, (rows, classes) distributions, or (rows, columns); numbers in their own unit
    labels: np.ndarray
    # (rows, classes) or (rows, columns): probabilities, or numbers in their own unit
    outputs: np.ndarray
    row_loss: np.ndarray  # (rows,), NaN where unlabelled
    rows: np.ndarray  # (rows,) row numbers in the source
    quantiles: Sequence[float] = ()  # of a head that predicts them, rising
    # (rows, columns, quantiles) in their own unit; None for other heads
    bands: np.ndarray | None = None
    thresholds: Sequence[float] = ()  # above which each column of binary and labels is yes; (): 0.5

    def limits(self) -> np.ndarray:
        """The thresholds of all columns, (columns,)."""
        return np.asarray(self.thresholds or [0.5] * self.outputs.shape[1], float)


@dataclass(frozen=True)
class InputExamples:
    """One input's raw test rows, by the names of the logged model's arrays."""

    kind: str  # "image", "series", "vector", "table" or "text"
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Why:
    """What the inputs added to the predictions of some test rows of one head; all arrays are by these rows.

    `explained` are the names of the explained outputs, `values` these outputs and `baselines` those for the
    mean of the training rows. `inputs` is branch -> part -> (rows, …), see `pipeline.model.entries`, `words`
    are the words of each text, and `gap` is the largest relative error of a row's sum.
    """

    places: np.ndarray
    explained: list[str]
    values: np.ndarray
    baselines: np.ndarray
    inputs: dict[str, dict[str, np.ndarray]]
    words: dict[str, list[list[str]]]
    gap: float


@dataclass(frozen=True)
class Record:
    """Everything that the report shows of one run."""

    title: str
    facts: list[str]  # about the run: its id, when it was made, its seed, its rows
    warnings: list[str]  # such as data leaks
    command: str
    config_yaml: str
    run_url: str | None
    history: dict[str, list[float]]  # MLflow metric name -> one value per epoch, NaN where missing
    best_epoch: int  # the first epoch is 1
    ending: list[str]  # sentences on the kept epoch
    parts: list[Part]
    heads: dict[str, HeadResult]
    inputs: dict[str, InputExamples]
    phases: dict[str, float]  # seconds
    sections: list[Section] = field(default_factory=list)
    # Of some heads: head -> why the worst rows are predicted so; a function, because it takes seconds.
    explain: Callable[[Sequence[str]], Mapping[str, Why]] = lambda heads: {}


def bands(head: Any, outputs: np.ndarray) -> dict[str, Any]:
    """The fields `quantiles` and `bands` of a head's result; empty for a head without quantiles.

    Args:
        outputs: (rows, columns x quantiles), all quantiles of a column side by side.
    """
    quantiles = list(getattr(head, "quantiles", ()))
    if not quantiles:
        return {}
    return {"quantiles": quantiles, "bands": outputs.reshape(len(outputs), -1, len(quantiles))}
