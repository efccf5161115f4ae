"""Counts of what is measured: of the training rows, which are stored with a run, and of new rows."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.drift.measures import PADDING, UNSEEN, Measure

BINS = 10  # of equally many training rows


@dataclass
class Numbers:
    """A column of numbers.

    Args:
        rows, missing: number of rows, and of those without a value.
        low, high: the training rows' smallest and largest value; None if they have none.
        edges: between the bins.
        counts: rows in each bin, one more than there are edges.
        below, above: rows beyond `low` and `high`; 0 in the training rows.
        lowest, highest: the smallest and the largest value of these rows.
    """

    low: float | None
    high: float | None
    edges: list[float]
    counts: list[int]
    rows: int = 0
    missing: int = 0
    below: int = 0
    above: int = 0
    lowest: float = np.inf
    highest: float = -np.inf

    @classmethod
    def of(cls, values: np.ndarray) -> "Numbers":
        """Make the bins of training rows and count these."""
        present = values[~np.isnan(values)]
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(present, shares)).tolist() if len(present) else []
        low, high = (float(present.min()), float(present.max())) if len(present) else (None, None)
        made = cls(low, high, edges, [0] * (len(edges) + 1))
        made.add(values)
        return made

    def empty(self) -> "Numbers":
        """Return the same bins, for other rows."""
        return Numbers(self.low, self.high, self.edges, [0] * len(self.counts))

    def add(self, values: np.ndarray) -> None:
        """Count rows."""
        present = values[~np.isnan(values)]
        self.rows += len(values)
        self.missing += len(values) - len(present)
        places = np.searchsorted(self.edges, present, side="right")
        found = np.bincount(places, minlength=len(self.counts))
        self.counts = [int(count) for count in np.add(self.counts, found)]
        if len(present):
            self.lowest = min(self.lowest, float(present.min()))
            self.highest = max(self.highest, float(present.max()))
        if self.low is not None and self.high is not None:
            self.below += int((present < self.low).sum())
            self.above += int((present > self.high).sum())


@dataclass
class Categories:
    """A column of categories: `counts` are rows by category."""

    counts: dict[str, int] = field(default_factory=dict)
    rows: int = 0
    missing: int = 0

    @classmethod
    def of(cls, values: np.ndarray) -> "Categories":
        """Count training rows."""
        made = cls()
        made.add(values)
        return made

    def empty(self) -> "Categories":
        """Return no counts, for other rows."""
        return Categories()

    def add(self, values: np.ndarray) -> None:
        """Count rows."""
        words = values[values != ""]
        self.rows += len(values)
        self.missing += len(values) - len(words)
        for word, count in pd.Series(words, dtype=object).value_counts().items():
            self.counts[str(word)] = self.counts.get(str(word), 0) + int(count)


@dataclass
class Words:
    """The words of a text.

    Args:
        rare: rows with a word that the other training rows lack; of new rows, those with an unseen word.
        tokens, unseen: number of words, and of those that are not in the vocabulary.
        twice: words of the vocabulary that the training rows have twice; 0 in runs of earlier versions.
    """

    rows: int = 0
    missing: int = 0
    rare: int = 0
    tokens: int = 0
    unseen: int = 0
    twice: int = 0

    @classmethod
    def of(cls, values: np.ndarray) -> "Words":
        """Count training rows; a word that occurs once is what an unseen word is to the other rows."""
        ids, counts = np.unique(values[values != PADDING], return_counts=True)
        once = np.isin(values, [*ids[counts == 1], UNSEEN])
        made = cls()
        made.add(values)
        made.rare = int(once.any(axis=1).sum())
        made.twice = int((counts[ids != UNSEEN] == 2).sum())
        return made

    def empty(self) -> "Words":
        """Return no counts, for other rows."""
        return Words()

    def add(self, values: np.ndarray) -> None:
        """Count rows."""
        unseen = values == UNSEEN
        self.rows += len(values)
        self.missing += int((values == PADDING).all(axis=1).sum())
        self.rare += int(unseen.any(axis=1).sum())
        self.tokens += int((values != PADDING).sum())
        self.unseen += int(unseen.sum())


Counts = Numbers | Categories | Words
KINDS: dict[str, Any] = {"number": Numbers, "category": Categories, "words": Words}


@dataclass
class Summary:
    """The counts of all columns, by name."""

    columns: dict[str, Counts] = field(default_factory=dict)

    @classmethod
    def of(cls, measured: Iterable[Measure]) -> "Summary":
        """Summarise training rows."""
        return cls({one.name: KINDS[one.kind].of(one.values) for one in measured})

    def empty(self) -> "Summary":
        """Return a summary without rows, to which new rows are added."""
        return Summary({name: counts.empty() for name, counts in self.columns.items()})

    def add(self, measured: Iterable[Measure]) -> None:
        """Add rows; columns that are not in the summary are left out."""
        for one in measured:
            counts: Any = self.columns.get(one.name)
            if isinstance(counts, KINDS[one.kind]):
                counts.add(one.values)

    def as_json(self) -> dict[str, Any]:
        """Return plain values; `restore` makes a summary of them again."""
        names = {made: kind for kind, made in KINDS.items()}
        return {name: {"kind": names[type(one)], **asdict(one)} for name, one in self.columns.items()}

    @classmethod
    def restore(cls, columns: Mapping[str, Mapping[str, Any]]) -> "Summary":
        """Return the summary of which `as_json` made these values."""
        return cls(
            {
                name: KINDS[one["kind"]](**{key: value for key, value in one.items() if key != "kind"})
                for name, one in columns.items()
            }
        )
