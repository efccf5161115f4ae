"""A data set, loaded: sources lined up, rows split, inputs and targets fitted on the training rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.columns import numbers
from pipeline.data.files.lazy import LazyRows
from pipeline.data.files.memory import fits
from pipeline.data.kinds import INPUTS, TARGETS, Input, Target, build
from pipeline.data.kinds.prepare import preparation, prepared
from pipeline.data.sources import Located, Sources
from pipeline.data.splits import SPLITS, Stratum, assign, fingerprint, group_words, row_hashes

SAMPLE_WEIGHT = "sample_weight"  # an option of every kind of target: a column of the rows' weights


@dataclass(frozen=True)
class Split:
    """The rows of one split; all arrays share the order of `rows`.

    `rows` are row numbers of the joined sources. `raw` is what the logged model takes (a table's columns are
    `<input>.<column>`), `prepared` what the trained model takes, by input; `labels` are encoded, by target;
    `weights` (rows,) float32, of the targets that have sample weights.
    Where data streams, those of `raw` and `prepared` are `LazyRows`: indexed like arrays, read when indexed.
    """

    rows: np.ndarray
    raw: dict[str, Any]
    prepared: dict[str, Any]
    labels: dict[str, np.ndarray]
    weights: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Fitted inputs and targets by name, the splits "train", "val" and "test", and the split's fingerprint.

    `groups` is the group of each row of the joined sources, where `data.split.group` names one; `leaks` are
    those that were looked for and found, see `pipeline.data.leakage`; `streamed` says that inputs are read
    while the model trains.
    """

    inputs: dict[str, Input]
    targets: dict[str, Target]
    splits: dict[str, Split]
    fingerprint: str
    groups: np.ndarray | None = None
    leaks: Sequence[Any] = ()
    streamed: bool = False


def load(
    sources: Mapping[str, Located],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    split: Mapping[str, Any],
    *,
    folders: Sequence[str | Path] = (".",),
    seed: int = 0,
    join: str | None = None,
    in_memory: bool | str = "auto",
    only_inputs: Collection[str] | None = None,
    only_targets: Collection[str] | None = None,
) -> Dataset:
    """Reads what the inputs and targets ask for, and prepares it.

    The split, its fingerprint included, follows from the values of all inputs and targets (with `join`, from
    the keys): not from the rows' order, nor from what of it a model uses. So runs stay comparable.

    Args:
        sources: name -> path, glob, list of them, mapping of arrays, or pandas DataFrame.
        inputs: name -> `{kind: …, column: …}`, or an object that is an `Input`.
        targets: name -> `{kind: …, column: …}`, or an object that is a `Target`; a mapping may name a column
            of row weights as its `sample_weight`.
        split: `{column: …}`, `{fractions: …}` or `{time: …}`.
        folders: where relative paths are looked for, in turn.
        seed: of the split by fractions, where `split` has none.
        join: the column by whose values the rows of the sources belong together; None: by order.
        in_memory: True reads everything; False leaves on the disk what .npy, .parquet and picture files hold
            until a batch needs it; "auto" does so where they take a good part of the memory.
        only_inputs: names of the inputs that are prepared; None: all.
        only_targets: names of the targets that are prepared; None: all.

    Raises:
        ConfigError: whatever people can put right: a file, a column, a cell, an option.

    Example:
        load({"x": {"a": np.arange(9.0), "b": np.arange(9) % 2}}, {"a": {"kind": "vector", "column": "x.a"}},
             {"b": {"kind": "category", "column": "x.b"}}, {"fractions": [0.6, 0.2, 0.2], "stratify": "b"})
    """
    built, goals = _built(inputs, targets)
    weighing = _weighing(targets, only_targets)
    table, columns = _lined_up(sources, built, goals, split, folders, join, in_memory, weighing.values())
    contents, codes = _assigned(table, columns, goals, split, seed)
    rows = {name: np.flatnonzero(codes == code) for code, name in enumerate(SPLITS)}
    built, goals = _chosen(built, only_inputs), _chosen(goals, only_targets)
    for name, one in built.items():
        one.fit(name, table, rows["train"])
    for name, one in goals.items():
        one.fit(name, table, rows)
    groups = group_words(split["group"], table) if split.get("group") is not None else None
    # Images are prepared in the model, a batch at a time: as floats they would take four times the memory.
    graphs = {name: preparation(one) for name, one in built.items() if not one.prepare_in_model}
    streamed = not table.in_memory or (in_memory == "auto" and not fits(_pixels(table, built)))
    splits = {
        name: replace(
            _split(table, built, goals, graphs, rows[name], streamed),
            weights=_weights(table, weighing, rows[name]),
        )
        for name in SPLITS
    }
    return Dataset(built, goals, splits, fingerprint(contents, codes), groups, streamed=streamed)


@dataclass(frozen=True)
class Labelled:
    """Rows to evaluate a finished run on; the arrays share the order of `rows`.

    `raw` is what the logged model takes, `labels` are encoded; `fingerprint` is that of the split, None where
    all rows were asked for.
    """

    rows: np.ndarray
    raw: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]
    fingerprint: str | None


