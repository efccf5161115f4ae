"""Leaks: rows that are in two splits, groups that are in two splits, inputs that hold the answer."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pipeline.data.dataset import Dataset
from pipeline.data.splits import SPLITS, row_hashes
from pipeline.errors import ConfigError
from pipeline.labels import labelled_cells

COPY, DUPLICATES, GROUPS = "copy of a target", "identical rows", "group in two splits"
POLICIES = ("fail", "warn", "ignore")
SHOWN = 5  # examples in a message
FEWEST = 10  # rows below which a match of two columns says nothing
RARE = 3  # so many rows must differ from the most frequent value
SAMPLED = 10_000  # rows of a split that streams
RELATIVE = 1e-5  # of the spread: float32 labels and columns that agree no better than this are no copies

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Leak:
    """One finding: `severity` is "copy of a target", "identical rows" or "group in two splits"."""

    severity: str
    sentence: str
    examples: list[str]


def leaks(dataset: Dataset, groups: np.ndarray | None = None) -> list[Leak]:
    """What of the data would make a result look better than it is.

    Args:
        dataset: loaded.
        groups: (rows of the joined sources,) the group of each row; None: those of `data.split.group`.

    Returns:
        Copies of targets first.
    """
    groups = dataset.groups if groups is None else groups
    found = [*_copies(dataset), *_duplicates(dataset)]
    return found + (_shared_groups(dataset, groups) if groups is not None else [])


def report_leaks(found: Sequence[Leak], policy: str) -> None:
    """Applies `data.leaks`: copies of a target fail unless ignored, the rest is logged as a warning or fails.

    Args:
        found: what `leaks` gave.
        policy: "fail", "warn" or "ignore".

    Raises:
        ConfigError: a leak that the policy does not let pass.
    """
    if policy not in POLICIES:
        raise ConfigError("data.leaks", "no such policy", found=policy, allowed=POLICIES)
    if policy == "ignore":
        return
    for leak in found:
        if policy == "fail" or leak.severity == COPY:
            raise ConfigError(
                "data.leaks",
                leak.sentence,
                found="; ".join(leak.examples),
                allowed="another input or split; data.leaks=ignore trains all the same",
            )
        logger.warning("%s: %s", leak.sentence, "; ".join(leak.examples))


def _duplicates(dataset: Dataset) -> Iterator[Leak]:
    hashes = {
        name: row_hashes([split.raw[key] for key in sorted(split.raw)])
        for name, split in dataset.splits.items()
    }
    for place, first in enumerate(SPLITS):
        for second in SPLITS[place + 1 :]:
            same = np.isin(hashes[second], hashes[first])
            if not same.any():
                continue
            examples = []
            for index in np.flatnonzero(same)[:SHOWN]:
                twin = int(np.argmax(hashes[first] == hashes[second][index]))
                rows = dataset.splits[second].rows[index], dataset.splits[first].rows[twin]
                examples.append(f"row {rows[0]} ({second}) is row {rows[1]} ({first})")
            sentence = (
                f"{same.sum()} of {len(same)} rows of {second} have the very inputs of a row of {first}"
            )
            yield Leak(DUPLICATES, sentence, examples)


def _shared_groups(dataset: Dataset, groups: np.ndarray) -> list[Leak]:
    members = {name: np.unique(groups[split.rows]) for name, split in dataset.splits.items()}
    found = []
    for place, first in enumerate(SPLITS):
        for second in SPLITS[place + 1 :]:
            shared = np.intersect1d(members[first], members[second])
            if len(shared):
                sentence = f"{len(shared)} groups have rows in {first} and in {second}"
                found.append(Leak(GROUPS, sentence, [str(group) for group in shared[:SHOWN]]))
    return found


def _copies(dataset: Dataset) -> Iterator[Leak]:
    columns = dict(_input_columns(dataset))
    looked = {name: _looked_at(dataset, name) for name in SPLITS}
    for target, one in dataset.targets.items():
        labels = np.concatenate([dataset.splits[name].labels[target][looked[name]] for name in SPLITS])
        values = np.where(labels == -1, np.nan, labels)[:, None] if labels.ndim == 1 else labels
        for position, name in product(range(values.shape[1]), columns):
            column = columns[name]
            if how := copied(column, values[:, position].astype(np.float64)):
                present = np.flatnonzero(~np.isnan(values[:, position]))[:SHOWN]
                readable = one.decode(labels[present])
                rows = np.concatenate([dataset.splits[name].rows[looked[name]] for name in SPLITS])[present]
                examples = [
                    f"row {row}: {column[i]}, {y}" for row, i, y in zip(rows, present, readable, strict=True)
                ]
                yield Leak(COPY, f"input column {name} is {how} of target {target}", examples)


def _input_columns(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Every column of tables, vectors and texts over all splits; pixels and steps of series are none."""
    for one in dataset.inputs.values():
        if one.kind in ("image", "series"):
            continue
        for key in one.specs():
            values = np.concatenate(
                [dataset.splits[split].raw[key][_looked_at(dataset, split)] for split in SPLITS]
            )
            if values.ndim == 1:
                yield key, values
            else:
                yield from ((f"{key}[{column}]", values[:, column]) for column in range(values.shape[1]))


def _looked_at(dataset: Dataset, split: str) -> Any:
    """All rows; of a split that streams some thousands: a column that copies a target does so in any rows."""
    rows = len(dataset.splits[split].rows)
    return np.linspace(0, rows - 1, min(rows, SAMPLED)).astype(int) if dataset.streamed else slice(None)


def copied(column: np.ndarray, labels: np.ndarray) -> str | None:
    """How an input column copies a target, or None.

    Numbers are copies if one is the other times a factor plus a constant. Anything is a copy if each value
    stands for one label and the reverse, and values repeat: columns without repeats always match one to one.

    Args:
        column: (rows,) numbers, or strings; NaN or "" = missing.
        labels: (rows,) float64, NaN = missing.
    """
    present = labelled_cells(labels)
    present &= column != "" if column.dtype == object else ~np.isnan(column.astype(np.float64))
    labels, column = labels[present], column[present]
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rows = len(labels)
    if rows < FEWEST or rows - counts.max() < RARE:
        return None
    if column.dtype != object and _affine(column.astype(np.float64), labels):
        return "a copy"
    _, others = np.unique(column, return_inverse=True)
    pairs = len(np.unique(codes.astype(np.int64) * rows + others))
    if pairs == len(counts) == others.max() + 1 and rows - pairs >= max(pairs, FEWEST):
        return "a one-to-one copy"
    return None


def _affine(column: np.ndarray, labels: np.ndarray) -> bool:
    centred, wanted = column - column.mean(), labels - labels.mean()
    size = np.dot(centred, centred)
    if size == 0 or len(np.unique(labels)) < RARE:
        return False  # two values always lie on a line; that they stand for each other is asked elsewhere
    off = np.abs(wanted - centred * (np.dot(centred, wanted) / size)).max()
    return bool(off <= RELATIVE * labels.std())
