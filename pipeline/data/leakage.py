"""Leaks: rows or groups that are in two splits, and inputs that contain a target."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd

from pipeline.data.dataset import Dataset, Leak
from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.stored import row_bytes
from pipeline.data.hashes import cell_hashes, name_factor
from pipeline.data.kinds import Target
from pipeline.data_options import LEAK_POLICIES, SPLITS
from pipeline.errors import ConfigError
from pipeline.labels import labelled_cells

COPY, DUPLICATES, GROUPS = "copy of a target", "identical rows", "group in two splits"
SHOWN = 5  # examples in a message
FEWEST = 10  # with fewer rows, two columns may match by chance
RARE = 3  # rows that must differ from the most frequent label
SAMPLE = 10_000  # rows of a streamed split that are compared with the targets
FIRST = 1000  # rows of a larger split in memory that are compared before all rows are
TOLERANCE = 1e-5  # times the labels' standard deviation: copies differ by float32 rounding only

logger = logging.getLogger(__name__)
Rows = Mapping[str, np.ndarray]  # split -> positions of rows


def leaks(dataset: Dataset, groups: np.ndarray | None = None) -> list[Leak]:
    """Finds reasons why results may look too good.

    Args:
        dataset: a loaded data set.
        groups: (rows of the joined sources,) the group of each row; None: those of `data.split.group`.

    Returns:
        Copies of targets first.
    """
    groups = dataset.groups if groups is None else groups
    shared = [] if groups is None else _shared_groups(dataset, groups)
    return [*_copies(dataset), *_duplicates(dataset), *shared]


def report_leaks(leaks: Sequence[Leak], policy: str) -> None:
    """Applies `data.leaks`: "fail" raises for every leak, "warn" only for copies of a target and logs others.

    Args:
        leaks: the result of `leaks`.
        policy: "fail", "warn" or "ignore".

    Raises:
        ConfigError: a leak that the policy does not allow.
    """
    if policy not in LEAK_POLICIES:
        raise ConfigError("data.leaks", "there is no such policy", found=policy, allowed=LEAK_POLICIES)
    if policy == "ignore":
        return
    for leak in leaks:
        if policy == "fail" or leak.severity == COPY:
            raise ConfigError(
                "data.leaks",
                leak.sentence,
                found="; ".join(leak.examples),
                allowed="another input or split; data.leaks=ignore trains nevertheless",
            )
        logger.warning("%s: %s", leak.sentence, "; ".join(leak.examples))


def _duplicates(dataset: Dataset) -> Iterator[Leak]:
    shared = shared_rows({name: split.raw for name, split in dataset.splits.items()})
    for first, second in combinations(SPLITS, 2):
        hashes, places = shared[second]
        repeated = np.zeros(len(dataset.splits[second].rows), dtype=bool)
        repeated[places[pd.Index(hashes).isin(shared[first][0])]] = True
        if not repeated.any():
            continue
        examples = []
        for index in np.flatnonzero(repeated)[:SHOWN]:
            (same,) = hashes[places == index]
            original = int(shared[first][1][np.argmax(shared[first][0] == same)])
            rows = dataset.splits[second].rows[index], dataset.splits[first].rows[original]
            examples.append(f"row {rows[0]} ({second}) equals row {rows[1]} ({first})")
        sentence = (
            f"{repeated.sum()} of {len(repeated)} rows in {second} have the same inputs as a row in {first}"
        )
        yield Leak(DUPLICATES, sentence, examples)


def shared_rows(splits: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The rows of each split that occur in another one too: their hashes, and their positions.

    Column after column is hashed, for the rows that may still be in several splits: in most tables the first
    column of numbers leaves none.

    Args:
        splits: split -> column -> (rows, ...); all have the same columns.
    """
    lengths = {split: len(next(iter(columns.values()))) for split, columns in splits.items()}
    rows = {split: np.arange(length) for split, length in lengths.items()}
    totals: dict[str, Any] = {split: np.zeros(length, dtype=np.uint64) for split, length in lengths.items()}
    some = next(iter(splits.values()))
    for key in sorted(some, key=lambda key: (row_bytes(some[key]) > 8, some[key].dtype.kind != "f")):
        for split, columns in splits.items():
            if not len(rows[split]):
                continue
            whole = len(rows[split]) == lengths[split]
            cells = columns[key] if whole else LazyRows(columns[key].__getitem__, rows[split])
            totals[split] = totals[split] + cell_hashes(cells) * name_factor(key)
        distinct = pd.Series(np.concatenate([pd.unique(total) for total in totals.values()]))
        several = distinct[distinct.duplicated()].to_numpy()
        for split, total in totals.items():
            kept = pd.Index(total).isin(several)  # np.isin of NumPy 2.0.0 overflows
            rows[split], totals[split] = rows[split][kept], total[kept]
    return {split: (totals[split], rows[split]) for split in splits}


def _shared_groups(dataset: Dataset, groups: np.ndarray) -> Iterator[Leak]:
    members = {name: np.unique(groups[split.rows]) for name, split in dataset.splits.items()}
    for first, second in combinations(SPLITS, 2):
        shared = np.intersect1d(members[first], members[second])
        if len(shared):
            sentence = f"groups with rows in both {first} and {second}: {len(shared)}"
            yield Leak(GROUPS, sentence, [str(group) for group in shared[:SHOWN]])


