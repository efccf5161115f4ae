"""What columns mean: the kinds of inputs and targets, and how a config mapping becomes one of them.

image: images, as arrays or as picture files.
pictures: picture files.
series: time series of any length.
series_cells: the forms in which series are kept.
gaps: missing cells inside series.
vector: a fixed number of columns of numbers.
table: columns of numbers and of categories.
text: texts as tokens.
dates: dates, times of day and durations as numbers.
category: a class per row, or a distribution over classes.
targets: binary labels, and several labels at once.
number: numbers as labels.
label_scales: logarithms and quantiles of labels.
scaling: numbers on a common scale, fitted on the training rows.
piecewise: rising piecewise linear functions.
prepare: preparation as a graph of Keras layers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from importlib import import_module
from typing import Any, Protocol, TypeVar

import numpy as np
from keras import KerasTensor

from pipeline.data.columns import ColumnReader
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.targets import SplitRows
from pipeline.data.sources import Sources
from pipeline.data_options import COLUMN_OPTIONS, INPUT_KINDS, TARGET_KINDS
from pipeline.errors import ConfigError

COLUMN_FORM = "<source>.<column>"


class Input(Protocol):
    """The methods of a kind of input. Your own class with these can be a `_target_` in `data.inputs`.

    `references` maps each column to the option that names it. `fit` learns from the rows `train` only.
    `restore` replaces `fit` for a logged model: it learns what `raw` needs from the model's raw inputs.
    `raw` returns the raw arrays of some rows, with the names and dtypes of `specs` (whose shapes omit the
    rows). `prepare` builds Keras layers on symbolic raw tensors and returns one tensor. Two more methods are
    optional: `facts()` returns what else `raw` needs of the fitted input, for JSON, and `recall(facts)` puts
    it back after `restore`.
    """

    kind: str
    prepare_in_model: bool

    @property
    def vocabularies(self) -> tuple[int, ...]: ...

    def references(self) -> dict[str, str]: ...

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None: ...

    def restore(self, name: str, specs: Specs) -> None: ...

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]: ...

    def specs(self) -> Specs: ...

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor: ...


class Target(Protocol):
    """The methods of a kind of target. Your own class with these can be a `_target_` in `data.targets`.

    `fit` gets the row numbers of every split, learns from those of "train" and checks the others.
    `restore` replaces `fit` for a finished run: its facts are those that the run logged in
    config/heads.json. `encode` returns the labels of some rows. `present` converts a head's output to
    probabilities or original units, and `decode` does so for encoded labels. A target of kind "number" also
    has the arrays `mean` and `scale`, (columns,): original value = encoded * scale + mean. Two more
    methods are optional: `original(sources, rows)` returns labels in original units without rounding, and
    `facts()` more facts for `restore`.
    """

    kind: str
    names: list[str]

    @property
    def units(self) -> int: ...

    def references(self) -> dict[str, str]: ...

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None: ...

    def restore(self, name: str, facts: Mapping[str, Any]) -> None: ...

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray: ...

    def present(self, tensor: KerasTensor) -> KerasTensor: ...

    def decode(self, labels: np.ndarray) -> np.ndarray: ...


Part = TypeVar("Part", Input, Target)


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


INPUTS: dict[str, type[Input]] = {kind: _class(path) for kind, path in INPUT_KINDS.items()}
TARGETS: dict[str, type[Target]] = {kind: _class(path) for kind, path in TARGET_KINDS.items()}


def build(entry: Mapping[str, Any] | Part, kinds: Mapping[str, type[Part]], key: str) -> Part:
    """Builds the input or target that a config mapping describes; returns other objects unchanged.

    Raises:
        ConfigError: an unknown kind or option, or a missing option.
    """
    part = _from_mapping(entry, kinds, key) if isinstance(entry, Mapping) else entry
    if not part.references():
        raise ConfigError(key, "no column is named", found=entry, allowed=f"{COLUMN_FORM}, one or more")
    return part


def input_facts(inputs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return input -> what is needed to read it from other rows, of the inputs that have such facts."""
    facts = {name: source.facts() for name, source in inputs.items() if hasattr(source, "facts")}
    return {name: values for name, values in facts.items() if values}


def time_forms(facts: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return raw model input -> fields of its `TimeForm`, of the facts of inputs."""
    return {name: form for name, form in facts.items() if isinstance(form, Mapping)}


def _from_mapping(entry: Mapping[str, Any], kinds: Mapping[str, type[Part]], key: str) -> Part:
    kind = str(entry.get("kind"))
    if kind not in kinds:
        raise ConfigError(f"{key}.kind", "there is no such kind", found=kind, allowed=kinds)
    part: Any = kinds[kind]
    options = {name: value for name, value in entry.items() if name != "kind"}
    known = {option.name: option for option in fields(part) if option.init}
    for name in options:
        if name not in known:
            raise ConfigError(f"{key}.{name}", f"kind {kind} has no such option", found=name, allowed=known)
    for name, option in known.items():
        if name not in options and option.default is MISSING and option.default_factory is MISSING:
            raise ConfigError(f"{key}.{name}", f"kind {kind} needs this option", allowed=COLUMN_FORM)
    for name in options.keys() & COLUMN_OPTIONS:
        _check_columns(options[name], f"{key}.{name}")
    built: Part = part(**options)
    return built


def _check_columns(value: object, key: str) -> None:
    columns = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not all(isinstance(column, str) for column in columns):
        raise ConfigError(key, "not a column", found=value, allowed=f"{COLUMN_FORM}, or a list of them")
