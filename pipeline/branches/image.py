"""Images (rows, height, width, channels)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal

import keras
from keras import KerasTensor, layers, ops

from pipeline.branches.augment import Augment
from pipeline.branches.branch import Branch
from pipeline.branches.stack import dense_stack
from pipeline.errors import ConfigError

SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}
SMALLEST_OTHER = 32  # pixels per side, for all other architectures


@dataclass(frozen=True, kw_only=True)
class ImageBranch(Branch):
    """The arguments that all image branches share.

    Args:
        augment: random changes of the training images; null for none.
    """

    kinds: ClassVar[tuple[str, ...]] = ("image",)
    augment: Augment | None = None

    def augmented(self, x: KerasTensor, name: str) -> KerasTensor:
        return self.augment(x, name) if self.augment else x


@dataclass(frozen=True, kw_only=True)
class Conv2D(ImageBranch):
    """Convolutions, each followed by max-pooling.

    Args:
        filters: number of filters of each layer.
        pool_size: size of the max-pooling after each layer; 1 for none.
        pooling: how the positions are pooled at the end; "flatten" keeps them all.
        units: sizes of the dense layers after the pooling.
    """

    filters: Sequence[int]
    kernel_size: int = 3
    activation: str | None = "relu"
    padding: Literal["same", "valid"] = "same"
    pool_size: int = 2
    pooling: Literal["max", "average", "flatten"] = "max"
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        x = self.augmented(x, name)
        for i, filters in enumerate(self.filters, 1):
            x = layers.Conv2D(
                filters,
                self.kernel_size,
                padding=self.padding,
                activation=self.activation,
                name=f"{name}_conv_{i}",
            )(x)
            if self.pool_size > 1:
                x = layers.MaxPooling2D(self.pool_size, padding="same", name=f"{name}_halve_{i}")(x)
        x = pool_positions(x, self.pooling, name)
        return dense_stack(x, self.units, self.activation, self.dropout, name)


@dataclass(frozen=True, kw_only=True)
class ResNet(ImageBranch):
    """A residual network for small images (He et al. 2016, arXiv:1603.05027: normalise, activate, convolve).

    Uses group normalisation (Wu and He 2018, arXiv:1803.08494) instead of batch normalisation, so a row's
    features never depend on the other rows of its batch.

    Args:
        filters: number of filters of each stage; each stage but the first halves height and width.
        blocks: residual blocks of two convolutions per stage.
        pooling: how the positions are pooled at the end; "flatten" keeps them all.
        units: sizes of the dense layers after the pooling.
    """

    filters: Sequence[int]
    blocks: int = 1
    kernel_size: int = 3
    activation: str = "relu"
    pooling: Literal["max", "average", "flatten"] = "average"
    units: Sequence[int] = ()

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        x = self._convolved(self.augmented(x, name), self.filters[0], 1, f"{name}_conv")
        for stage, filters in enumerate(self.filters, 1):
            for block in range(1, self.blocks + 1):
                strides = 2 if stage > 1 and block == 1 else 1
                x = self._block(x, filters, strides, f"{name}_{stage}_{block}")
        x = pool_positions(self._normed(x, f"{name}_end"), self.pooling, name)
        return dense_stack(x, self.units, self.activation, self.dropout, name)

    def _block(self, x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
        inner = self._convolved(self._normed(x, f"{name}_first"), filters, strides, f"{name}_conv_1")
        inner = self._convolved(self._normed(inner, f"{name}_second"), filters, 1, f"{name}_conv_2")
        if strides > 1 or x.shape[-1] != filters:
            x = layers.Conv2D(filters, 1, strides=strides, use_bias=False, name=f"{name}_shortcut")(x)
        return layers.Add(name=f"{name}_add")([x, inner])

    def _convolved(self, x: KerasTensor, filters: int, strides: int, name: str) -> KerasTensor:
        return layers.Conv2D(
            filters, self.kernel_size, strides=strides, padding="same", use_bias=False, name=name
        )(x)

    def _normed(self, x: KerasTensor, name: str) -> KerasTensor:
        x = layers.GroupNormalization(math.gcd(8, x.shape[-1]), name=f"{name}_norm")(x)
        return layers.Activation(self.activation, name=f"{name}_{self.activation}")(x)


@dataclass(frozen=True, kw_only=True)
class Application(ImageBranch):
    """A network of `keras.applications` with its own preprocessing, optionally with pretrained weights.

    Grey images get three equal channels; images that are too small for the network are enlarged.

    Args:
        architecture: its name in `keras.applications`.
        weights: path of a weights file without the top, as Keras publishes them; null: random weights.
        trainable: false freezes the weights and the normalisation statistics.
        white: value of white in the prepared image; 1 for byte images with the data's `scale: auto`.
        options: other arguments of the network, such as MobileNet's `alpha`.
        pooling: how the positions are pooled at the end.
        units: sizes of the dense layers after the pooling.

    Raises:
        ConfigError: there is no such network, it does not take an argument, or the weights do not fit.
    """

    architecture: str
    weights: str | None = None
    trainable: bool = True
    white: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)
    pooling: Literal["max", "average", "flatten"] = "average"
    units: Sequence[int] = ()
    activation: str | None = "relu"

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        x = layers.Rescaling(255.0 / self.white, name=f"{name}_to_bytes")(self.augmented(x, name))
        if x.shape[-1] == 1:
            x = ops.repeat(x, 3, axis=-1)
        height, width = x.shape[1:3]
        smallest = SMALLEST.get(self.architecture, SMALLEST_OTHER)
        factor = max(1.0, smallest / height, smallest / width)
        if factor > 1:
            height, width = round(height * factor), round(width * factor)
            x = layers.Resizing(height, width, name=f"{name}_enlarged")(x)
        network, preprocess = self._network(name, (height, width, x.shape[-1]))
        x = network(preprocess(x))
        return dense_stack(
            pool_positions(x, self.pooling, name), self.units, self.activation, self.dropout, name
        )

    def _network(self, name: str, shape: tuple[int, ...]) -> tuple[keras.Model, Any]:
        arguments = {**self.options, "input_shape": shape, "include_top": False, "weights": self.weights}
        try:
            build = getattr(keras.applications, self.architecture)
            network = build(**arguments)
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"branches.{name}", f"cannot build {self.architecture}: {error}") from error
        network.trainable = self.trainable
        return network, import_module(build.__module__).preprocess_input


def pool_positions(x: KerasTensor, pooling: str, name: str) -> KerasTensor:
    """Pool the positions of (rows, height, width, channels) by "max" or "average", or "flatten" them."""
    layer = {
        "max": layers.GlobalMaxPooling2D,
        "average": layers.GlobalAveragePooling2D,
        "flatten": layers.Flatten,
    }[pooling]
    return layer(name=f"{name}_pool")(x)
