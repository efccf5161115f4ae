"""Compares new rows with those of the training, column by column.

Each column has up to three tests: of its distribution (chi-squared on the bins of the training rows), of its
missing cells (Fisher), and of values that training never saw. Their smallest p-value times their number is
that of the column, and these are corrected for the number of columns (Holm 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma

import numpy as np
from scipy.stats import chi2_contingency, fisher_exact, norm

from pipeline.data.drift.summary import Categories, Counts, Numbers, Summary, Words

LEVEL = 0.01  # the chance of any finding among columns that do not differ
EXPECTED = 5.0  # rows in each cell of a chi-squared test
SHOWN = 3  # columns in a line

Shares = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Difference:
    """How one column of new rows differs from the training rows.

    Args:
        column: what is measured.
        rows: number of new rows.
        p: of the column; NaN without any test.
        corrected: p, corrected for the number of columns.
        distance: half the sum of the differences of shares between bins, 0 (equal) to 1.
        missing, missing_before: shares of new and training rows without a value.
        unseen: share of new rows with a category, or of words, that training never saw; NaN for numbers.
        outside: share of new rows below or above all training rows; NaN for others.
        reasons: what the tests found, the smallest p-value first.
    """

    column: str
    rows: int
    p: float
    corrected: float
    distance: float
    missing: float
    missing_before: float
    unseen: float
    outside: float
    reasons: list[str]

    @property
    def differs(self) -> bool:
        """Whether the difference is more than chance."""
        return self.corrected < LEVEL


def compare(before: Summary, now: Summary) -> list[Difference]:
    """Compare all columns; the largest differences come first."""
    names = [name for name, counts in now.columns.items() if counts.rows]
    found = [_difference(name, before.columns[name], now.columns[name]) for name in names]
    return sorted(_holm(found), key=lambda one: (np.nan_to_num(one.corrected, nan=2.0), -one.distance))


def sentence(found: Sequence[Difference]) -> str:
    """Return a line for the terminal."""
    if not found:
        return "inputs: nothing to compare with the training rows"
    different = [one for one in found if one.differs]
    if not different:
        return f"inputs: like the training rows ({len(found)} columns tested)"
    listed = "; ".join(f"{one.column}: {', '.join(one.reasons)}" for one in different[:SHOWN])
    more = f"; and {len(different) - SHOWN} more" if len(different) > SHOWN else ""
    return f"inputs differ from the training rows in {len(different)} of {len(found)} columns: {listed}{more}"


COLUMNS = (
    *("column", "differs", "rows", "p", "p_corrected", "distance"),
    *("missing", "missing_in_training", "unseen", "outside", "reasons"),
)


def table(found: Sequence[Difference]) -> list[list[object]]:
    """Return a row of `COLUMNS` for each column."""
    return [
        [
            *(one.column, "yes" if one.differs else "no", one.rows, one.p, one.corrected, one.distance),
            *(one.missing, one.missing_before, one.unseen, one.outside, ", ".join(one.reasons)),
        ]
        for one in found
    ]


def _difference(name: str, before: Counts, now: Counts) -> Difference:
    tests: list[tuple[float, str]] = [_missing_test(before, now)]
    distance = unseen = outside = np.nan
    if isinstance(before, Words) and isinstance(now, Words):
        unseen = now.unseen / max(1, now.tokens)
        tests.append(_words_test(before, now))
    elif isinstance(before, Categories) and isinstance(now, Categories):
        new = sum(count for word, count in now.counts.items() if word not in before.counts)
        unseen = new / now.rows
        tests.append(_categories_test(before, now, new))
        p, distance = _chi_squared(*_by_category(before, now))
        tests.append((p, "other shares of the categories"))
    elif isinstance(before, Numbers) and isinstance(now, Numbers):
        outside = (now.below + now.above) / now.rows
        tests.append(_range_test(before, now))
        p, distance = _chi_squared(*_neighbours(np.array(before.counts), np.array(now.counts)))
        tests.append((p, _shift(before, now)))
    tests = sorted((test for test in tests if test[0] == test[0]), key=lambda test: test[0])
    p = min(1.0, len(tests) * tests[0][0]) if tests else np.nan
    reasons = [why for value, why in tests if len(tests) * value < LEVEL]
    return Difference(
        *(name, now.rows, p, p, distance, now.missing / now.rows, before.missing / max(1, before.rows)),
        *(unseen, outside, reasons),
    )


def _holm(found: list[Difference]) -> list[Difference]:
    """Correct the p-values: S. Holm, "A simple sequentially rejective multiple test procedure", 1979."""
    tested = sorted((one for one in found if one.p == one.p), key=lambda one: one.p)
    corrected, largest = {}, 0.0
    for place, one in enumerate(tested):
        largest = max(largest, min(1.0, (len(tested) - place) * one.p))
        corrected[one.column] = largest
    return [_with(one, corrected.get(one.column, np.nan)) for one in found]


def _with(one: Difference, corrected: float) -> Difference:
    reasons = one.reasons if corrected < LEVEL else []
    return Difference(**{**vars(one), "corrected": corrected, "reasons": reasons})


def _missing_test(before: Counts, now: Counts) -> tuple[float, str]:
    cells = [[now.missing, now.rows - now.missing], [before.missing, before.rows - before.missing]]
    why = f"missing in {_percent(now.missing, now.rows)}, in training {_percent(before.missing, before.rows)}"
    return float(fisher_exact(cells).pvalue), why


def _categories_test(before: Categories, now: Categories, new: int) -> tuple[float, str]:
    """Test rows of unseen categories: a category that occurs once is unseen to the other training rows."""
    once, twice = (sum(count == times for count in before.counts.values()) for times in (1, 2))
    why = f"{_percent(new, now.rows)} have categories that training never saw"
    return _unseen(new, now.rows, once, before.rows, twice), why


def _words_test(before: Words, now: Words) -> tuple[float, str]:
    why = f"{_percent(now.unseen, now.tokens)} of the words were never seen in training"
    return _unseen(now.rare, now.rows, before.rare, before.rows, before.twice), why


def _unseen(new: int, rows: int, once: int, seen: int, twice: int) -> float:
    """Return the p-value of new rows with something unseen.

    The training rows with something that they have once say how many to expect. In Fisher's test both
    numbers are binomial. But an unseen value may come several times in new rows, and the training rows
    missed it by chance, as they met by chance what they have twice: W. W. Esty, "A normal limit law for a
    nonparametric estimator of the coverage of a random sample", 1983. That test is one for many rows, so
    the larger p-value of both counts.

    Args:
        twice: values that the training rows have twice.
    """
    cells = [[new, rows - new], [once, seen - once]]
    exact = float(fisher_exact(cells, alternative="greater").pvalue)
    share = (new + once) / (rows + seen)
    variance = share * (1 - share) * (1 / rows + 1 / seen) + 2 * twice / seen**2
    if not variance:
        return exact
    return max(exact, float(norm.sf((new / rows - once / seen) / np.sqrt(variance))))


def _range_test(before: Numbers, now: Numbers) -> tuple[float, str]:
    """Test how many rows are beyond the training rows on the side that has more of them.

    Of rows from one distribution, the k largest of both are all new ones with a probability that depends on
    the numbers of rows only.
    """
    seen, new = before.rows - before.missing, now.rows - now.missing
    p = min(1.0, 2 * min(_all_new(now.below, new, seen), _all_new(now.above, new, seen)))
    share = _percent(now.below + now.above, now.rows)
    return p, (
        f"{share} outside the range {_short(before.low)} to {_short(before.high)} "
        f"(now {_short(now.lowest)} to {_short(now.highest)})"
    )


def _all_new(extreme: int, new: int, seen: int) -> float:
    """Return the probability that the `extreme` largest of `new` and `seen` values are all new."""
    if not seen or not extreme:
        return 1.0
    logarithm = lgamma(new + 1) - lgamma(new - extreme + 1)
    return exp(logarithm + lgamma(seen + new - extreme + 1) - lgamma(seen + new + 1))


def _shift(before: Numbers, now: Numbers) -> str:
    """Return a sentence on how many rows are in the training rows' lowest and highest bins."""
    if not before.edges or not sum(now.counts):
        return "other values"
    middle = np.searchsorted(np.cumsum(before.counts), sum(before.counts) / 2) + 1
    share, seen = (_percent(sum(one.counts[:middle]), sum(one.counts)) for one in (now, before))
    edge = before.edges[min(int(middle), len(before.edges)) - 1]
    return f"other values ({share} below {_short(edge)}, in training {seen})"


