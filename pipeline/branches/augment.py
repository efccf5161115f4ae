"""Random augmentation of training images."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from keras import KerasTensor, layers


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Changes training images at random, differently for every row and step, by the run's seed.

    Validation, test and prediction use the images unchanged. Areas uncovered by a shift, rotation or zoom are
    filled with the nearest edge pixel.

    Args:
        flip: directions in which half of the images are mirrored.
        shift: largest shift in any direction, as a share of the height and the width.
        rotate: largest rotation to either side, in degrees.
        zoom: largest enlargement or reduction, as a share of the size.
        grain: standard deviation of the noise added to every pixel, in the unit of the prepared image; at
            most 1.
    """

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    grain: float = 0.0

    def __call__(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return the images (rows, height, width, channels), changed only in training."""
        for change in self._changes(name):
            # Keras' random layers are active by default when a model is called without `training`.
            x = change(x, training=False)
        return x

    def _changes(self, name: str) -> Iterator[layers.Layer]:
        # One layer per direction: Keras' own "horizontal_and_vertical" mirrors in both directions or neither.
        for direction in ("horizontal", "vertical"):
            if self.flip in (direction, "both"):
                yield layers.RandomFlip(direction, name=f"{name}_flip_{direction}")
        edge = {"fill_mode": "nearest"}
        if self.shift:
            yield layers.RandomTranslation(self.shift, self.shift, **edge, name=f"{name}_shift")
        if self.rotate:
            yield layers.RandomRotation(self.rotate / 360, **edge, name=f"{name}_rotate")
        if self.zoom:
            yield layers.RandomZoom(self.zoom, **edge, name=f"{name}_zoom")
        if self.grain:
            yield layers.GaussianNoise(self.grain, name=f"{name}_grain")
