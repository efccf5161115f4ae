"""Loads a data set: opens its sources, splits the rows, fits inputs and targets on the training rows."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pipeline.data.columns import Column
from pipeline.data.dataset import Dataset, Split
from pipeline.data.files.memory import fits_in_memory
from pipeline.data.further_columns import further_columns
from pipeline.data.hashes import fingerprint
from pipeline.data.joins import Join
from pipeline.data.kinds import INPUTS, TARGETS, Input, Target, build
from pipeline.data.kinds.far_cells import report_far
from pipeline.data.kinds.image import Image
from pipeline.data.kinds.prepare import preparation
from pipeline.data.kinds.series import long_forms
from pipeline.data.long_form import LongForm, refuse_steps
from pipeline.data.source import SourceEntry
from pipeline.data.sources import Sources
from pipeline.data.split_reader import SplitReader, merged, original_numbers
from pipeline.data.splits import group_names
from pipeline.data.splitter import Splitter, column_keys
from pipeline.data_options import SAMPLE_WEIGHT, SPLITS
from pipeline.labels import labelled_cells

logger = logging.getLogger(__name__)
Part = TypeVar("Part")


def load(
    sources: Mapping[str, SourceEntry],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    split: Mapping[str, Any],
    *,
    folders: Sequence[str | Path] = (".",),
    seed: int = 0,
    join: Join | None = None,
    in_memory: bool | str = "auto",
    only_inputs: Collection[str] | None = None,
    only_targets: Collection[str] | None = None,
) -> Dataset:
    """Reads and prepares the columns that the inputs and targets name.

    The split and its fingerprint depend on the values of all columns of the first source (with `join`, on the
    keys), but not on the order of the rows or on the inputs and targets, so that runs stay comparable.

    Args:
        sources: name -> path, glob, list of them, mapping of arrays, or pandas DataFrame.
        inputs: name -> `{kind: …, column: …}`, or an object that is an `Input`.
        targets: name -> `{kind: …, column: …}`, or an object that is a `Target`; a mapping may name a column
            of sample weights as its `sample_weight`.
        split: `{column: …}`, `{fractions: …}` or `{time: …}`.
        folders: where relative paths are looked for, in this order.
        seed: of a split by fractions that has no seed of its own.
        join: the column whose values match the rows of the sources, see `Sources`; None: matched by position.
        in_memory: True reads all files; False leaves .npy, .parquet and picture files on disk until a batch
            needs their rows; "auto" does so if they take a large part of the memory.
        only_inputs: names of the inputs to prepare; None: all.
        only_targets: names of the targets to prepare; None: all.

    Raises:
        ConfigError: a file, a column, a cell or an option is wrong.

    Example:
        load({"x": {"a": np.arange(9.0), "b": np.arange(9) % 2}}, {"a": {"kind": "vector", "column": "x.a"}},
             {"b": {"kind": "category", "column": "x.b"}}, {"fractions": [0.6, 0.2, 0.2], "stratify": "b"})
    """
    all_inputs, all_targets = _build(inputs, targets)
    weight_columns = _weight_columns(_select(targets, only_targets))
    chosen_inputs, chosen_targets = _select(all_inputs, only_inputs), _select(all_targets, only_targets)
    columns = column_keys(chosen_inputs, chosen_targets)
    forms = _forms(all_inputs, all_targets, split, weight_columns)
    options: dict[str, Any] = {"folders": folders, "join": join, "forms": forms, "in_memory": in_memory}
    splitter = Splitter(all_inputs, all_targets, split, seed)
    joined = splitter.open(sources, columns, weight_columns.values(), **options)
    hashes, codes = splitter.split(joined)
    rows = {name: np.flatnonzero(codes == code) for code, name in enumerate(SPLITS)}
    for name, source in chosen_inputs.items():
        source.fit(name, joined, rows["train"])
    for name, target in chosen_targets.items():
        target.fit(name, joined, rows)
    streamed = not joined.in_memory or (
        in_memory == "auto" and not fits_in_memory(_picture_bytes(joined, chosen_inputs))
    )
    # Images are prepared in the model, batch by batch: as floats they would take four times the memory.
    graphs = {
        name: preparation(source) for name, source in chosen_inputs.items() if not source.prepare_in_model
    }
    reader = SplitReader(joined, chosen_inputs, chosen_targets, weight_columns, graphs, streamed)
    splits = {name: reader.read(rows[name]) for name in SPLITS}
    _report_constant(chosen_targets, splits["train"].labels)
    groups = group_names(split["group"], joined) if split.get("group") is not None else None
    if not streamed:
        _report_far(joined, chosen_inputs, chosen_targets, splits)
        joined.release()
    return Dataset(
        chosen_inputs,
        chosen_targets,
        splits,
        fingerprint(hashes, codes),
        groups,
        streamed=streamed,
    )


@dataclass(frozen=True)
class LabelledRows:
    """Rows on which a finished run is evaluated; all arrays have the order of `rows`.

    `raw` has the inputs of the logged model, `labels` are encoded, and `numbers` are those of number targets
    in original units. `fingerprint` is that of the split, or None if all rows were requested. `columns` are
    those of the sources that were asked for.
    """

    rows: np.ndarray
    raw: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    numbers: dict[str, np.ndarray]
    fingerprint: str | None
    columns: dict[str, Column] = field(default_factory=dict)


def load_labelled(
    sources: Mapping[str, SourceEntry],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    *,
    which: str | np.ndarray,
    restored: Collection[str],
    folders: Sequence[str | Path] = (".",),
    seed: int = 0,
    join: Join | None = None,
    in_memory: bool | str = "auto",
    by: Collection[str] = (),
    optional: Collection[str] = (),
) -> LabelledRows:
    """Reads the rows of one split, or all rows, for restored inputs and targets; nothing is fitted.

    Args:
        which: "train", "val", "test" or "all"; or the numbers of rows of the run's own data.
        restored: names of the inputs and targets to read; the others are only used to split the rows.
        sources, inputs, targets, split, folders, seed, join, in_memory: as for `load`.
        by, optional: further columns to read, see `further_columns`.

    Raises:
        ConfigError: a file, a column, a cell or an option is wrong, or no training row had a label's class.
    """
    all_inputs, all_targets = _build(inputs, targets)
    chosen_inputs, chosen_targets = _select(all_inputs, restored), _select(all_targets, restored)
    columns, split_fingerprint = column_keys(chosen_inputs, chosen_targets), None
    forms = _forms(all_inputs, all_targets, split or {}, {})
    options: dict[str, Any] = {"folders": folders, "join": join, "forms": forms, "in_memory": in_memory}
    options["brief"] = True  # the training has said more
    if isinstance(which, str) and which == "all":
        joined = Sources(sources, references=columns, **options)
        joined.read(columns)
        rows = np.arange(joined.rows)
    else:
        splitter = Splitter(all_inputs, all_targets, split or {}, seed)
        joined = splitter.open(sources, columns, **options)
        hashes, codes = splitter.split(joined)
        split_fingerprint = fingerprint(hashes, codes)
        # The caller refuses data with fewer rows, by the fingerprint.
        rows = (
            np.flatnonzero(codes == SPLITS.index(which))
            if isinstance(which, str)
            else which[which < joined.rows]
        )
    known = list(chosen_targets)
    further = further_columns(by, sources, joined.rows, key="by", known=known, optional=optional, **options)
    found = LabelledRows(
        rows,
        raw=merged(source.raw(joined, rows) for source in chosen_inputs.values()),
        labels={name: target.encode(joined, rows) for name, target in chosen_targets.items()},
        numbers=original_numbers(chosen_targets, joined, rows),
        fingerprint=split_fingerprint,
        columns={name: column.take(rows) for name, column in further.items()},
    )
    joined.report()
    return found


def _build(
    inputs: Mapping[str, Any], targets: Mapping[str, Any]
) -> tuple[dict[str, Input], dict[str, Target]]:
    return (
        {name: build(entry, INPUTS, f"data.inputs.{name}") for name, entry in inputs.items()},
        {
            name: build(_without_weight(entry), TARGETS, f"data.targets.{name}")
            for name, entry in targets.items()
        },
    )


def _without_weight(target: Any) -> Any:
    """A target's entry without its sample weights, which are no option of its kind."""
    if not isinstance(target, Mapping):
        return target
    return {option: value for option, value in target.items() if option != SAMPLE_WEIGHT}


