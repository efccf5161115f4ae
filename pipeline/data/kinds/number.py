"""Numbers as labels: scaled for the loss, and presented in their own unit."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data.kinds.far_cells import Measured
from pipeline.data.kinds.label_scales import Transform, fit_transform, restored_transform
from pipeline.data.kinds.precision import report_lost
from pipeline.data.kinds.scaling import Statistics, check_scale, mean_and_spread
from pipeline.data.kinds.targets import ColumnTarget, SplitRows, check_labelled
from pipeline.data.kinds.vector import column_list, number_columns
from pipeline.data.sources import Sources
from pipeline.data_options import NUMBER_SCALES

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Number(ColumnTarget):
    """One or several numbers.

    Args:
        column: one column, (rows,) or (rows, columns), or a list of columns.
        scale: how labels are scaled for the loss, by the training rows: "standard"; "log", for labels of at
            least 0, so that no prediction is below 0; "quantile", for labels of any distribution, so that no
            prediction is outside the range of the training labels; "none"; or "auto": "log" for each column
            whose labels ask for it, else "standard".

    The encoded labels are float32 (rows, columns), NaN = missing: (transformed value - mean) / scale.
    """

    kind: ClassVar[str] = "number"

    scale: str | np.ndarray = "auto"

    mean: np.ndarray = field(init=False)
    transforms: list[Transform] = field(init=False)
    middle: np.ndarray = field(init=False)
    spread: np.ndarray = field(init=False)

    def fit(self, name: str, sources: Sources, rows: SplitRows) -> None:
        self.name, key = name, f"data.targets.{name}"
        check_scale(self.scale, key, NUMBER_SCALES)
        values, self.names = number_columns(sources, self.column, f"{key}.column")
        train = values[rows["train"]].astype(np.float64)
        check_labelled(~np.isnan(train), name, self.names)
        self.transforms = [
            fit_transform(column, str(self.scale), label=label, key=f"{key}.scale")
            for label, column in zip(self.names, train.T, strict=True)
        ]
        self._report_impossible(values, rows)
        if self.scale == "none":
            self.mean, self.scale = np.zeros(self.units), np.ones(self.units)
        else:
            self.mean, self.scale = mean_and_spread([self._transformed(train)])
        report_lost(train, self._encoded(train), self.names, f"{key}.scale")
        statistics = Statistics.of([train])
        self.middle, self.spread = statistics.median, statistics.robust_spread

    def restore(self, name: str, facts: Mapping[str, Any]) -> None:
        self.name, self.names = name, list(facts["names"])
        self.mean, self.scale = np.asarray(facts["mean"]), np.asarray(facts["scale"])
        # Runs of version 0.1 have no transforms.
        self.transforms = [
            restored_transform(entry) for entry in facts.get("transforms", [None] * len(self.names))
        ]

    def facts(self) -> dict[str, Any]:
        """What `restore` needs, for JSON."""
        return {
            "mean": np.asarray(self.mean).tolist(),
            "scale": np.asarray(self.scale).tolist(),
            "transforms": [transform.facts() for transform in self.transforms],
        }

    def original(self, sources: Sources, rows: np.ndarray) -> np.ndarray:
        """The labels of some rows as they are in the source, float64 (rows, columns)."""
        values, _ = number_columns(sources, self.column, f"data.targets.{self.name}.column", rows)
        return values.astype(np.float64, copy=False)

    def encode(self, sources: Sources, rows: np.ndarray) -> np.ndarray:
        return self._encoded(self.original(sources, rows))

    def present(self, tensor: KerasTensor) -> KerasTensor:
        """Converts a head's scaled output (..., columns) to original units, float64."""
        scaled = keras.ops.cast(tensor, "float64") * np.asarray(self.scale, np.float64) + self.mean
        if not any(transform.facts() for transform in self.transforms):
            return scaled
        columns = [
            transform.inverse(scaled[..., position : position + 1])
            for position, transform in enumerate(self.transforms)
        ]
        return keras.ops.concatenate(columns, axis=-1)

    def scaled(self, tensor: KerasTensor) -> KerasTensor:
        """Converts numbers in original units (..., columns) to a head's scaled output."""
        values = keras.ops.cast(tensor, "float64")
        columns = [
            transform.forward(values[..., position : position + 1])
            for position, transform in enumerate(self.transforms)
        ]
        values = keras.ops.concatenate(columns, axis=-1)
        return keras.ops.cast((values - self.mean) / np.asarray(self.scale, np.float64), "float32")

    def decode(self, labels: np.ndarray) -> np.ndarray:
        """Converts encoded labels (rows, columns) to original units, float64."""
        scaled = labels.astype(np.float64) * np.asarray(self.scale) + self.mean
        columns = [transform.inverse(scaled[:, [place]]) for place, transform in enumerate(self.transforms)]
        return np.concatenate([np.asarray(column) for column in columns], axis=1)

    def measured(self, numbers: np.ndarray) -> Iterator[Measured]:
        """The columns of labels that are not transformed, for messages about labels that are far out."""
        references = column_list(self.column)
        for place, label in enumerate(self.names):
            if self.transforms[place].facts() is None:
                reference = references[place] if len(references) == self.units else references[0]
                yield Measured(reference, label, numbers[:, place], self.middle[place], self.spread[place])

    def _encoded(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((self._transformed(values) - self.mean) / self.scale, dtype=np.float32)

    def _transformed(self, values: np.ndarray) -> np.ndarray:
        columns = zip(self.transforms, values.T, strict=True)
        return np.column_stack([transform(column) for transform, column in columns])

    def _report_impossible(self, values: np.ndarray, rows: SplitRows) -> None:
        """Says which labels of other splits the scale cannot represent; their loss is that of the nearest."""
        for label, column, transform in zip(self.names, values.T, self.transforms, strict=True):
            for split in rows:
                outside = column[rows[split]][transform.impossible(column[rows[split]])]
                if len(outside):
                    logger.warning(
                        "%s: %s %s labels, such as %g, are outside what `scale: %s` allows; "
                        "predictions never reach them (data.targets.%s.scale)",
                        *(label, f"{len(outside):,}", split, outside[0], transform.word, self.name),
                    )
