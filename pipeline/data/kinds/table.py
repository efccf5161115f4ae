"""Tables: columns of numbers, of categories, and of dates and times."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import keras
import numpy as np
import pandas as pd
from keras import KerasTensor

from pipeline.data.columns import Column, ColumnReader, numbers, strings
from pipeline.data.files.number_words import parse_numbers
from pipeline.data.files.words import coded
from pipeline.data.kinds.dates import Dates
from pipeline.data.kinds.far_cells import Measured
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import Numbers, Statistics, check_scale, fit_numbers
from pipeline.data.kinds.vector import number_blocks, short_name
from pipeline.data.sources import Sources
from pipeline.data.times import form_of, read_times
from pipeline.errors import ConfigError
from pipeline.times import TimeForm

UNSEEN, MISSING = 0, 1  # the codes before those of the training categories


@dataclass(kw_only=True)
class Table:
    """Numbers, categories and dates; each column is a raw input, `<input>.<column>` with / replaced by _.

    Args:
        numeric: columns of one number per row.
        categorical: columns of strings, whole numbers or booleans.
        dates: columns of dates, times of day or durations, see `pipeline.data.kinds.dates`.
        day_first: whether 3/4/2024 is in April; None: the column tells, see `pipeline.times.find_form`.
        scale: of numbers and elapsed times, by the training rows: "robust", "standard", "quantile" or "none".
    """

    kind: ClassVar[str] = "table"
    prepare_in_model: ClassVar[bool] = False

    numeric: Sequence[str] = ()
    categorical: Sequence[str] = ()
    dates: Sequence[str] = ()
    day_first: bool | None = None
    scale: str = "robust"

    name: str = field(init=False)
    numbers: Numbers | None = field(init=False, default=None)
    categories: dict[str, np.ndarray] = field(init=False, default_factory=dict)
    forms: dict[str, TimeForm] = field(init=False, default_factory=dict)
    times: dict[str, Dates] = field(init=False, default_factory=dict)

    @property
    def vocabularies(self) -> tuple[int, ...]:
        return tuple(len(values) + 2 for values in self.categories.values())

    def references(self) -> dict[str, str]:
        options = {"categorical": self.categorical, "numeric": self.numeric, "dates": self.dates}
        return {reference: option for option, columns in options.items() for reference in columns}

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        key = f"data.inputs.{name}"
        self.name = name
        check_scale(self.scale, key)
        self._check_columns(sources, key)
        for reference in self.categorical:
            column = sources.column(reference, f"{key}.categorical")
            codes, words = coded(strings(column))
            present = words[np.bincount(codes[train], minlength=len(words)) > 0]
            self.categories[reference] = np.array(sorted({*present} - {""}), dtype=object)
        if self.numeric:
            self.numbers = self._fit_numbers(sources, f"{key}.numeric", train)
        for reference in self.dates:
            self._fit_times(reference, sources.column(reference, f"{key}.dates"), train)

    def _fit_numbers(self, sources: Sources, key: str, train: np.ndarray) -> Numbers:
        statistics, names = [], []
        # Column by column: all of them at once would be a copy of the whole table.
        for reference in self.numeric:
            blocks, columns = number_blocks(sources, reference, key, train)
            statistics.append(Statistics.of(blocks))
            names += columns
        return fit_numbers(Statistics.side_by_side(statistics), names, scale=self.scale, key=key)

    def _fit_times(self, reference: str, column: Column, train: np.ndarray) -> None:
        key = f"data.inputs.{self.name}"
        self.forms[reference] = form = form_of(column, self.day_first, f"{key}.day_first")
        found = read_times(column, form)[train]
        self.times[reference] = Dates.of(found, form.kind, self.scale, column=reference, key=f"{key}.dates")

    def restore(self, name: str, specs: Specs) -> None:
        self.name = name
        for reference in self.categorical:
            text = specs[self._raw_name(reference)][1] == "string"
            self.categories[reference] = np.array([], dtype=object if text else np.float64)

    def facts(self) -> dict[str, Any]:
        """How columns of times are read: raw model input -> fields of its `TimeForm`, for JSON."""
        return {self._raw_name(reference): asdict(form) for reference, form in self.forms.items()}

    def recall(self, facts: Mapping[str, Any]) -> None:
        """Puts back the result of `facts` after `restore`."""
        self.forms = {reference: TimeForm(**facts[self._raw_name(reference)]) for reference in self.dates}

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        key = f"data.inputs.{self.name}"
        arrays = {}
        for reference in self.categorical:
            column = sources.part(reference, f"{key}.categorical", rows)
            text = self.categories[reference].dtype == object
            arrays[self._raw_name(reference)] = strings(column) if text else _numeric_categories(column)
        for reference in self.numeric:
            values = numbers(sources.part(reference, f"{key}.numeric", rows))
            arrays[self._raw_name(reference)] = values.astype(np.float64, copy=False)
        for reference in self.dates:
            column = sources.part(reference, f"{key}.dates", rows)
            arrays[self._raw_name(reference)] = read_times(column, self.forms[reference])
        return arrays

    def measured(self, raw: Mapping[str, np.ndarray]) -> Iterator[Measured]:
        """The columns of numbers in raw arrays, for messages about cells that are far out."""
        if self.numbers is None:
            return
        for reference, centre, spread in zip(
            self.numeric, self.numbers.median, self.numbers.spread, strict=True
        ):
            values = raw[self._raw_name(reference)][:]
            yield Measured(reference, short_name(reference), values, centre, spread)

    def specs(self) -> Specs:
        """Categories are "string" (missing: ""), numbers and times, in seconds, "float64".

        In models of version 0.1 numeric categories are "float64", and numbers "float32".
        """
        dtypes = {
            reference: "string" if categories.dtype == object else "float64"
            for reference, categories in self.categories.items()
        }
        dtypes |= dict.fromkeys([*self.numeric, *self.dates], "float64")
        return {self._raw_name(reference): ((), dtype) for reference, dtype in dtypes.items()}

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        parts = [
            keras.ops.expand_dims(_encode(tensors[self._raw_name(reference)], categories), -1)
            for reference, categories in self.categories.items()
        ]
        if self.numbers:
            columns = [tensors[self._raw_name(reference)] for reference in self.numeric]
            parts.append(self.numbers.prepare(keras.ops.stack(columns, axis=-1)))
        parts += [
            times.prepare(tensors[self._raw_name(reference)]) for reference, times in self.times.items()
        ]
        return keras.ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]

    def encoded(self, raw: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Raw arrays with the codes of words in their place, for a graph that takes `encoded_specs`.

        Each distinct word is looked up once; the look-up of the model takes ten times as long.
        """
        words = {self._raw_name(reference): values for reference, values in self.categories.items()}
        return {
            name: _codes(values, words[name]) if name in words and words[name].dtype == object else values
            for name, values in raw.items()
        }

    def encoded_specs(self) -> Specs:
        """The specs of the results of `encoded`."""
        return {
            name: (shape, "float32" if dtype == "string" else dtype)
            for name, (shape, dtype) in self.specs().items()
        }

    def prepared_names(self) -> list[str]:
        """The raw model input behind each prepared column; a column's flag for missing cells is its own."""
        names = [self._raw_name(reference) for reference in self.categories]
        if self.numbers:
            names += self.numbers.prepared_names([self._raw_name(reference) for reference in self.numeric])
        for reference, times in self.times.items():
            names += [self._raw_name(reference)] * len(times.names)
        return names

    def category_names(self) -> set[str]:
        """The raw model inputs that hold categories."""
        return {self._raw_name(reference) for reference in self.categorical}

    def _raw_name(self, reference: str) -> str:
        # Keras does not allow a slash in a name.
        return f"{self.name}.{short_name(reference)}".replace("/", "_")

    def _check_columns(self, sources: Sources, key: str) -> None:
        columns = (*self.categorical, *self.numeric, *self.dates)
        names = [self._raw_name(reference) for reference in columns]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            problem = "several columns have the same name"
            raise ConfigError(key, problem, found=", ".join(duplicates), allowed="each name once")
        for reference, option in self.references().items():
            shape = sources.values(reference, f"{key}.{option}").shape
            if len(shape) != 1:
                raise ConfigError(
                    f"{key}.{option}",
                    f"column '{reference}' has more than one value per row",
                    found=f"shape {shape}",
                    allowed="one value per row; kind: vector takes arrays",
                )