def _copies(dataset: Dataset) -> Iterator[Leak]:
    sizes = {split: len(part.rows) for split, part in dataset.splits.items()}
    few = dataset.streamed or max(sizes.values()) <= SAMPLE
    most = SAMPLE if few else FIRST
    samples = {split: np.linspace(0, rows - 1, min(rows, most)).astype(int) for split, rows in sizes.items()}
    # A copy is seen in any rows, so all rows are only looked at where it is seen in some of them.
    whole = {split: np.arange(rows) for split, rows in sizes.items()}
    columns = dict(_input_columns(dataset, samples))
    for name, target in dataset.targets.items():
        labels = _labels(dataset, name, samples)
        repeated = few or _repeats(_labels(dataset, name, whole))
        for position, column in product(range(labels.shape[1]), columns):
            if few:
                how, rows, cells = copied(columns[column], labels[:, position]), samples, columns[column]
            elif may_be_copied(columns[column], labels[:, position], repeated=repeated):
                rows, cells = whole, dict(_input_columns(dataset, whole, only=column))[column]
                how = copied(cells, _labels(dataset, name, whole)[:, position])
            else:
                continue
            if how:
                yield Leak(
                    COPY,
                    f"input column {column} is {how} of target {name}",
                    _copy_examples(dataset, name, target, position, cells, rows),
                )


def _copy_examples(
    dataset: Dataset, name: str, target: Target, position: int, cells: np.ndarray, rows: Rows
) -> list[str]:
    encoded = _encoded(dataset, name, rows)
    values = encoded if encoded.ndim == 1 else encoded[:, position]
    labelled = np.flatnonzero(labelled_cells(values))[:SHOWN]
    numbers = np.concatenate([dataset.splits[split].rows[rows[split]] for split in SPLITS])
    shown = encoded[labelled] if target.kind == "number" else target.decode(encoded[labelled])
    return [
        f"row {numbers[place]}: {cells[place]}, {label}" for place, label in zip(labelled, shown, strict=True)
    ]


def _encoded(dataset: Dataset, name: str, rows: Rows) -> np.ndarray:
    """The labels of some rows of all splits; numbers in their own unit, as logarithms would hide a copy."""
    parts = ((dataset.splits[split], rows[split]) for split in SPLITS)
    return np.concatenate([part.numbers.get(name, part.labels[name])[chosen] for part, chosen in parts])


def _labels(dataset: Dataset, name: str, rows: Rows) -> np.ndarray:
    """The labels of some rows of all splits as (rows, columns) float64, NaN where missing."""
    labels = _encoded(dataset, name, rows)
    values = np.where(labelled_cells(labels), labels, np.nan).astype(np.float64)
    return values[:, None] if values.ndim == 1 else values


def _repeats(labels: np.ndarray) -> bool:
    """Whether the labels of some column occur twice on average."""
    return any(2 * len(pd.unique(column)) <= len(column) for column in labels.T)


def _input_columns(dataset: Dataset, rows: Rows, only: str | None = None) -> Iterator[tuple[str, np.ndarray]]:
    """The columns of tables, vectors and texts in all splits; not the pixels of images or steps of series."""
    for source in dataset.inputs.values():
        if source.kind in ("image", "series"):
            continue
        for key in source.specs():
            if only is not None and key not in (only, only.rpartition("[")[0]):
                continue
            values = np.concatenate([dataset.splits[split].raw[key][rows[split]] for split in SPLITS])
            if values.ndim == 1:
                yield key, values
            else:
                yield from ((f"{key}[{column}]", values[:, column]) for column in range(values.shape[1]))


def may_be_copied(column: np.ndarray, labels: np.ndarray, *, repeated: bool) -> bool:
    """Whether the column of which these are some rows can be a copy of the labels; see `copied`.

    Args:
        repeated: whether values repeat among the labels of all rows.
    """
    labels, column = _present(labels, column)
    if len(labels) < FEWEST or len(labels) - pd.Series(labels).value_counts().iloc[0] < RARE:
        return True
    if column.dtype != object and _is_linear(column.astype(np.float64), labels):
        return True
    codes, others = pd.factorize(labels)[0], pd.factorize(column)[0]
    pairs = len(pd.unique(codes * len(labels) + others))
    return bool(repeated and pairs == codes.max() + 1 == others.max() + 1)


def copied(column: np.ndarray, labels: np.ndarray) -> str | None:
    """How an input column copies a target, or None.

    A column of numbers is a copy if it is a linear function of the labels. Any column is a copy if its values
    and the labels match one to one, and values repeat: columns without repeats always match one to one.

    Args:
        column: (rows,) numbers, or strings; NaN or "" = missing.
        labels: (rows,) float64, NaN = missing.
    """
    labels, column = _present(labels, column)
    _, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rows = len(labels)
    if rows < FEWEST or rows - counts.max() < RARE:
        return None
    if column.dtype != object and _is_linear(column.astype(np.float64), labels):
        return "a copy"
    _, others = np.unique(column, return_inverse=True)
    pairs = len(np.unique(codes.astype(np.int64) * rows + others))
    if pairs == len(counts) == others.max() + 1 and rows - pairs >= max(pairs, FEWEST):
        return "a one-to-one copy"
    return None


def _present(labels: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The labels and cells of the rows that have both."""
    present = labelled_cells(labels)
    present &= column != "" if column.dtype == object else ~np.isnan(column.astype(np.float64))
    return labels[present], column[present]


def _is_linear(column: np.ndarray, labels: np.ndarray) -> bool:
    x, y = column - column.mean(), labels - labels.mean()
    size = np.dot(x, x)
    if size == 0 or len(np.unique(labels)) < RARE:
        return False  # two values always lie on a line; whether they match one to one is tested elsewhere
    residual = np.abs(y - x * (np.dot(x, y) / size)).max()
    return bool(residual <= TOLERANCE * labels.std())
