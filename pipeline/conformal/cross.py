"""Sets and intervals of several models together, from rows that each of them held out.

Folds: CV+ (Barber, Candès, Ramdas and Tibshirani 2021, arXiv:1905.02928; for classes Romano, Sesia and Candès
2020, arXiv:2006.02544). A label is possible if its scores, each by one model, are not above too many of the
scores of the rows that this model held out. In the worst case 2 level - 1 of new rows are inside, minus at
most 2 / (rows of a fold + 1); usually it is about the level or more.

Models that held out the same rows, as those of several seeds: the mean of their p-values. Twice a mean of
p-values is one (Vovk and Wang 2020, arXiv:1212.4966), so here too 2 level - 1 of new rows are inside.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.conformal.calibration import ROUNDING, Calibration, presented
from pipeline.conformal.methods import METHODS, Method, Region

Array = NDArray[Any]
HALVINGS = 32  # of the range in which the end of an interval lies
DOUBLINGS = 40  # a scale with a largest number has no end beyond it


@dataclass(frozen=True)
class MemberOutputs:
    """The outputs of one model for some rows.

    Args:
        outputs: head -> (rows, width); for the methods of numbers on the scale on which this model learned.
        rescaled: head of numbers -> converts numbers (rows, columns) from the scale of the ensemble's raw
            outputs to that of this model.
    """

    outputs: Mapping[str, Array]
    rescaled: Mapping[str, Callable[[Array], Array]]


@dataclass(frozen=True)
class CrossCalibration:
    """The scores of the rows that each of several models held out.

    Args:
        members: for each model the scores of its rows; all have one level and the same methods.
        disjoint: whether no row was held out by two models.
    """

    members: Sequence[Calibration]
    disjoint: bool

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any], level: float | None = None) -> "CrossCalibration":
        """Return what `facts` described, at its level or another one."""
        return cls([Calibration.from_facts(one, level) for one in facts["members"]], facts["disjoint"])

    def facts(self) -> dict[str, Any]:
        """Return what `from_facts` needs, for JSON."""
        return {"disjoint": self.disjoint, "members": [one.facts() for one in self.members]}

    @property
    def level(self) -> float:
        """The level of the sets and intervals."""
        return self.members[0].level

    @property
    def methods(self) -> Mapping[str, str]:
        """Head -> name of its method."""
        return self.members[0].methods

    def rows(self, head: str) -> int:
        """Return the number of labelled rows, for several columns or labels the fewest."""
        counts = np.array([[len(scores) for scores in one.scores[head]] for one in self.members])
        return int((counts.sum(axis=0) if self.disjoint else counts.min(axis=0)).min())

    def of_which(self, head: str) -> str:
        """Return " of its rarer value" if the head's rows are counted by label, else nothing."""
        return self.members[0].of_which(head)

    def too_few(self, head: str) -> bool:
        """Return whether the head has so few rows that every label would be possible in every row."""
        weights = self._weights(head)
        held = [sum(w * len(one.scores[head][place]) for w, one in pairs) for place, pairs in weights.items()]
        unbounded = [share < self.level - ROUNDING for share in held]
        return all(unbounded) if METHODS[self.methods[head]].by_label else any(unbounded)

    def surely(self) -> float:
        """Return the share of new rows that is inside in the worst case: theorem 4 of Barber et al."""
        models, fewest = len(self.members), min((self.rows(head) for head in self.heads), default=0)
        smaller = 0.0
        if self.disjoint and models > 1 and fewest:
            smaller = min(2 * (1 - 1 / models) / (fewest / models + 1), (1 - models / fewest) / (models + 1))
        return max(0.0, 2 * self.level - 1 - smaller)

    @property
    def heads(self) -> list[str]:
        """The heads that have enough rows."""
        return [head for head in self.methods if not self.too_few(head)]

    def regions(
        self,
        members: Sequence[MemberOutputs],
        raw: Mapping[str, Array],
        outputs: Mapping[str, Array],
        present: Callable[[dict[str, Array]], Mapping[str, Array]],
    ) -> dict[str, Region]:
        """Return the sets and intervals of some rows, in the units of the readable outputs.

        Args:
            members: the outputs of each model.
            raw, outputs, present: those of the ensemble, as `Calibration.regions` takes them.
        """
        found = {}
        for head in self.heads:
            method = METHODS[self.methods[head]]
            if method.of_numbers:
                found[head] = self._interval(head, method, members, raw[head])
            elif self.methods[head] == "yes_no":
                found[head] = self._yes_no(head, method, members, outputs[head])
            else:
                found[head] = self._set(head, method, members, outputs[head])
        numbers = [head for head in found if METHODS[self.methods[head]].of_numbers]
        return found | presented({head: found[head] for head in numbers}, raw, present)

    def _weights(self, head: str) -> dict[int, list[tuple[float, Calibration]]]:
        """Return threshold -> for each model the weight of one of its scores; all scores weigh below 1."""
        found = {}
        for place in range(len(self.members[0].scores[head])):
            counts = [len(one.scores[head][place]) for one in self.members]
            each = (
                [1 / (sum(counts) + 1)] * len(counts)
                if self.disjoint
                else [1 / (len(counts) * (count + 1)) for count in counts]
            )
            found[place] = list(zip(each, self.members, strict=True))
        return found

    def _inside(self, head: str, place: int, scores: Sequence[Array]) -> Array:
        """Return whether labels with these scores, by each model, are possible.

        With one model this is whether a score is at most `threshold(...)`.
        """
        below = [
            weight * np.searchsorted(one.scores[head][place], of_model, side="left")
            for (weight, one), of_model in zip(self._weights(head)[place], scores, strict=True)
        ]
        return np.asarray(np.sum(below, axis=0) < self.level - ROUNDING)

    def _set(self, head: str, method: Method, members: Sequence[MemberOutputs], outputs: Array) -> Region:
        rows, classes = outputs.shape
        sets = np.zeros((rows, classes), dtype=bool)
        for code in range(classes):
            labels = np.full(rows, code)
            scores = [method.scores(labels, one.outputs[head])[0] for one in members]
            sets[:, code] = self._inside(head, 0, scores)
        likely = outputs.argmax(axis=1)
        sets[np.arange(rows), likely] = True
        return Region(sets=_filled_ranges(sets, likely) if self.methods[head] == "ordered" else sets)

    def _yes_no(self, head: str, method: Method, members: Sequence[MemberOutputs], outputs: Array) -> Region:
        possible = [np.zeros(outputs.shape, dtype=bool) for _ in range(2)]
        for value, inside in enumerate(possible):
            labels = np.full(outputs.shape, float(value))
            scores = [method.scores(labels, one.outputs[head])[value::2] for one in members]
            for column, of_models in enumerate(zip(*scores, strict=True)):
                inside[:, column] = self._inside(head, 2 * column + value, of_models)
        no, yes = possible[0] | (outputs <= 0.5) & ~possible[1], possible[1] | (outputs > 0.5) & ~possible[0]
        return Region(low=(yes & ~no).astype(np.int8), high=yes.astype(np.int8), flags=True)

    def _interval(self, head: str, method: Method, members: Sequence[MemberOutputs], raw: Array) -> Region:
        """Return the interval on the scale of the ensemble's raw outputs; it holds the ensemble's output."""
        columns = len(self.members[0].scores[head])
        step = raw.shape[1] // columns
        point = raw.astype(float)[:, step // 2 :: step]
        ends = [_end(partial(self._beside, head, method, members, side), point, side) for side in (-1, 1)]
        low = np.maximum(ends[0], 0.0) if self.methods[head] == "count" else ends[0]
        return Region(low=low, high=ends[1])

    def _beside(
        self, head: str, method: Method, members: Sequence[MemberOutputs], side: int, numbers: Array
    ) -> Array:
        """Return whether numbers are possible, (rows, columns), looking at the models' ends on one side."""
        columns = numbers.shape[1]
        scores = []
        for one in members:
            outputs = one.outputs[head]
            centre = method.region(outputs, [0.0] * columns)
            assert centre.low is not None
            assert centre.high is not None
            middle, own = (centre.low + centre.high) / 2, one.rescaled[head](numbers)
            scores.append(
                method.scores(np.maximum(own, middle) if side > 0 else np.minimum(own, middle), outputs)
            )
        found = [
            self._inside(head, place, of_models) for place, of_models in enumerate(zip(*scores, strict=True))
        ]
        return np.stack(found, axis=1)


def _end(possible: Callable[[Array], Array], point: Array, side: int) -> Array:
    """Return the last number that is possible from a point on, (rows, columns)."""
    near, reach = point, np.ones_like(point)
    for _ in range(DOUBLINGS):
        if not (more := possible(near + side * reach)).any():
            break
        reach = np.where(more, 2 * reach, reach)
    far = near + side * reach
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        inside = possible(middle)
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return near


def _filled_ranges(sets: Array, likely: Array) -> Array:
    """Return ranges of neighbouring classes that hold the sets and the most probable class."""
    classes = np.arange(sets.shape[1])
    lowest = np.where(sets, classes, sets.shape[1]).min(axis=1)
    highest = np.where(sets, classes, -1).max(axis=1)
    first, last = np.minimum(lowest, likely)[:, None], np.maximum(highest, likely)[:, None]
    return np.asarray((first <= classes) & (classes <= last))
