"""The scores of the calibration rows, and the sets and intervals that follow from them at a level."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, isinf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from pipeline.conformal.methods import METHODS, Region

Array = NDArray[Any]
ROUNDING = 1e-9  # 0.9 / (1 - 0.9) is above 9


def threshold(scores: Array, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest score; infinity if there are too few.

    Example:
        >>> threshold(np.arange(1.0, 10.0), 0.9)
        9.0
    """
    place = ceil((len(scores) + 1) * level - ROUNDING)
    return float(np.sort(scores)[place - 1]) if place <= len(scores) else inf


def fewest_rows(level: float) -> int:
    """Return the smallest number of calibration rows with a finite threshold: 9 for a level of 0.9."""
    return ceil(level / (1 - level) - ROUNDING)


def coverage_range(rows: int, level: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the range of the coverage over draws of so many calibration rows (Vovk 2012, arXiv:1209.2673).

    The coverage of one calibrated model follows a beta distribution around the level.
    """
    outside = rows + 1 - ceil((rows + 1) * level - ROUNDING)
    tail = (1 - confidence) / 2
    low, high = beta.ppf([tail, 1 - tail], rows + 1 - outside, outside)
    return float(low), float(high)


@dataclass(frozen=True)
class Calibration:
    """The calibration rows' scores.

    Args:
        level: the share of labels that sets and intervals shall hold.
        methods: head -> name of its method.
        scores: head -> sorted scores, one array per threshold.
        thresholds: the same at `level`.
    """

    level: float
    methods: Mapping[str, str]
    scores: Mapping[str, Sequence[Array]]
    thresholds: dict[str, list[float]] = field(init=False)

    def __post_init__(self) -> None:
        found = {
            head: [threshold(values, self.level) for values in arrays] for head, arrays in self.scores.items()
        }
        object.__setattr__(self, "thresholds", found)

    @classmethod
    def of(
        cls,
        level: float,
        methods: Mapping[str, str],
        labels: Mapping[str, Array],
        outputs: Mapping[str, Array],
    ) -> "Calibration":
        """Score calibration rows.

        Args:
            methods: head -> name of its method.
            labels, outputs: by head; for the methods of numbers those of the loss, otherwise readable ones.
        """
        scores = {
            head: [np.sort(values) for values in METHODS[name].scores(labels[head], outputs[head])]
            for head, name in methods.items()
        }
        return cls(level, methods, scores)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], level: float | None = None) -> "Calibration":
        """Return what `facts` described, at its level or another one."""
        heads = facts["heads"]
        return cls(
            facts["level"] if level is None else level,
            {head: entry["method"] for head, entry in heads.items()},
            {
                head: [np.asarray(values, float) for values in entry["scores"]]
                for head, entry in heads.items()
            },
        )

    def facts(self) -> dict[str, Any]:
        """Return what `from_facts` needs, for JSON."""
        heads = {
            head: {"method": name, "scores": [values.tolist() for values in self.scores[head]]}
            for head, name in self.methods.items()
        }
        return {"level": self.level, "heads": heads}

    def rows(self, head: str) -> int:
        """Return the number of labelled calibration rows, for several columns or labels the fewest."""
        return min(map(len, self.scores[head]))

    def coverage_range(self, head: str) -> tuple[float, float]:
        """Return the range of the head's coverage over draws of its calibration rows."""
        return coverage_range(max(self.rows(head), fewest_rows(self.level)), self.level)

    def of_which(self, head: str) -> str:
        """Return " of its rarer value" if the head's rows are counted by label, else nothing."""
        return " of its rarer value" if METHODS[self.methods[head]].by_label else ""

    def too_few(self, head: str) -> bool:
        """Return whether the head has so few rows that every label would be possible in every row."""
        unbounded = [isinf(value) for value in self.thresholds[head]]
        return all(unbounded) if METHODS[self.methods[head]].by_label else any(unbounded)

    @property
    def heads(self) -> list[str]:
        """The heads that have enough rows."""
        return [head for head in self.methods if not self.too_few(head)]

    def regions(
        self,
        raw: Mapping[str, Array],
        outputs: Mapping[str, Array],
        present: Callable[[dict[str, Array]], Mapping[str, Array]],
    ) -> dict[str, Region]:
        """Return the sets and intervals of some rows, in the units of the readable outputs.

        Args:
            raw: head -> raw outputs (rows, width).
            outputs: head -> the same in readable form.
            present: converts raw outputs of all heads to readable form.
        """
        found = {
            head: METHODS[self.methods[head]].region(
                (raw if METHODS[self.methods[head]].of_numbers else outputs)[head], self.thresholds[head]
            )
            for head in self.heads
        }
        numbers = {head: one for head, one in found.items() if METHODS[self.methods[head]].of_numbers}
        return found | presented(numbers, raw, present)


def presented(
    regions: Mapping[str, Region],
    raw: Mapping[str, Array],
    present: Callable[[dict[str, Array]], Mapping[str, Array]],
) -> dict[str, Region]:
    """Return intervals of numbers in the units of the readable outputs.

    Args:
        regions: head -> intervals on the scale of the raw outputs.
        raw, present: as in `Calibration.regions`.
    """
    if not regions:
        return {}
    # Heads are presented independently, so of the others one row is enough.
    others = {head: values[:1] for head, values in raw.items()}
    ends = [
        present({**others, **{head: _filled(end, raw[head].shape[1]) for head, end in of_heads.items()}})
        for of_heads in (
            {head: one.low for head, one in regions.items()},
            {head: one.high for head, one in regions.items()},
        )
    ]
    found = {}
    for head, one in regions.items():
        assert one.low is not None
        step = raw[head].shape[1] // one.low.shape[1]
        low, high = (np.asarray(end[head])[:, ::step] for end in ends)
        found[head] = Region(low=low, high=high)
    return found


def _filled(values: Array | None, width: int) -> Array:
    """Return (rows, columns) as raw outputs (rows, width): each value for all outputs of its column."""
    assert values is not None
    return np.repeat(values, width // values.shape[1], axis=1).astype(np.float32)
