"""One class per row, or a distribution over the classes."""

import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, numbers, stack, strings, text_of
from pipeline.data.files.words import coded, from_codes
from pipeline.data.kinds.targets import SplitRows, check_labelled
from pipeline.data.missing import is_missing
from pipeline.data.sources import Sources
from pipeline.errors import WORD, ConfigError, shortened
from pipeline.labels import class_codes

TOLERANCE = 1e-3  # the largest difference of a distribution's sum from 1
LIST = re.compile(r"\[\s*[-+.\deE]+(\s*[,\s]\s*[-+.\deE]+)+\s*\]")  # of numbers
SHOWN = 20  # class names in a message
REPEATS = 3  # rows per value from which on fractional numbers may be classes, such as versions and shoe sizes
logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Category:
    """One class per row.

    Args:
        column: strings, whole numbers or booleans (rows,); or distributions, as an array (rows, classes) or
            as lists.
        names: the names of the classes in the order of their codes, a list or a column; whole numbers in
            `column` are then codes. None: the values of the training rows, sorted.
        unseen: what a class means that no training row has: "missing" takes such labels of other rows as
            missing and logs a warning; "error" refuses them.

    The encoded labels are int32 (rows,), -1 = missing; those of distributions are float32 (rows, classes),
    NaN = missing.
    """

    kind: ClassVar[str] = "category"

    column: str
    names: Any = None
    unseen: Literal["missing", "error"] = "missing"

    name: str = field(init=False)
    distribution: bool = field(init=False)
    codes: dict[str, int] = field(init=False)
    restored: bool = field(init=False, default=False)
    has_names_option: bool = field(init=False, default=False)

    @property
    def units(self) -> int:
        return len(self.names)

    def references(self) -> dict[str, str]:
        return {self.column: "column"}

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None:
        self.name = name
        column = self._column(sources)
        names = self._names_option(sources)
        self.distribution = _holds_distributions(column)
        if self.distribution:
            self._fit_distributions(column, names, rows["train"])
        else:
            self._fit_classes(column, names, rows)

    def _fit_distributions(self, column: Column, names: list[str] | None, train: np.ndarray) -> None:
        width = column.values.shape[1]
        self.names = names if names is not None else [str(code) for code in range(width)]
        if len(self.names) != width:
            raise ConfigError(
                f"data.targets.{self.name}.names",
                "the number of names differs from the number of classes",
                found=len(self.names),
                allowed=str(width),
            )
        check_labelled(~np.isnan(_distributions(column)[train]), self.name, self.names)

    def _fit_classes(self, column: Column, names: list[str] | None, rows: SplitRows) -> None:
        words = _words(column)
        codes, distinct = coded(words)
        trained = np.bincount(codes[rows["train"]], minlength=len(distinct)) > 0
        seen = {*distinct[trained]} - {""}
        check_labelled(np.array([[bool(seen)]]), self.name, [self.column])
        self.names = _sorted(seen, column.values) if names is None else names
        self._report_alike(column)
        self.codes = self._codes(column, names is not None)
        if names is not None:
            self._check_known(column, words)
        self._check_seen(column, words, seen, rows)

    def _report_alike(self, column: Column) -> None:
        """Says which classes differ only by blanks, capitals or the way in which Unicode writes an accent."""
        alike: dict[str, list[str]] = {}
        for word in self.names:
            alike.setdefault(unicodedata.normalize("NFKC", word).strip().casefold(), []).append(word)
        doubled = [" and ".join(map(repr, words)) for words in alike.values() if len(words) > 1]
        if doubled:
            listed = "; ".join(doubled[:SHOWN])
            column.say(f"classes that differ only by blanks, capitals or accents are kept apart: {listed}")

    def restore(self, name: str, facts: Mapping[str, Any]) -> None:
        self.name, self.restored, self.has_names_option = name, True, self.names is not None
        self.names = list(facts["names"])

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray:
        column = self._column(sources)
        if not self.restored and not self.distribution:
            return np.asarray(self._class_codes(_words(column))[rows])
        column = column.take(rows)
        if self.restored:
            self.distribution = _holds_distributions(column)
            self.codes = self._codes(column, self.has_names_option)
        if self.distribution:
            return _distributions(column)
        words = _words(column)
        self._check_known(column, words)
        return self._class_codes(words)

    def _class_codes(self, words: np.ndarray) -> np.ndarray:
        positions, distinct = coded(words)
        # Only classes that no training row has are not among the codes.
        codes = np.array([self.codes.get(word, -1) for word in distinct], dtype=np.int32)
        return np.asarray(codes[positions])

    def present(self, tensor: KerasTensor) -> KerasTensor:
        return tensor

    def decode(self, labels: np.ndarray) -> np.ndarray:
        """Class names (rows,), None where missing; for distributions the most likely class."""
        # A missing label has the code -1, which picks the last entry.
        names: np.ndarray = np.array([*self.names, None], dtype=object)[class_codes(labels)]
        return names

    def _column(self, sources: Sources) -> Column:
        column = sources.column(self.column, f"data.targets.{self.name}.column")
        # A distribution in a cell, as in parquet files.
        return (
            replace(column, values=stack(column), text=None)
            if _holds_lists_of_numbers(column.values)
            else column
        )

    def _codes(self, column: Column, has_names_option: bool) -> dict[str, int]:
        if has_names_option and _holds_numbers(column.values) and not all(map(_is_whole, self.names)):
            return {str(code): code for code in range(len(self.names))}
        return {word: code for code, word in enumerate(self.names)}

    def _names_option(self, sources: Sources) -> list[str] | None:
        key = f"data.targets.{self.name}.names"
        if self.names is None:
            return None
        if isinstance(self.names, str):
            names = sources.names(self.names, key)
        elif isinstance(self.names, Sequence):
            names = [text_of(value) for value in self.names]
        else:
            allowed = "a list, or <source>.<column>"
            raise ConfigError(key, "not a list of class names", found=self.names, allowed=allowed)
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ConfigError(
                key, "duplicate class names", found=", ".join(duplicates), allowed="each name once"
            )
        return names

    def _check_known(self, column: Column, words: np.ndarray) -> None:
        codes, distinct = coded(words)
        unknown = np.array([word != "" and word not in self.codes for word in distinct], dtype=bool)[codes]
        if unknown.any():
            known = list(self.codes)
            allowed = ", ".join(known[:SHOWN]) + (f", … {known[-1]}" if len(known) > SHOWN else "")
            raise column.error(int(np.argmax(unknown)), "the label is not one of the classes", allowed)

    def _check_seen(self, column: Column, words: np.ndarray, seen: set[str], rows: SplitRows) -> None:
        """Reports all classes that no training row has, with the rows of other splits that have them."""
        codes, distinct = coded(words)
        unknown = np.array([word != "" and word not in seen for word in distinct], dtype=bool)[codes]
        others = [rows[split][unknown[rows[split]]] for split in rows if split != "train"]
        unseen = Counter(words[np.concatenate(others)])
        if not unseen:
            return
        counts = ", ".join(f"{shortened(word, WORD)} ({count})" for word, count in unseen.most_common(SHOWN))
        listed = counts + (f", … {len(unseen)} classes" if len(unseen) > SHOWN else "")
        key = f"data.targets.{self.name}"
        if self.unseen == "error":
            raise ConfigError(
                f"{key}.unseen",
                f"no training row has these classes of column '{column.reference}'",
                found=f"{listed}; in brackets the validation and test rows",
                allowed="classes of the training rows; data.split.stratify spreads classes over the splits; "
                "unseen: missing leaves these labels out",
            )
        total = sum(unseen.values())
        logger.warning(
            "%s: %s labels of %s classes that no training row has are taken as missing (%s.unseen): %s",
            *(self.name, f"{total:,}", len(unseen), key, listed),
        )


