"""The scores and the sets of each kind of head.

A method gives the scores of labelled rows as a list of arrays, each with a threshold of its own, and turns
thresholds into a set or an interval per row. Numbers are scored on the scale on which the head learns, so an
interval of a target with `scale: log` is wide where the number is large, and never below 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import class_codes

Array = NDArray[Any]
SMALLEST_COUNT = 1e-3  # predicted counts below it are not given a smaller spread


@dataclass(frozen=True)
class Region:
    """What is possible for each row at a level.

    Args:
        sets: (rows, classes) whether a class is possible; None for other heads.
        low, high: (rows, columns) ends of the interval; for yes and no 0 and 1, of which low is below high
            if both are possible. None for classes.
        flags: whether the ends are yes and no.
    """

    sets: Array | None = None
    low: Array | None = None
    high: Array | None = None
    flags: bool = False

    def covered(self, labels: Array) -> Array:
        """Return the share of each row's labels that are inside, (rows,); NaN for a row without a label.

        Args:
            labels: class codes (rows,) or distributions (rows, classes); or (rows, columns).
        """
        if self.sets is not None:
            codes = class_codes(labels)
            inside = self.sets[np.arange(len(codes)), np.maximum(codes, 0)]
            return np.where(codes >= 0, inside, np.nan)
        assert self.low is not None
        assert self.high is not None
        inside = np.where(np.isnan(labels), np.nan, (self.low <= labels) & (labels <= self.high))
        return _row_means(inside)

    def sizes(self) -> Array:
        """Return the number of classes, of yes and no, or the width of the intervals, (rows,)."""
        if self.sets is not None:
            return np.asarray(self.sets.sum(axis=1), dtype=float)
        assert self.low is not None
        assert self.high is not None
        return np.asarray((self.high - self.low).mean(axis=1) + self.flags)


@dataclass(frozen=True)
class Method:
    """How a kind of head is calibrated.

    Args:
        sentence: the method and its source, for the report.
        scores: (labels, outputs) -> the scores of the labelled cells, one array per threshold.
        region: (outputs, thresholds) -> `Region`; for numbers on the scale of the raw outputs.
        of_numbers: whether labels and outputs are those of the loss, on the scale on which the head learns;
            else labels are codes or 0 and 1, and outputs probabilities.
        size_word: the metric of the sets' mean size.
        coverage_word: the metric of the share of labels inside; that of quantile heads is not `coverage`,
            which is the share between their outermost quantiles.
        by_label: whether each threshold needs enough rows of its own; without, every label is possible.
    """

    sentence: str
    scores: Callable[[Array, Array], list[Array]]
    region: Callable[[Array, Sequence[float]], Region]
    of_numbers: bool = False
    size_word: str = "set_size"
    coverage_word: str = "coverage"
    by_label: bool = False


def _row_means(cells: Array) -> Array:
    known = ~np.isnan(cells)
    return np.where(known.any(axis=1), np.nansum(cells, axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def _class_scores(labels: Array, probabilities: Array) -> list[Array]:
    codes = class_codes(labels)
    rows = np.flatnonzero(codes >= 0)
    return [1.0 - probabilities[rows, codes[rows]].astype(float)]


def _class_sets(probabilities: Array, thresholds: Sequence[float]) -> Region:
    sets = 1.0 - probabilities.astype(float) <= thresholds[0]
    sets[np.arange(len(sets)), probabilities.argmax(axis=1)] = True
    return Region(sets=sets)


def _masses(probabilities: Array) -> Array:
    """Return for each class the probability of the neighbours that come before it, (rows, classes).

    From the most probable class, the range grows towards the more probable of the two next classes.
    """
    p, (rows, classes) = probabilities.astype(float), probabilities.shape
    every = np.arange(rows)
    low = high = p.argmax(axis=1)
    masses = np.zeros((rows, classes))
    mass = p[every, low]
    for _ in range(classes - 1):
        below = np.where(low > 0, p[every, np.maximum(low - 1, 0)], -1.0)
        above = np.where(high < classes - 1, p[every, np.minimum(high + 1, classes - 1)], -1.0)
        down = below >= above
        low, high = np.where(down, low - 1, low), np.where(down, high, high + 1)
        added = np.where(down, low, high)
        masses[every, added] = mass
        mass = mass + p[every, added]
    return masses


def _ordered_scores(labels: Array, probabilities: Array) -> list[Array]:
    codes = class_codes(labels)
    rows = np.flatnonzero(codes >= 0)
    return [_masses(probabilities[rows])[np.arange(len(rows)), codes[rows]]]


def _ordered_sets(probabilities: Array, thresholds: Sequence[float]) -> Region:
    return Region(sets=_masses(probabilities) <= thresholds[0])


def _yes_no_scores(labels: Array, probabilities: Array) -> list[Array]:
    """No and yes of the first column, then of the next."""
    return [
        np.abs(value - probability[truth == value].astype(float))
        for truth, probability in zip(labels.T, probabilities.T, strict=True)
        for value in (0, 1)
    ]


def _yes_no_region(probabilities: Array, thresholds: Sequence[float]) -> Region:
    p = probabilities.astype(float)
    no, yes = p <= np.array(thresholds[::2]), 1.0 - p <= np.array(thresholds[1::2])
    neither = ~no & ~yes
    no, yes = no | (neither & (p <= 0.5)), yes | (neither & (p > 0.5))
    return Region(low=(yes & ~no).astype(np.int8), high=yes.astype(np.int8), flags=True)


def _residuals(labels: Array, outputs: Array) -> list[Array]:
    return _by_column(labels, np.abs(labels.astype(float) - outputs))


def _around(outputs: Array, thresholds: Sequence[float]) -> Region:
    return Region(low=outputs - np.array(thresholds), high=outputs + np.array(thresholds))


def _spread(counts: Array) -> Array:
    return np.asarray(np.sqrt(np.maximum(counts, SMALLEST_COUNT)))


def _count_residuals(labels: Array, outputs: Array) -> list[Array]:
    return _by_column(labels, np.abs(labels.astype(float) - outputs) / _spread(outputs))


def _around_counts(outputs: Array, thresholds: Sequence[float]) -> Region:
    reach = _spread(outputs) * np.array(thresholds)
    return Region(low=np.maximum(outputs - reach, 0.0), high=outputs + reach)


def _outermost(outputs: Array, columns: int) -> tuple[Array, Array, Array]:
    """Return the lowest and the highest quantile, and the one between them: (rows, columns) each."""
    by_column = outputs.reshape(len(outputs), columns, outputs.shape[1] // columns).astype(float)
    return by_column[..., 0], by_column[..., -1], by_column[..., by_column.shape[-1] // 2]


def _quantile_scores(labels: Array, outputs: Array) -> list[Array]:
    low, high, _ = _outermost(outputs, labels.shape[1])
    return _by_column(labels, np.maximum(low - labels, labels - high))


def _around_quantiles(outputs: Array, thresholds: Sequence[float]) -> Region:
    low, high, middle = _outermost(outputs, len(thresholds))
    return Region(
        low=np.minimum(low - np.array(thresholds), middle),
        high=np.maximum(high + np.array(thresholds), middle),
    )


def _by_column(labels: Array, cells: Array) -> list[Array]:
    return [column[~np.isnan(truth)] for truth, column in zip(labels.T, cells.T, strict=True)]


METHODS: Mapping[str, Method] = {
    "classes": Method(
        "the most probable class and all others with a probability above one threshold, which makes the "
        "smallest sets (Sadinle, Lei and Wasserman 2019, arXiv:1609.00451)",
        _class_scores,
        _class_sets,
    ),
    "ordered": Method(
        "a range of neighbouring classes that grows from the most probable one (Lu, Angelopoulos and "
        "Pomerantz 2022, arXiv:2207.02238, after Romano, Sesia and Candès 2020, arXiv:2006.02544)",
        _ordered_scores,
        _ordered_sets,
    ),
    "yes_no": Method(
        "yes, no, or both, with a threshold for each, so that the level holds for the rows that are yes and "
        "for those that are no, and for each label (Vovk 2012, arXiv:1209.2673; Sadinle, Lei and Wasserman "
        "2019)",
        _yes_no_scores,
        _yes_no_region,
        by_label=True,
    ),
    "residual": Method(
        "the prediction plus and minus one distance on the scale on which the head learns (Lei et al. 2018, "
        "arXiv:1604.04173)",
        _residuals,
        _around,
        of_numbers=True,
        size_word="interval_width",
    ),
    "count": Method(
        "the prediction plus and minus a multiple of its square root, as counts spread (Lei et al. 2018, "
        "arXiv:1604.04173, section 5.2)",
        _count_residuals,
        _around_counts,
        of_numbers=True,
        size_word="interval_width",
    ),
    "quantiles": Method(
        "the outermost quantiles, moved by one distance: conformalised quantile regression (Romano, "
        "Patterson and Candès 2019, arXiv:1905.03222)",
        _quantile_scores,
        _around_quantiles,
        of_numbers=True,
        size_word="interval_width",
        coverage_word="interval_coverage",
    ),
}


def method_of(head: Any, kind: str) -> str:
    """Return the name of a head's method.

    Args:
        head: a `Head`, or one of another package.
        kind: kind of its target.
    """
    if kind in ("binary", "labels"):
        return "yes_no"
    if kind == "category":
        return "ordered" if type(head).__name__ == "Ordinal" else "classes"
    if getattr(head, "quantiles", ()):
        return "quantiles"
    return "count" if type(head.loss).__name__ == "Poisson" else "residual"


def coverage_metrics(method: str, covered: Array, sizes: Array) -> dict[str, float]:
    """Return word -> coverage and mean size of the labelled rows; empty if there are none.

    Args:
        method: name of the head's method.
        covered: (rows,) share of the row's labels inside, NaN without a label.
        sizes: (rows,) of the sets or intervals.
    """
    labelled = ~np.isnan(covered)
    if not labelled.any():
        return {}
    words = METHODS[method].coverage_word, METHODS[method].size_word
    return {words[0]: float(covered[labelled].mean()), words[1]: float(sizes[labelled].mean())}
