"""What a report is made from: plain values about one finished run."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from matplotlib.figure import Figure


class Drawing(NamedTuple):
    """A figure with the sentence under it and the words for those who cannot see it."""

    figure: Figure | bytes  # bytes: a whole PNG file
    caption: str
    alt: str


@dataclass(frozen=True)
class Table:
    """A table of the page; its CSV holds the same rows unrounded.

    `show` is "open", "folded" (opened by a click), or "file" for what is too large to read: the CSV alone.
    """

    columns: list[str]
    rows: list[list[object]]
    caption: str = ""
    show: Literal["open", "folded", "file"] = "open"


@dataclass(frozen=True)
class Section:
    """One headed part of the page, ours or another module's.

    The key of a figure or table is its file name: `figures/<key>.png`, `tables/<key>.csv`. Text is escaped;
    who wants markup in a paragraph passes a `markupsafe.Markup`.
    """

    title: str
    paragraphs: list[str] = field(default_factory=list)
    figures: dict[str, Figure | bytes | Drawing] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """The head of a page, and the config at its foot.

    `note` may be a `markupsafe.Markup`; `refresh` are the seconds after which a browser reads the page again,
    for one that is still written.
    """

    title: str
    note: str
    command: str
    config_yaml: str = ""
    refresh: int | None = None


@dataclass(frozen=True)
class Part:
    """One part of the model: `layers` are (label, output shape, number of parameters), first to last."""

    group: str  # "branch", "fusion" or "head"
    name: str
    layers: list[tuple[str, str, int]]
    loss: str | None = None
    weight: float | None = None


@dataclass(frozen=True)
class HeadResult:
    """What one head reached; the arrays share the order of the test rows.

    `kind` is "category", "number", "binary" or "labels"; `names` are the class or column names. `test` and
    `val` map metric words, "loss" and "skill" among them, to values. Missing labels are -1 (category) or NaN.
    """

    kind: str
    names: list[str]
    loss: str
    weight: float
    baseline: float  # the loss of the best constant on the test rows
    test: dict[str, float]
    val: dict[str, float]
    labels: (
        np.ndarray
    )  # (rows,) codes, (rows, classes) distributions, or (rows, columns); numbers in their own unit
    outputs: np.ndarray  # (rows, classes) or (rows, columns): probabilities, or numbers in their own unit
    row_loss: np.ndarray  # (rows,), NaN where unlabelled
    rows: np.ndarray  # (rows,) row numbers in the source


@dataclass(frozen=True)
class InputExamples:
    """One input's raw test rows under the names that the logged model gives them, for drawing."""

    kind: str  # "image", "series", "vector", "table" or "text"
    values: dict[str, np.ndarray]


@dataclass(frozen=True)
class Record:
    """One run, as the report tells it."""

    title: str
    command: str
    config_yaml: str
    run_url: str | None
    history: dict[str, list[float]]  # MLflow metric name -> one value per epoch, NaN where absent
    best_epoch: int  # the first epoch is 1
    parts: list[Part]
    heads: dict[str, HeadResult]
    inputs: dict[str, InputExamples]
    phases: dict[str, float]  # seconds
    sections: list[Section] = field(default_factory=list)