def _holds_distributions(column: Column) -> bool:
    return column.values.ndim == 2 and column.values.shape[1] > 1


def _holds_lists_of_numbers(values: np.ndarray) -> bool:
    if values.dtype != object or values.ndim > 1:
        return False
    first = next((cell for cell in values if cell is not None), None)
    if isinstance(first, str):  # as text files have them
        present = values[~is_missing(values)]
        return all(isinstance(cell, str) and LIST.fullmatch(cell.strip()) for cell in present)
    return isinstance(first, (list, np.ndarray)) and not any(isinstance(cell, str) for cell in first)


def _words(column: Column) -> np.ndarray:
    """The label of each row as text, "" = missing."""
    if column.values.ndim == 2 and column.values.shape[1] == 1:
        column = replace(column, values=column.values[:, 0])
    if column.values.ndim > 1 or column.values.dtype.kind not in "fiu":
        return strings(column)
    values = column.values
    # Integers stay integers: float64 would merge some beyond 2**53.
    fractional = _fractional(values)
    if fractional.any() and REPEATS * len(np.unique(values)) > len(values):
        row = int(np.argmax(fractional))
        allowed = (
            f"fractional numbers that occur {REPEATS} times on average, whole numbers, words; or kind: number"
        )
        raise column.error(row, "a class cannot be a fractional number", allowed)
    if column.text is not None:
        return strings(column)  # as written: "007" is not 7, and version 1.10 not 1.1
    values = numbers(column) if values.dtype.kind == "f" else values
    distinct, positions = np.unique(values, return_inverse=True)
    texts = ["" if value != value else text_of(value) for value in distinct]
    return from_codes(positions, np.array(texts, dtype=object))


def _fractional(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return np.zeros(len(values), dtype=bool)
    return np.asarray((values != np.floor(values)) & ~np.isnan(values))


def _holds_numbers(values: np.ndarray) -> bool:
    if values.dtype != object:
        return values.dtype.kind in "iuf"
    return all(
        isinstance(value, (int, float)) and not isinstance(value, bool)
        for value in values[~is_missing(values)]
    )


def _is_whole(word: str) -> bool:
    return word.lstrip("-").isdigit()


def _sorted(words: set[str], values: np.ndarray) -> list[str]:
    if _holds_numbers(values) and all(map(_is_whole, words)):
        return sorted(words, key=lambda word: (int(word), word))
    return sorted(words)


def _distributions(column: Column) -> np.ndarray:
    values = numbers(column).astype(np.float32)
    missing = np.asarray(np.isnan(values).any(axis=1))
    invalid = ~missing & ((np.abs(values.sum(axis=1) - 1) > TOLERANCE) | (values < 0).any(axis=1))
    if invalid.any():
        row = int(np.argmax(invalid))
        raise column.error(row, "not a distribution over the classes", "numbers >= 0 that add up to 1")
    return np.where(missing[:, None], np.float32("nan"), values)
