"""Leaks: rows or groups that are in two splits, and inputs that contain a target."""

import logging
from collections.abc import Iterator, Sequence
from itertools import combinations, product

import numpy as np

from pipeline.data.dataset import Dataset, Leak
from pipeline.data.hashes import row_hashes
from pipeline.data_options import LEAK_POLICIES, SPLITS
from pipeline.errors import ConfigError
from pipeline.labels import labelled_cells

COPY, DUPLICATES, GROUPS = "copy of a target", "identical rows", "group in two splits"
SHOWN = 5  # examples in a message
FEWEST = 10  # with fewer rows, two columns may match by chance
RARE = 3  # rows that must differ from the most frequent label
SAMPLE = 10_000  # rows of a streamed split that are compared with the targets
TOLERANCE = 1e-5  # times the labels' standard deviation: copies differ by float32 rounding only

logger = logging.getLogger(__name__)


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
    hashes = {
        name: row_hashes([split.raw[key] for key in sorted(split.raw)])
        for name, split in dataset.splits.items()
    }
    for first, second in combinations(SPLITS, 2):
        repeated = np.isin(hashes[second], hashes[first])
        if not repeated.any():
            continue
        examples = []
        for index in np.flatnonzero(repeated)[:SHOWN]:
            original = int(np.argmax(hashes[first] == hashes[second][index]))
            rows = dataset.splits[second].rows[index], dataset.splits[first].rows[original]
            examples.append(f"row {rows[0]} ({second}) equals row {rows[1]} ({first})")
        sentence = (
            f"{repeated.sum()} of {len(repeated)} rows in {second} have the same inputs as a row in {first}"
        )
        yield Leak(DUPLICATES, sentence, examples)


def _shared_groups(dataset: Dataset, groups: np.ndarray) -> Iterator[Leak]:
    members = {name: np.unique(groups[split.rows]) for name, split in dataset.splits.items()}
    for first, second in combinations(SPLITS, 2):
        shared = np.intersect1d(members[first], members[second])
        if len(shared):
            sentence = f"groups with rows in both {first} and {second}: {len(shared)}"
            yield Leak(GROUPS, sentence, [str(group) for group in shared[:SHOWN]])


def _copies(dataset: Dataset) -> Iterator[Leak]:
    columns = dict(_input_columns(dataset))
    samples = {split: _sample(dataset, split) for split in SPLITS}
    rows = np.concatenate([dataset.splits[split].rows[samples[split]] for split in SPLITS])
    for name, target in dataset.targets.items():
        parts = (dataset.splits[split] for split in SPLITS)
        # Logarithms of labels would hide a copy, so numbers are compared in their own unit.
        arrays = [(part.numbers if name in part.numbers else part.labels)[name] for part in parts]
        labels = np.concatenate([array[samples[split]] for split, array in zip(SPLITS, arrays, strict=True)])
        values = np.where(labelled_cells(labels), labels, np.nan)
        values = values[:, None] if values.ndim == 1 else values
        for position, column in product(range(values.shape[1]), columns):
            if how := copied(columns[column], values[:, position].astype(np.float64)):
                labelled = np.flatnonzero(labelled_cells(values[:, position]))[:SHOWN]
                shown = labels[labelled] if target.kind == "number" else target.decode(labels[labelled])
                examples = [
                    f"row {rows[place]}: {columns[column][place]}, {label}"
                    for place, label in zip(labelled, shown, strict=True)
                ]
                yield Leak(COPY, f"input column {column} is {how} of target {name}", examples)


def _input_columns(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """The columns of tables, vectors and texts in all splits; not the pixels of images or steps of series."""
    for source in dataset.inputs.values():
        if source.kind in ("image", "series"):
            continue
        for key in source.specs():
            values = np.concatenate(
                [dataset.splits[split].raw[key][_sample(dataset, split)] for split in SPLITS]
            )
            if values.ndim == 1:
                yield key, values
            else:
                yield from ((f"{key}[{column}]", values[:, column]) for column in range(values.shape[1]))


def _sample(dataset: Dataset, split: str) -> np.ndarray | slice:
    """All rows, or some thousands of a streamed split: a copy of a target can be seen in any rows."""
    rows = len(dataset.splits[split].rows)
    return np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(int) if dataset.streamed else slice(None)


def copied(column: np.ndarray, labels: np.ndarray) -> str | None:
    """How an input column copies a target, or None.

    A column of numbers is a copy if it is a linear function of the labels. Any column is a copy if its values
    and the labels match one to one, and values repeat: columns without repeats always match one to one.

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
    if column.dtype != object and _is_linear(column.astype(np.float64), labels):
        return "a copy"
    _, others = np.unique(column, return_inverse=True)
    pairs = len(np.unique(codes.astype(np.int64) * rows + others))
    if pairs == len(counts) == others.max() + 1 and rows - pairs >= max(pairs, FEWEST):
        return "a one-to-one copy"
    return None


def _is_linear(column: np.ndarray, labels: np.ndarray) -> bool:
    x, y = column - column.mean(), labels - labels.mean()
    size = np.dot(x, x)
    if size == 0 or len(np.unique(labels)) < RARE:
        return False  # two values always lie on a line; whether they match one to one is tested elsewhere
    residual = np.abs(y - x * (np.dot(x, y) / size)).max()
    return bool(residual <= TOLERANCE * labels.std())
