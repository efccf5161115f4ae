"""Images: arrays, or picture files named in a column."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import keras
import numpy as np

from pipeline.data.columns import Column, stacked
from pipeline.data.prepare import Specs
from pipeline.data.scaling import check_scale, mean_and_spread, standardise
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError


@dataclass(kw_only=True)
class Image:
    """Images of one shape, (height, width, channels).

    Args:
        column: (rows, height, width[, channels]) or a list of arrays.
        scale: "auto" (uint8 -> 0..1, floats as they are), "none" or "standard" (per channel, by the
            pixels of the training rows).
    """

    kind: ClassVar[str] = "image"
    prepare_in_model: ClassVar[bool] = True
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str
    scale: str = "auto"

    name: str = field(init=False)
    shape: tuple[int, ...] = field(init=False)
    dtype: str = field(init=False)
    factor: float = field(init=False, default=1.0)
    mean: np.ndarray | None = field(init=False, default=None)
    spread: np.ndarray | None = field(init=False, default=None)

    def references(self) -> dict[str, str]:
        return {self.column: "column"}

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        self.name = name
        check_scale(self.scale, f"data.inputs.{name}", ("auto", "none", "standard"))
        column = sources.column(self.column, f"data.inputs.{name}.column")
        values = _pictures(column)
        self.shape, self.dtype = values.shape[1:], "uint8" if values.dtype == np.uint8 else "float32"
        self.factor = 1 / 255 if self.dtype == "uint8" and self.scale == "auto" else 1.0
        if self.scale == "standard":
            self.mean, self.spread = mean_and_spread(values[train])

    def raw(self, sources: Sources, rows: np.ndarray) -> dict[str, np.ndarray]:
        column = sources.column(self.column, f"data.inputs.{self.name}.column")
        return {self.name: _pictures(column.take(rows)).astype(self.dtype, copy=False)}

    def specs(self) -> Specs:
        return {self.name: (self.shape, self.dtype)}

    def prepare(self, tensors: Mapping[str, Any]) -> Any:
        tensor = tensors[self.name]
        if self.mean is not None and self.spread is not None:
            return standardise(tensor, self.mean, self.spread)
        if self.factor != 1.0:
            return keras.layers.Rescaling(self.factor, dtype="float32")(tensor)
        return keras.ops.cast(tensor, "float32") if self.dtype != "float32" else tensor


def _pictures(column: Column) -> np.ndarray:
    values = stacked(column)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4:
        raise ConfigError(
            column.key,
            f"column '{column.reference}' holds no images",
            found=f"shape {values.shape}",
            allowed="(rows, height, width, channels)",
        )
    return values if values.dtype == np.uint8 else values.astype(np.float32, copy=False)