def _weight_columns(targets: Mapping[str, Any]) -> dict[str, str]:
    """Target name -> column of its sample weights."""
    return {
        name: entry[SAMPLE_WEIGHT]
        for name, entry in targets.items()
        if isinstance(entry, Mapping) and SAMPLE_WEIGHT in entry
    }


def _forms(
    inputs: Mapping[str, Input],
    targets: Mapping[str, Target],
    split: Mapping[str, Any],
    weight_columns: Mapping[str, str],
) -> dict[str, LongForm]:
    """Source whose rows are steps -> which of its columns are; only series may use these."""
    forms = long_forms(inputs)
    others = {name: part for name, part in inputs.items() if part.kind != "series"}
    refuse_steps(forms, column_keys(others, targets))
    refuse_steps(
        forms, {column: f"data.targets.{name}.{SAMPLE_WEIGHT}" for name, column in weight_columns.items()}
    )
    refuse_steps(
        forms, {value: f"data.split.{word}" for word, value in split.items() if isinstance(value, str)}
    )
    return forms


def _select(parts: Mapping[str, Part], only: Collection[str] | None) -> dict[str, Part]:
    return {name: part for name, part in parts.items() if only is None or name in only}


def _report_constant(targets: Mapping[str, Any], labels: Mapping[str, np.ndarray]) -> None:
    """Says which targets have the same label in all training rows, so that there is nothing to learn."""
    for name, target in targets.items():
        columns = labels[name].reshape(len(labels[name]), -1).T
        present = [column[labelled_cells(column)] for column in columns]
        constant = [place for place, column in enumerate(present) if len(column) and np.ptp(column) == 0]
        if len(constant) == len(columns):
            logger.warning("%s: all training labels are the same, so there is nothing to learn", name)
        elif constant and target.kind in ("number", "labels"):
            listed = ", ".join(target.names[place] for place in constant)
            logger.warning("%s: all training labels of these columns are the same: %s", name, listed)


def _report_far(
    joined: Sources,
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    splits: Mapping[str, Split],
) -> None:
    """Says which cells of inputs and targets are far from all others of their column."""
    rows = {split: part.rows for split, part in splits.items()}
    for name, source in inputs.items():
        if hasattr(source, "measured"):
            parts = {split: source.measured(part.raw) for split, part in splits.items()}
            report_far(parts, rows, joined, f"data.inputs.{name}")
    for name, target in targets.items():
        if hasattr(target, "measured"):
            parts = {split: target.measured(part.numbers[name]) for split, part in splits.items()}
            report_far(parts, rows, joined, f"data.targets.{name}")


def _picture_bytes(joined: Sources, inputs: Mapping[str, Input]) -> int:
    """Memory that all picture files take when they are decoded."""
    pictures = [source for source in inputs.values() if isinstance(source, Image) and source.files]
    return sum(joined.rows * int(np.prod(source.shape)) for source in pictures)
