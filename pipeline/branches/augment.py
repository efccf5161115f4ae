"""Pictures that are moved a little, anew each time, while a model learns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from keras import KerasTensor, layers


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random changes of the training images, drawn for every row and step from the run's seed.

    Outside of training the images stay as they are, in the logged model too. What is moved in from beyond the
    edge repeats the edge.

    Args:
        flip: mirrors half of the images.
        shift: up to this share of the height and the width, in all directions.
        rotate: up to so many degrees, to both sides.
        zoom: up to this share larger or smaller.
        grain: standard deviation, up to 1, of noise on every pixel, in the unit of the prepared image.
    """

    flip: Literal["none", "horizontal", "vertical", "both"] = "none"
    shift: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0
    grain: float = 0.0

    def __call__(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return the images (rows, height, width, channels), changed in training."""
        for change in self._changes(name):
            # Unless told to be inactive, Keras' random layers act whenever a model is called without a word.
            x = change(x, training=False)
        return x

    def _changes(self, name: str) -> Iterator[layers.Layer]:
        # One layer for each way: a single one for both ways mirrors an image in both or not at all.
        for way in ("horizontal", "vertical"):
            if self.flip in (way, "both"):
                yield layers.RandomFlip(way, name=f"{name}_flip_{way}")
        edge = {"fill_mode": "nearest"}
        if self.shift:
            yield layers.RandomTranslation(self.shift, self.shift, **edge, name=f"{name}_shift")
        if self.rotate:
            yield layers.RandomRotation(self.rotate / 360, **edge, name=f"{name}_rotate")
        if self.zoom:
            yield layers.RandomZoom(self.zoom, **edge, name=f"{name}_zoom")
        if self.grain:
            yield layers.GaussianNoise(self.grain, name=f"{name}_grain")
