"""The closed list of kinds, and how a config mapping becomes one."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, Protocol

import numpy as np

from pipeline.data.kinds.category import Category
from pipeline.data.kinds.image import Image
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.series import Series
from pipeline.data.kinds.table import Table
from pipeline.data.kinds.targets import Binary, Labels, Number, Rows
from pipeline.data.kinds.text import Text
from pipeline.data.kinds.vector import Vector
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

INPUTS: dict[str, type] = {one.kind: one for one in (Image, Series, Table, Text, Vector)}
TARGETS: dict[str, type] = {one.kind: one for one in (Category, Number, Binary, Labels)}
COLUMNS = {"column", "length", "numeric", "categorical"}  # options that name one column or several


class Input(Protocol):
    """What a kind of input can do; a class of your own with these may be a `_target_` in `data.inputs`.

    `references` maps each column to the option that names it. `fit` learns from the rows `train` alone.
    `restore` stands in for `fit` where a logged model is at hand: from its raw inputs it learns what `raw`
    needs.
    `raw` gives the raw arrays of some rows: names and dtypes as `specs` has them (shapes without the rows).
    `prepare` builds Keras layers on symbolic raw tensors and gives one tensor.
    """

    kind: str
    prepare_in_model: bool

    @property
    def vocabularies(self) -> tuple[int, ...]: ...

    def references(self) -> dict[str, str]: ...

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None: ...

    def restore(self, name: str, specs: Specs) -> None: ...

    def raw(self, sources: Sources, rows: np.ndarray) -> dict[str, np.ndarray]: ...

    def specs(self) -> Specs: ...

    def prepare(self, tensors: Mapping[str, Any]) -> Any: ...


class Target(Protocol):
    """What a kind of target can do; a class of your own with these may be a `_target_` in `data.targets`.

    `fit` gets the row numbers of every split, learns from those of "train" and checks the others.
    `restore` stands in for `fit`, from what a run logged in config/heads.json.
    `encode` gives the labels of some rows. `present` turns a head's output into what people read, `decode`
    encoded labels. One of kind "number" also has `mean` and `scale`, arrays (columns,):
    own unit = encoded * scale + mean.
    """

    kind: str
    names: list[str]

    @property
    def units(self) -> int: ...

    def references(self) -> dict[str, str]: ...

    def fit(self, name: str, sources: Sources, rows: Rows) -> None: ...

    def restore(self, name: str, facts: Mapping[str, Any]) -> None: ...

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray: ...

    def present(self, tensor: Any) -> Any: ...

    def decode(self, labels: np.ndarray) -> np.ndarray: ...


def build(given: Any, kinds: Mapping[str, type], key: str) -> Any:
    """The input or target that a config mapping describes; an object is taken as it is.

    Raises:
        ConfigError: an unknown kind or option, or an option that is needed and absent.
    """
    one = _described(given, kinds, key) if isinstance(given, Mapping) else given
    if not one.references():
        raise ConfigError(key, "names no column", found=given, allowed="<source>.<column>, one or more")
    return one


def _described(given: Mapping[str, Any], kinds: Mapping[str, type], key: str) -> Any:
    kind = str(given.get("kind"))
    if kind not in kinds:
        raise ConfigError(f"{key}.kind", "no such kind", found=kind, allowed=kinds)
    options = {name: value for name, value in given.items() if name != "kind"}
    known = {one.name: one for one in fields(kinds[kind]) if one.init}
    for name in options:
        if name not in known:
            raise ConfigError(f"{key}.{name}", f"no such option of kind {kind}", found=name, allowed=known)
    for name, one in known.items():
        if name not in options and one.default is MISSING and one.default_factory is MISSING:
            raise ConfigError(f"{key}.{name}", f"kind {kind} needs this", allowed="<source>.<column>")
    for name in COLUMNS & options.keys():
        _check_columns(options[name], f"{key}.{name}")
    return kinds[kind](**options)


def _check_columns(value: object, key: str) -> None:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not all(isinstance(one, str) for one in several):
        raise ConfigError(key, "not a column", found=value, allowed="<source>.<column>, or a list of them")