def _numeric_categories(column: Column) -> np.ndarray:
    """Numeric categories as float64; a text becomes infinity, a category that no training row has."""
    if column.values.dtype.kind in "iuf":
        return numbers(column).astype(np.float64)
    words = np.asarray(strings(column), dtype=object)
    parsed = parse_numbers(words)
    return np.where(np.isnan(parsed) & (words != ""), np.inf, parsed)


def _codes(words: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """The codes that the look-up of `_encode` gives to words, float32."""
    numbers, distinct = coded(np.asarray(words))
    found = pd.Index(categories, dtype=object).get_indexer(distinct)
    codes = np.where(found < 0, UNSEEN, found + 2)
    codes[distinct == ""] = MISSING
    return np.asarray(codes.astype(np.float32)[numbers])


def _encode(tensor: KerasTensor, categories: np.ndarray) -> KerasTensor:
    if categories.dtype == object and tensor.dtype != "string":
        return tensor  # codes, see `Table.encoded`
    if categories.dtype == object:
        lookup = keras.layers.StringLookup(vocabulary=["", *categories], mask_token=None, num_oov_indices=1)
        return keras.ops.cast(lookup(tensor), "float32")
    missing = keras.ops.cast(keras.ops.isnan(tensor), "float32") * MISSING
    if not len(categories):
        return missing
    # Comparisons are exact for whole numbers up to 2**53; an integer look-up would take 2.5 for 2.
    equal = keras.ops.equal(keras.ops.expand_dims(tensor, -1), categories)
    position = keras.ops.cast(keras.ops.argmax(keras.ops.cast(equal, "int32"), axis=-1), "float32")
    return keras.ops.where(keras.ops.any(equal, axis=-1), position + 2.0, missing)