def _by_category(before: Categories, now: Categories) -> Shares:
    """Return the counts by category; those that are too rare for the test share cells.

    The order treats both samples alike: rare categories of the training rows alone are rarer in new rows,
    because each was seen by chance.
    """
    pairs = {
        word: (before.counts.get(word, 0), now.counts.get(word, 0))
        for word in sorted({*before.counts, *now.counts})
    }
    counts = np.array(sorted(pairs.values(), key=lambda pair: -sum(pair))).reshape(-1, 2)
    return _neighbours(counts[:, 0], counts[:, 1])


def _neighbours(before: np.ndarray, now: np.ndarray) -> Shares:
    """Join neighbouring cells until enough rows are expected in each, in both samples."""
    smaller = min(before.sum(), now.sum()) / max(1, before.sum() + now.sum())
    joined: list[list[int]] = []
    cell = [0, 0]
    for counts in zip(before.tolist(), now.tolist(), strict=True):
        cell = [cell[0] + counts[0], cell[1] + counts[1]]
        if sum(cell) * smaller >= EXPECTED:
            joined.append(cell)
            cell = [0, 0]
    if joined:
        joined[-1] = [joined[-1][0] + cell[0], joined[-1][1] + cell[1]]
    else:
        joined = [cell]
    array = np.array(joined)
    return array[:, 0], array[:, 1]


def _chi_squared(before: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return p and the distance; NaN if the rows are too few for two cells."""
    if len(before) < 2 or not before.sum() or not now.sum():
        return np.nan, np.nan
    distance = 0.5 * np.abs(before / before.sum() - now / now.sum()).sum()
    return float(chi2_contingency([before, now], correction=False).pvalue), float(distance)


def _percent(part: int, whole: int) -> str:
    share = 100 * part / max(1, whole)
    return f"{share:.0f} %" if share >= 1 or not part else f"{share:.2g} %"


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
