"""An evaluation per slice: every metric on the rows that share a value, and the slices that are worse."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.comparison.bootstrap import Interval
from pipeline.data.columns import Column, strings
from pipeline.data.times import form_of, read_times
from pipeline.errors import ConfigError
from pipeline.finished.evaluation import Evaluation
from pipeline.labels import class_codes
from pipeline.slices.groups import MOST_VALUES, Grouping, by_number, by_value
from pipeline.slices.worse import Gap, gaps
from pipeline.times import DURATION, are_times, in_iso


@dataclass(frozen=True)
class Slice:
    """One head on the rows of one group.

    Args:
        by, group: what the rows are divided by, and their value.
        rows: number of rows, labelled or not.
        labelled: number of rows with a label of the head.
        metrics: word -> value with its 95 % interval.
        gap: the comparison with the other rows; None if one of both has too few rows.
    """

    by: str
    group: str
    head: str
    rows: int
    labelled: int
    metrics: dict[str, Interval]
    gap: Gap | None

    @property
    def name(self) -> str:
        return f"{self.by}={self.group}"

    @property
    def worse(self) -> bool:
        return self.gap is not None and self.gap.worse


def groupings(evaluation: Evaluation, by: Sequence[str], bins: int) -> list[Grouping]:
    """Return the divisions of the evaluated rows; a `labels` head makes one for each of its labels.

    Args:
        by: heads, whose labels divide the rows, or columns that were read with the rows.
        bins: number of quantile bins of numbers.

    Raises:
        ConfigError: all rows are in one group.
    """
    found = [
        grouping
        for name in by
        for grouping in (
            _of_head(evaluation, name, bins)
            if name in evaluation.heads
            else [_of_column(name, evaluation.rows.columns[name], bins)]
        )
    ]
    for grouping in found:
        if len(grouping.names) < 2:
            raise ConfigError(
                "by",
                f"all {len(grouping.codes):,} rows have the same value, so there is nothing to compare",
                found=f"{grouping.by}={grouping.names[0]}",
                allowed="a column with several values",
            )
    return found


def slices(evaluation: Evaluation, divisions: Sequence[Grouping], resamples: int) -> list[Slice]:
    """Return every head on every group, worst first; those that could not be tested come last."""
    found = gaps(evaluation.row_losses, divisions, units=evaluation.units)
    order = {(gap.grouping, gap.group, gap.head): place for place, gap in enumerate(found)}
    result = [
        (order.get(key, len(order)), one)
        for place, grouping in enumerate(divisions)
        for group in range(len(grouping.names))
        for key, one in _of_group(evaluation, grouping, place, group, resamples)
    ]
    return [
        replace(one, gap=found[place]) if place < len(found) else one
        for place, one in sorted(result, key=lambda pair: pair[0])
    ]


def _of_group(
    evaluation: Evaluation, grouping: Grouping, place: int, group: int, resamples: int
) -> list[tuple[tuple[int, int, str], Slice]]:
    positions = grouping.rows_of(group)
    metrics = evaluation.head_intervals(resamples, positions=positions)
    return [
        (
            (place, group, head),
            Slice(
                by=grouping.by,
                group=grouping.names[group],
                head=head,
                rows=len(positions),
                labelled=int((~np.isnan(evaluation.row_losses[head][positions])).sum()),
                metrics=metrics.get(head, {}),
                gap=None,
            ),
        )
        for head in evaluation.heads
    ]


def _of_head(evaluation: Evaluation, name: str, bins: int) -> list[Grouping]:
    reference, names = evaluation.references[name], evaluation.targets[name].names
    labels = reference.labels
    if reference.kind == "category":
        codes = class_codes(labels)
        return [by_value(name, np.array([*names, ""], object)[codes])]
    columns = [name] if labels.shape[1] == 1 else [f"{name} {column}" for column in names]
    if reference.kind == "number":
        return [by_number(column, values, bins) for column, values in zip(columns, labels.T, strict=True)]
    return [by_value(column, _yes_or_no(values)) for column, values in zip(columns, labels.T, strict=True)]


def _yes_or_no(values: NDArray[np.float64]) -> NDArray[np.object_]:
    return np.where(np.isnan(values), "", np.where(values > 0.5, "yes", "no")).astype(object)


def _of_column(name: str, column: Column, bins: int) -> Grouping:
    words = strings(column)
    if len(pd.unique(words)) <= MOST_VALUES:
        return by_value(name, words)
    values = _numbers(column.values)
    if values is not None:
        return by_number(name, values, bins)
    return _by_time(name, column, words, bins) or by_value(name, words)


def _by_time(name: str, column: Column, words: NDArray[np.object_], bins: int) -> Grouping | None:
    """Return quantile bins of dates or times; None if the column has anything else."""
    if not are_times(words[words != ""]):
        return None
    form = form_of(column)
    if form.kind == DURATION:
        return None

    def word(value: float) -> str:
        return str(in_iso(np.array([value]), form)[0]).removesuffix("T00:00:00").replace("T", " ")

    return by_number(name, read_times(column, form), bins, word)


def _numbers(values: NDArray[Any]) -> NDArray[np.float64] | None:
    """The values as numbers, NaN where missing; None if one of them is no number."""
    if values.dtype.kind == "b" or values.dtype.kind in "mM":
        return None
    numbers = pd.to_numeric(pd.Series(values).replace("", None), errors="coerce")
    if (numbers.isna() & pd.Series(values).replace("", None).notna()).any():
        return None
    return np.asarray(numbers.to_numpy(float, na_value=np.nan))
