"""A class out of several, or a distribution over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from pipeline.data.columns import Column, missing, numbers, strings, text_of
from pipeline.data.kinds.targets import Rows, check_labelled
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError
from pipeline.labels import class_codes

TOLERANCE = 1e-3  # how far a distribution's sum may be from 1


@dataclass(kw_only=True)
class Category:
    """One class per row.

    Args:
        column: strings, whole numbers or booleans (rows,), or distributions (rows, classes).
        names: the classes in the order of their codes, a list or a column of names. Whole numbers are then
            codes. None: the values of the training rows, sorted.

    The encoded labels are int32 (rows,), -1 = missing; of distributions float32 (rows, classes),
    NaN = missing.
    """

    kind: ClassVar[str] = "category"

    column: str
    names: Any = None

    name: str = field(init=False)
    distribution: bool = field(init=False)
    codes: dict[str, int] = field(init=False)
    restored: bool = field(init=False, default=False)
    codes_given: bool = field(init=False, default=False)

    @property
    def units(self) -> int:
        return len(self.names)

    def references(self) -> dict[str, str]:
        return {self.column: "column"}

    def fit(self, name: str, sources: Sources, rows: Rows) -> None:
        self.name = name
        column = self._column(sources)
        given = self._given_names(sources)
        self.distribution = _holds_distributions(column)
        if self.distribution:
            width = column.values.shape[1]
            self.names = given if given is not None else [str(code) for code in range(width)]
            if len(self.names) != width:
                raise ConfigError(
                    f"data.targets.{name}.names",
                    "not one name per class",
                    found=len(self.names),
                    allowed=str(width),
                )
            check_labelled(~np.isnan(_distributions(column)[rows["train"]]), name, self.names)
            return
        words = _words(column)
        check_labelled((words[rows["train"]] != "")[:, None], name, [self.column])
        seen = set(words[rows["train"]]) - {""}
        self.names = _sorted(seen, column.values) if given is None else given
        self.codes = self._codes(column, given is not None)
        if given is not None:
            self._check_named(column, words)
        _check_seen(column, words, seen, rows)

    def restore(self, name: str, facts: Mapping[str, Any]) -> None:
        self.name, self.restored, given = name, True, self.names is not None
        self.names, self.codes_given = list(facts["names"]), given

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray:
        column = self._column(sources).take(rows)
        if self.restored:
            self.distribution = _holds_distributions(column)
            self.codes = self._codes(column, self.codes_given)
        if self.distribution:
            return _distributions(column)
        codes, words = self.codes | {"": -1}, _words(column)
        if self.restored:
            self._check_named(column, words)
        return np.array([codes[word] for word in words], dtype=np.int32)

    def present(self, tensor: Any) -> Any:
        return tensor

    def decode(self, labels: np.ndarray) -> np.ndarray:
        """Class names (rows,), None where missing; of distributions the likeliest class."""
        # The last entry, which -1 picks, stands for a missing label.
        return np.array([*self.names, None], dtype=object)[class_codes(labels)]

    def _column(self, sources: Sources) -> Column:
        return sources.column(self.column, f"data.targets.{self.name}.column")

    def _codes(self, column: Column, given: bool) -> dict[str, int]:
        if given and _whole(column.values) and not all(map(_is_whole, self.names)):
            return {str(code): code for code in range(len(self.names))}
        return {word: code for code, word in enumerate(self.names)}

    def _given_names(self, sources: Sources) -> list[str] | None:
        key = f"data.targets.{self.name}.names"
        if self.names is None:
            return None
        if isinstance(self.names, str):
            given = sources.names(self.names, key)
        elif isinstance(self.names, Sequence):
            given = [text_of(value) for value in self.names]
        else:
            raise ConfigError(
                key, "no names of classes", found=self.names, allowed="a list, or <source>.<column>"
            )
        twice = sorted({one for one in given if given.count(one) > 1})
        if twice:
            raise ConfigError(key, "names that stand twice", found=", ".join(twice))
        return given

    def _check_named(self, column: Column, words: np.ndarray) -> None:
        beyond = np.array([word != "" and word not in self.codes for word in words], dtype=bool)
        if beyond.any():
            shown = list(self.codes)
            allowed = ", ".join(shown[:20]) + (f", … {shown[-1]}" if len(shown) > 20 else "")
            raise column.error(int(np.argmax(beyond)), "a label beyond its names", allowed)


def _check_seen(column: Column, words: np.ndarray, seen: set[str], rows: Rows) -> None:
    for split, numbers_of_rows in rows.items():
        unseen = np.array([word not in seen and word != "" for word in words[numbers_of_rows]], dtype=bool)
        if unseen.any():
            row = int(numbers_of_rows[np.argmax(unseen)])
            raise column.error(
                row, f"a class that no training row has, only rows of {split}", "classes of the training rows"
            )


def _holds_distributions(column: Column) -> bool:
    return column.values.ndim == 2 and column.values.shape[1] > 1


def _words(column: Column) -> np.ndarray:
    """The label of each row as text, "" = missing."""
    if column.values.ndim == 2 and column.values.shape[1] == 1:
        column = replace(column, values=column.values[:, 0])
    if column.values.ndim > 1 or column.values.dtype.kind not in "fiu":
        return strings(column)
    values = numbers(column)
    broken = (values != np.floor(values)) & ~np.isnan(values)
    if broken.any():
        row = int(np.argmax(broken))
        raise column.error(
            row, "a number with a fraction is no class", "whole numbers, strings; or kind: number"
        )
    distinct, positions = np.unique(values, return_inverse=True)
    texts = ["" if np.isnan(value) else text_of(value) for value in distinct]
    return np.array(texts, dtype=object)[positions]


def _whole(values: np.ndarray) -> bool:
    if values.dtype != object:
        return values.dtype.kind in "iuf"
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in values[~missing(values)]
    )


def _is_whole(word: str) -> bool:
    return word.lstrip("-").isdigit()


def _sorted(words: set[str], values: np.ndarray) -> list[str]:
    return sorted(words, key=int) if _whole(values) else sorted(words)


def _distributions(column: Column) -> np.ndarray:
    values = numbers(column).astype(np.float32)
    absent = np.asarray(np.isnan(values).any(axis=1))
    wrong = ~absent & ((np.abs(values.sum(axis=1) - 1) > TOLERANCE) | (values < 0).any(axis=1))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise column.error(row, "not a distribution over the classes", "numbers >= 0 that sum to 1")
    return np.where(absent[:, None], np.float32("nan"), values)