def load_labelled(
    sources: Mapping[str, Located],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    split: Mapping[str, Any] | None = None,
    *,
    which: str,
    restored: Collection[str],
    folders: Sequence[str | Path] = (".",),
    seed: int = 0,
    join: str | None = None,
    in_memory: bool | str = "auto",
) -> Labelled:
    """Reads the rows of one split, or all, for inputs and targets that were restored: nothing is fitted.

    Args:
        which: "train", "val", "test" or "all".
        restored: names of the inputs and targets that are read; the others only take part in the split.
        sources, inputs, targets, split, folders, seed, join, in_memory: as for `load`.

    Raises:
        ConfigError: whatever people can put right; a label that no training row had.
    """
    built, goals = _built(inputs, targets)
    if which == "all":
        built, goals, split = _chosen(built, restored), _chosen(goals, restored), {}
    table, columns = _lined_up(sources, built, goals, split or {}, folders, join, in_memory)
    rows, print_ = np.arange(table.rows), None
    if which != "all":
        contents, codes = _assigned(table, columns, goals, split or {}, seed)
        rows, print_ = np.flatnonzero(codes == SPLITS.index(which)), fingerprint(contents, codes)
    arrays = [one.raw(table, rows) for one in _chosen(built, restored).values()]
    labels = {name: one.encode(table, rows) for name, one in _chosen(goals, restored).items()}
    return Labelled(rows, {key: values for one in arrays for key, values in one.items()}, labels, print_)


def _built(inputs: Mapping[str, Any], targets: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {name: build(one, INPUTS, f"data.inputs.{name}") for name, one in inputs.items()},
        {name: build(_unweighted(one), TARGETS, f"data.targets.{name}") for name, one in targets.items()},
    )


def _unweighted(target: Any) -> Any:
    """A target without its sample weights, which say nothing of what its labels are."""
    if not isinstance(target, Mapping):
        return target
    return {option: value for option, value in target.items() if option != SAMPLE_WEIGHT}


def _weighing(targets: Mapping[str, Any], only: Collection[str] | None) -> dict[str, str]:
    """Target name -> column of its sample weights."""
    chosen = _chosen(targets, only).items()
    return {
        name: one[SAMPLE_WEIGHT] for name, one in chosen if isinstance(one, Mapping) and SAMPLE_WEIGHT in one
    }


def _weights(table: Sources, weighing: Mapping[str, str], rows: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    for name, reference in weighing.items():
        column = table.column(reference, f"data.targets.{name}.{SAMPLE_WEIGHT}").take(rows)
        values = numbers(column)
        wrong = np.isnan(values) | (values < 0)
        if values.ndim != 1 or wrong.any():
            row = int(np.argmax(wrong))
            raise column.error(row, "not a weight of a row", "one number of at least 0", values[row])
        found[name] = values.astype(np.float32)
    return found


def _lined_up(
    sources: Mapping[str, Located],
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    split: Mapping[str, Any],
    folders: Sequence[str | Path],
    join: str | None,
    in_memory: bool | str,
    more: Collection[str] = (),
) -> tuple[Sources, list[Any]]:
    """The sources, and all columns that inputs and targets name; `more` are read besides."""
    references = _references("inputs", inputs) | _references("targets", targets)
    named = [*more, *(value for value in split.values() if isinstance(value, str))]
    table = Sources(
        sources, folders=folders, references=[*references, *named], join=join, in_memory=in_memory
    )
    return table, [table.values(reference, key) for reference, key in sorted(references.items())]


def _assigned(
    table: Sources, columns: list[Any], targets: Mapping[str, Any], split: Mapping[str, Any], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The hash of each row's contents and the code of its split."""
    contents = row_hashes([table.keys] if table.keys is not None else columns)
    strata = {name: Stratum(list(one.references()), one.kind == "number") for name, one in targets.items()}
    return contents, assign(split, table, contents=contents, targets=strata, seed=seed)


def _references(group: str, parts: Mapping[str, Any]) -> dict[str, str]:
    """Every column that inputs or targets name, and the config key that names it."""
    return {
        reference: f"data.{group}.{name}.{option}"
        for name, one in parts.items()
        for reference, option in one.references().items()
    }


def _chosen(parts: Mapping[str, Any], only: Collection[str] | None) -> dict[str, Any]:
    return {name: one for name, one in parts.items() if only is None or name in only}


def _split(
    table: Sources,
    inputs: dict[str, Input],
    targets: dict[str, Target],
    graphs: Mapping[str, Any],
    rows: np.ndarray,
    streamed: bool,
) -> Split:
    labels = {name: one.encode(table, rows) for name, one in targets.items()}
    if streamed:
        fetched = [_fetched(table, name, one, graphs.get(name), rows) for name, one in inputs.items()]
        raw = {key: values for one, _ in fetched for key, values in one.items()}
        return Split(rows, raw, {key: values for _, one in fetched for key, values in one.items()}, labels)
    arrays = {name: one.raw(table, rows) for name, one in inputs.items()}
    return Split(
        rows=rows,
        raw={key: values for one in arrays.values() for key, values in one.items()},
        prepared={
            name: prepared(graphs[name], one) if name in graphs else one[name] for name, one in arrays.items()
        },
        labels=labels,
    )


def _fetched(
    table: Sources, name: str, one: Input, graph: Any, rows: np.ndarray
) -> tuple[dict[str, LazyRows], dict[str, LazyRows]]:
    """One input's raw and prepared values, neither of them read."""

    def raw(key: str) -> Callable[[np.ndarray], np.ndarray]:
        return lambda rows: one.raw(table, rows)[key]

    pieces = table.pieces(list(one.references()), f"data.inputs.{name}")
    pieces = None if pieces is None else pieces[rows]
    ready = raw(name) if graph is None else lambda rows: prepared(graph, one.raw(table, rows))
    return (
        {key: LazyRows(raw(key), rows, pieces) for key in one.specs()},
        {name: LazyRows(ready, rows, pieces)},
    )


def _pixels(table: Sources, inputs: Mapping[str, Any]) -> int:
    """Bytes of all pictures that are files, once they are read."""
    pictures = [one for one in inputs.values() if one.kind == "image" and one.files]
    return sum(table.rows * int(np.prod(one.shape)) for one in pictures)
