"""A loaded data set: fitted inputs and targets, and the rows of each split."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from pipeline.data.feed import Rows, Stream, weight_key
from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.stored import blocks, row_bytes
from pipeline.data.kinds import Input, Target
from pipeline.labels import labelled_cells

InputRows = np.ndarray | LazyRows


@dataclass(frozen=True)
class Leak:
    """A reason why results may look too good.

    `severity` is "copy of a target", "identical rows" or "group in two splits".
    """

    severity: str
    sentence: str
    examples: list[str]


@dataclass(frozen=True)
class Split:
    """The rows of one split; all arrays have the order of `rows`.

    `rows` are row numbers of the joined sources. `raw` has the inputs of the logged model (a table's columns
    are `<input>.<column>`), `prepared` those of the trained model, by input. `labels` are encoded, by target;
    `numbers` has the labels of number targets as they are in the sources, float64 (rows, columns).
    `weights` (rows,) float32 are the sample weights of the targets that have them. If the data set is
    streamed, the values of `raw` and `prepared` are `LazyRows`, which are read when they are indexed.
    """

    rows: np.ndarray
    raw: dict[str, InputRows]
    prepared: dict[str, InputRows]
    labels: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray] = field(default_factory=dict)
    weights: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Fitted inputs and targets by name, the splits "train", "val" and "test", and the split's fingerprint.

    `groups` has the group of each row of the joined sources if `data.split.group` names a column. `leaks`
    are the results of `pipeline.data.leaks`. `streamed` tells whether inputs are read during training.
    """

    inputs: dict[str, Input]
    targets: dict[str, Target]
    splits: dict[str, Split]
    fingerprint: str
    groups: np.ndarray | None = None
    leaks: Sequence[Leak] = ()
    streamed: bool = False

    def missing_inputs(self, split: str) -> list[str]:
        """Names of the images, series and texts that are missing in some row of a split."""
        prepared = self.splits[split].prepared
        return [
            name
            for name, source in self.inputs.items()
            if source.kind in ("image", "series", "text") and _has_missing(prepared[name], source.kind)
        ]

    def is_complete(self, target: str) -> bool:
        """Whether all labels of a target are present, in all splits."""
        return all(labelled_cells(split.labels[target]).all() for split in self.splits.values())

    def is_labelled(self, target: str, split: str) -> bool:
        """Whether some label of a target is present in a split."""
        return bool(labelled_cells(self.splits[split].labels[target]).any())

    def labelled_shares(self) -> dict[str, float]:
        """The share of each target's training labels that are not missing."""
        return {
            name: float(labelled_cells(labels).mean()) for name, labels in self.splits["train"].labels.items()
        }

    def size(self) -> int:
        """Bytes of the prepared inputs of all splits."""
        return sum(len(x) * row_bytes(x) for split in self.splits.values() for x in split.prepared.values())

    def feed(self, split: str, *, whole: bool = True) -> Rows | Stream:
        """The rows of a split for training and evaluation; sample weights are among the labels.

        Args:
            whole: False if the rows shall come in windows though they are in memory, because the device
                cannot hold them all.
        """
        part = self.splits[split]
        labels = part.labels | {weight_key(name): values for name, values in part.weights.items()}
        if self.streamed:
            return Stream(cast(dict[str, LazyRows], part.prepared), labels, part.rows)
        if not whole:
            numbers = np.arange(len(part.rows))
            lazy = {name: LazyRows(values.__getitem__, numbers) for name, values in part.prepared.items()}
            return Stream(lazy, labels, numbers)
        rows = Rows.of(part.prepared, labels)
        for name, tensor in rows.inputs.items():
            if "CPU" in tensor.device:
                # The tensor is a copy; the array becomes a view of it, so that its own memory is freed.
                view = np.asarray(memoryview(tensor))
                if part.raw.get(name) is part.prepared[name]:
                    part.raw[name] = view
                part.prepared[name] = view
        return rows


def _has_missing(prepared: InputRows, kind: str) -> bool:
    """Whether some row is all NaN or, as a text, all padding."""
    if kind != "text" and prepared.dtype.kind != "f":
        return False
    for block in blocks(prepared):
        missing = block == 0 if kind == "text" else np.isnan(block)
        if missing.reshape(len(block), -1).all(axis=1).any():
            return True
    return False
