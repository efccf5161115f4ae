"""Binary labels, and several labels at once: encoded for the loss, and decoded again."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, numbers, strings, text_of
from pipeline.data.kinds.vector import column_list, number_columns, short_name
from pipeline.data.list_cells import written_lists
from pipeline.data.sources import Sources
from pipeline.data.truths import NO, YES, truths
from pipeline.errors import ConfigError

SEPARATORS = ("|", ";", ",", " ")
SHOWN = 20  # labels in a message
logger = logging.getLogger(__name__)
SplitRows = Mapping[str, np.ndarray]  # split -> row numbers


@dataclass(kw_only=True)
class ColumnTarget:
    """A target of one or several columns, each of which is a unit of its head."""

    column: str | Sequence[str]

    name: str = field(init=False)
    names: list[str] = field(init=False)

    @property
    def units(self) -> int:
        return len(self.names)

    def references(self) -> dict[str, str]:
        return dict.fromkeys(column_list(self.column), "column")


@dataclass(kw_only=True)
class Flags(ColumnTarget):
    """Columns of yes and no; encoded as float32 (rows, columns) of 0 and 1, NaN = missing."""

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None:
        self.name = name
        values, self.names = self._values(sources, None)
        check_labelled(~np.isnan(values[rows["train"]]), name, self.names)

    def restore(self, name: str, facts: Mapping[str, Any]) -> None:
        self.name, self.names = name, list(facts["names"])

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray:
        return self._values(sources, rows)[0].astype(np.float32)

    def present(self, tensor: KerasTensor) -> KerasTensor:
        return tensor

    def decode(self, labels: np.ndarray) -> np.ndarray:
        return labels

    def _values(self, sources: Sources, rows: np.ndarray | None) -> tuple[np.ndarray, list[str]]:
        key = f"data.targets.{self.name}.column"
        values, names = self._read(sources, key, rows)
        invalid = (values != 0) & (values != 1) & ~np.isnan(values)
        if invalid.any():
            place, position = (int(index[0]) for index in np.nonzero(invalid))
            references = column_list(self.column)
            column = sources.column(references[min(position, len(references) - 1)], key)
            row = place if rows is None else int(rows[place])
            raise column.error(
                row,
                "the label is neither 0 nor 1",
                "0, 1, true, false or empty; `yes: <value>` of a binary target names one of two other values",
                f"{values[place, position]:g}",
            )
        return values, names

    def _read(self, sources: Sources, key: str, rows: np.ndarray | None) -> tuple[np.ndarray, list[str]]:
        references = column_list(self.column)
        columns = [sources.column(reference, key) for reference in references]
        if not any(self._holds_words(column) for column in columns):
            return number_columns(sources, self.column, key, rows)
        # Some columns may have 0 and 1, and others words.
        values = np.column_stack(
            [self._truths(column) if self._holds_words(column) else numbers(column) for column in columns]
        )
        names = [short_name(reference) for reference in references]
        return (values if rows is None else values[rows]), names

    def _holds_words(self, column: Column) -> bool:
        return _holds_words(column)

    def _truths(self, column: Column) -> np.ndarray:
        return truths(column)


@dataclass(kw_only=True)
class Labels(Flags):
    """Several labels that can apply at once; each is 0 or 1.

    Args:
        column: a list of columns of 0 and 1 or of words for yes and no; one column (rows, labels); or one
            column whose cells hold the names of the labels that apply, as text or as lists.
        separator: of the names in one cell; None: the first of `SEPARATORS` that occurs, with a warning.

    The encoded labels are float32 (rows, columns) of 0 and 1, NaN = missing. Names that no training row has
    are left out.
    """

    kind: ClassVar[str] = "labels"

    separator: str | None = None

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None:
        self.name, self.names = name, []
        cells = self._names_in_cells(sources)
        if cells is None:
            super().fit(name, sources, rows)
            return
        self.names = sorted({label for row in rows["train"] for label in cells[row] or ()})
        check_labelled(
            np.array([[cells[row] is not None] for row in rows["train"]]), name, [str(self.column)]
        )
        unseen = sorted({label for labels in cells for label in labels or ()} - {*self.names})
        if unseen:
            listed = ", ".join(unseen[:SHOWN]) + (", …" if len(unseen) > SHOWN else "")
            logger.warning(
                "%s: %s labels that no training row has are left out: %s", name, len(unseen), listed
            )

    def _read(self, sources: Sources, key: str, rows: np.ndarray | None) -> tuple[np.ndarray, list[str]]:
        cells = self._names_in_cells(sources)
        if cells is None:
            return super()._read(sources, key, rows)
        chosen = cells if rows is None else [cells[row] for row in rows]
        missing = [np.nan] * len(self.names)
        values = [
            missing if labels is None else [label in labels for label in self.names] for labels in chosen
        ]
        return np.array(values, dtype=np.float64).reshape(len(chosen), len(self.names)), self.names

    def _names_in_cells(self, sources: Sources) -> list[list[str] | None] | None:
        """The labels that apply to each row, None where missing; None if the cells do not hold names."""
        references = column_list(self.column)
        if len(references) > 1:
            return None
        column = sources.column(references[0], f"data.targets.{self.name}.column")
        if _holds_lists_of_words(column.values):
            return [None if cell is None else [text_of(label) for label in cell] for cell in column.values]
        if self.separator is None and (lists := written_lists(column.values)) is not None:
            return lists
        if self.separator is None and not _holds_other_words(column):
            return None
        words = strings(column)
        separator = self.separator or self._find_separator(words)
        return [
            None if word == "" else [label.strip() for label in word.split(separator) if label.strip()]
            for word in words
        ]

    def _find_separator(self, words: np.ndarray) -> str:
        found = next((sign for sign in SEPARATORS if any(sign in word for word in words)), " ")
        if self.separator is None and not self.names:
            logger.warning(
                "%s: the labels in a cell are separated by %r (data.targets.%s.separator)",
                self.name,
                found,
                self.name,
            )
        return found


@dataclass(kw_only=True)
class Binary(Flags):
    """Yes or no in one column.

    Args:
        column: 0 and 1, or words: yes/no, y/n, true/false, t/f, on/off, in upper or lower case.
        yes: the word for yes, in a column with two other words.

    The encoded labels are float32 (rows, 1), NaN = missing.
    """

    kind: ClassVar[str] = "binary"

    yes: str | None = None
    restored: bool = field(init=False, default=False)

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None:
        super().fit(name, sources, rows)
        if self.units != 1:
            raise ConfigError(
                f"data.targets.{name}.column",
                "a binary target must have exactly one column",
                found=", ".join(self.names),
                allowed="one column; kind: labels takes several",
            )

    def restore(self, name: str, facts: Mapping[str, Any]) -> None:
        super().restore(name, facts)
        self.restored = True

    def _holds_words(self, column: Column) -> bool:
        return _holds_words(column) or (self.yes is not None and column.values.ndim == 1)

    def _truths(self, column: Column) -> np.ndarray:
        # Other rows than those of the training may lack the word for yes.
        return truths(column, self.yes, must_occur=not self.restored)


def check_labelled(present: np.ndarray, name: str, columns: Sequence[str]) -> None:
    """Checks that every column has a label in some training row; `present` is (training rows, columns)."""
    empty = ~present.any(axis=0)
    if empty.any():
        column = columns[int(np.argmax(empty))]
        raise ConfigError(f"data.targets.{name}", "no training row has a label", found=f"column {column}")


def _holds_other_words(column: Column) -> bool:
    """Whether a column has words that are neither yes nor no."""
    if not _holds_words(column):
        return False
    known = {*YES, *NO, ""}
    return any(word.strip().lower() not in known for word in strings(column))


def _holds_lists_of_words(values: np.ndarray) -> bool:
    lists = (
        [cell for cell in values if isinstance(cell, (list, tuple, np.ndarray))]
        if values.dtype == object
        else []
    )
    words = any(isinstance(label, str) for labels in lists for label in labels)
    # Lists of 0 and 1 say of each label whether it applies; lists of other whole numbers name those that do.
    numbers = [np.asarray(labels) for labels in lists if len(labels)]
    whole = all(array.dtype.kind in "iu" and array.ndim == 1 for array in numbers)
    return words or (whole and any((array > 1).any() for array in numbers))


def _holds_words(column: Column) -> bool:
    """Whether a column has one value per row, some of them words."""
    values = column.values
    return values.ndim == 1 and (values.dtype.kind in "US" or any(isinstance(cell, str) for cell in values))
