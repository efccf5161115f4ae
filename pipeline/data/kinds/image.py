"""Images: arrays, or picture files named in a column."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
from keras import KerasTensor

from pipeline.data.columns import Column, ColumnReader, stack
from pipeline.data.kinds.pictures import (
    BYTES,
    WIDE,
    check_pictures,
    check_sizes,
    holds_pictures,
    read_pictures,
)
from pipeline.data.kinds.prepare import Specs
from pipeline.data.kinds.scaling import (
    SAMPLE,
    Statistics,
    check_scale,
    mean_and_spread,
    squash,
    standardise,
)
from pipeline.data.missing import is_missing
from pipeline.data.sources import Sources
from pipeline.data_options import IMAGE_SCALES
from pipeline.errors import ConfigError


@dataclass(kw_only=True)
class Image:
    """Images of one shape, (height, width, channels); a missing one is all NaN, and then all are float32.

    Args:
        column: (rows, height, width[, channels]), lists of arrays, or paths of picture files.
        root: the folder that the paths are relative to; None: the working folder and the config's folder.
        size: [height, width] to which pictures are resized: files when they are read, arrays in the model.
        channels: of picture files, 1 or 3; None: 1 if all of them are grey, else 3.
        scale: "auto" (divides uint8 by 255; "robust" for floats), "bytes" (divides uint8 by 255, leaves
            floats unchanged), "robust" or "standard" (per channel, by pixels of training rows), or "none".
    """

    kind: ClassVar[str] = "image"
    prepare_in_model: ClassVar[bool] = True
    vocabularies: ClassVar[tuple[int, ...]] = ()

    column: str
    root: str | None = None
    size: Sequence[int] | None = None
    channels: int | None = None
    scale: str = "auto"

    name: str = field(init=False)
    shape: tuple[int, ...] = field(init=False)
    dtype: str = field(init=False)
    factor: float = field(init=False, default=1.0)
    files: bool = field(init=False, default=False)
    bits: int = field(init=False, default=BYTES)
    restored: bool = field(init=False, default=False)
    fill: np.ndarray | None = field(init=False, default=None)
    mean: np.ndarray | None = field(init=False, default=None)
    spread: np.ndarray | None = field(init=False, default=None)
    robust: bool = field(init=False, default=False)

    def references(self) -> dict[str, str]:
        return {self.column: "column"}

    def fit(self, name: str, sources: Sources, train: np.ndarray) -> None:
        self.name = name
        self._check_options(f"data.inputs.{name}")
        key = f"data.inputs.{name}.column"
        blocks = (sources.part(self.column, key, rows) for rows in sources.blocks([self.column], key))
        first = next(blocks)
        columns = chain([first], blocks)
        self.files = holds_pictures(first)
        scan = _Scan()
        if self.files:
            pictures = scan.pictures(columns)
            self.shape, self.bits = check_pictures(pictures, self._roots(sources), self.size, self.channels)
            scan.only_bytes = self.bits == BYTES
            scan.gaps = self.bits == WIDE  # pixels of floats may be NaN
        else:
            self.shape = scan.arrays(columns)
        self.dtype = "uint8" if scan.only_bytes and not scan.missing else "float32"
        self.factor = 1 / 255 if scan.only_bytes and self.scale in ("auto", "bytes") else 1.0
        self.robust = self.scale == "robust" or (self.scale == "auto" and not scan.only_bytes)
        self._fit_pixels(sources, train, scan.gaps)

    def restore(self, name: str, specs: Specs) -> None:
        self.name = name
        shape, self.dtype = specs[name]
        self.shape = tuple(int(size or 0) for size in shape)
        self.restored = True

    def facts(self) -> dict[str, int]:
        """The bits of pictures, for JSON; nothing for those of 8 bits, and for arrays."""
        return {"bits": self.bits} if self.bits > BYTES else {}

    def recall(self, facts: Mapping[str, int]) -> None:
        """Puts back the result of `facts` after `restore`."""
        self.bits = facts["bits"]

    def raw(self, sources: ColumnReader, rows: np.ndarray) -> dict[str, np.ndarray]:
        column = sources.part(self.column, f"data.inputs.{self.name}.column", rows)
        if self.files or (self.restored and holds_pictures(column)):
            if self.restored and self.size is None:
                check_sizes(column, self._roots(sources), self.shape)
            values = read_pictures(column, self._roots(sources), self.shape, self.bits)
        else:
            values = _to_images(column, self.shape)
        if self.restored:
            _check_like_training(column, values, self.dtype, self.shape)
        # The model takes bytes, but a row to predict may have no image: NaN needs float32.
        float_needed = self.dtype == "uint8" and _missing_images(values).any()
        return {self.name: values.astype("float32" if float_needed else self.dtype, copy=False)}

    def specs(self) -> Specs:
        return {self.name: (self.shape, self.dtype)}

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor:
        tensor = tensors[self.name]
        if self.fill is not None:
            missing = keras.ops.isnan(tensor)
            whole = keras.ops.all(missing, axis=(1, 2, 3), keepdims=True)
            filled = keras.ops.where(missing, self.fill.astype(np.float32), tensor)
            tensor = keras.ops.where(whole, tensor, filled)
        if self.size is not None and tuple(self.size) != self.shape[:2]:
            tensor = keras.layers.Resizing(*self.size, antialias=True, dtype="float32")(tensor)
        if self.mean is not None and self.spread is not None:
            scaled = standardise(tensor, self.mean, self.spread)
            return squash(scaled) if self.robust else scaled
        if self.factor != 1.0:
            return keras.layers.Rescaling(self.factor, dtype="float32")(tensor)
        return keras.ops.cast(tensor, "float32") if self.dtype != "float32" else tensor

    def _roots(self, sources: ColumnReader) -> list[Path]:
        return sources.folders_of(self.root, f"data.inputs.{self.name}.root")

    def _check_options(self, key: str) -> None:
        check_scale(self.scale, key, IMAGE_SCALES)
        if self.size is not None and not (
            len(self.size) == 2 and all(isinstance(length, int) and length > 0 for length in self.size)
        ):
            raise ConfigError(
                f"{key}.size", "not a size", found=self.size, allowed="[height, width] in pixels"
            )
        if self.channels not in (None, 1, 3):
            raise ConfigError(
                f"{key}.channels", "not a number of channels", found=self.channels, allowed="1, 3"
            )

    def _fit_pixels(self, sources: Sources, train: np.ndarray, gaps: bool) -> None:
        if not gaps and self.scale != "standard" and not self.robust:
            return
        width = int(np.prod(self.shape)) if self.files else 0
        blocks = sources.blocks([self.column], f"data.inputs.{self.name}.column", train, width)
        pixels = (self.raw(sources, rows)[self.name] for rows in blocks)
        if self.robust:
            # Some rows of each block: all pixels in float64 would take twice the memory of the images.
            statistics = Statistics.of(_some(block) for block in pixels)
            mean, spread = statistics.median, statistics.robust_spread
        else:
            mean, spread = mean_and_spread(pixels)
        if np.isnan(mean).any():
            raise ConfigError(f"data.inputs.{self.name}", "no training row has an image", found=self.column)
        self.fill = mean if gaps else None
        if self.robust or self.scale == "standard":
            self.mean, self.spread = mean, spread


def _some(images: np.ndarray) -> np.ndarray:
    """At most about `SAMPLE` of the images, those without any among them left out."""
    present = images[~_missing_images(images)]
    return present[:: max(1, len(present) // SAMPLE)] if len(present) else images[:1]


@dataclass
class _Scan:
    """What one pass over all images finds out.

    `missing`: a row has no image; `gaps`: an image has some missing pixels.
    """

    only_bytes: bool = True
    missing: bool = False
    gaps: bool = False

    def pictures(self, columns: Iterable[Column]) -> Iterator[Column]:
        """Yields the columns unchanged."""
        for column in columns:
            self.missing |= bool(is_missing(column.values).any())
            yield column

    def arrays(self, columns: Iterable[Column]) -> tuple[int, ...]:
        """The shape of the images."""
        shape: tuple[int, ...] | None = None
        for column in columns:
            values = _to_images(column, shape)
            shape = values.shape[1:]
            self.only_bytes &= _holds_bytes(column, values)
            if values.dtype.kind == "f":
                missing = np.isnan(values).reshape(len(values), -1)
                whole = missing.all(axis=1)
                self.missing |= bool(whole.any())
                self.gaps |= bool((missing.any(axis=1) & ~whole).any())
        return shape or ()


def _to_images(column: Column, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """(rows, height, width, channels): uint8 or float32."""
    values = stack(column, shape)
    if values.ndim == 3:
        values = values[..., None]
    if values.ndim != 4:
        raise ConfigError(
            column.key,
            f"column '{column.reference}' does not hold images",
            found=f"shape {values.shape}",
            allowed="(rows, height, width, channels)",
        )
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iu":
        return values.astype(np.float32, copy=False)
    invalid = ((values < 0) | (values > 255)).reshape(len(values), -1).any(axis=1)
    if invalid.any():
        row = int(np.argmax(invalid))
        extremes = f"{values[row].min()} to {values[row].max()}"
        raise column.error(row, "whole numbers that are not bytes", "0 to 255, or floats", extremes)
    return values.astype(np.uint8)


def _check_like_training(column: Column, values: np.ndarray, dtype: str, shape: tuple[int, ...]) -> None:
    """Checks that new images have the shape of the training images, and are bytes if those were."""
    if values.shape[1:] != shape:
        raise ConfigError(
            column.key,
            f"the shape of column '{column.reference}' differs from that in training",
            found=values.shape[1:],
            allowed=str(shape),
        )
    if dtype != "uint8" or values.dtype == np.uint8:
        return
    is_byte = (values == np.floor(values)) & (values >= 0) & (values <= 255)
    invalid = ~is_byte.reshape(len(values), -1).all(axis=1) & ~_missing_images(values)
    if invalid.any():
        row = int(np.argmax(invalid))
        extremes = f"{values[row].min():g} to {values[row].max():g}"
        problem = "the model was trained on bytes, and these pixels are not bytes"
        raise column.error(row, problem, "whole numbers from 0 to 255", extremes)


def _holds_bytes(column: Column, values: np.ndarray) -> bool:
    if column.values.dtype != object:
        return values.dtype == np.uint8
    present = column.values[~is_missing(column.values)]
    return all(np.asarray(value).dtype == np.uint8 for value in present)


def _missing_images(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind != "f":
        return np.zeros(len(values), dtype=bool)
    return np.asarray(np.isnan(values).reshape(len(values), -1).all(axis=1))
