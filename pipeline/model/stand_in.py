"""Replaces a missing input's features with one vector per branch, the stand-in.

If the input is missing in some training rows, or `dropout_input` hides it in some, the vector is learned.
Otherwise no gradient would reach it, and it is the mean of the branch's features over training rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, layers, ops
from numpy.typing import NDArray

from pipeline.data.feed import Rows, Stream
from pipeline.model.layer_names import branch_layer

Array = NDArray[Any]
ROWS = 256  # training rows for the mean; its error is 6 % of the features' standard deviation
LEARNED, MEAN = "_stand_in", "_mean_stand_in"  # suffixes of the layers' names


def is_absent(x: KerasTensor) -> KerasTensor:
    """Return (rows, 1): 1.0 for rows whose whole input is missing (all NaN, or no token), else 0.0."""
    missing = ops.equal(x, 0) if keras.backend.is_int_dtype(x.dtype) else ops.isnan(x)
    return ops.cast(ops.expand_dims(ops.all(missing, axis=tuple(range(1, len(x.shape)))), -1), "float32")


def with_stand_in(
    name: str, features: KerasTensor, absent: KerasTensor, *, rate: float = 0.0, learned: bool = True
) -> KerasTensor:
    """Replace the features of rows whose input is missing, or is dropped in training, with one vector.

    Args:
        name: name of the branch.
        features: (rows, width).
        absent: (rows, 1), 1.0 where the input is missing.
        rate: share of the rows whose input is dropped in training.
        learned: True: gradients train the vector; False: `set_means` or `fill` sets it.
    """
    if rate:
        ones = ops.ones_like(features[:, :1], dtype="float32")
        mask = layers.Dropout(rate, name=f"{name}_dropout_input", dtype="float32")(ones)
        absent = ops.maximum(absent, ops.cast(ops.equal(mask, 0.0), "float32"))
    stand_in = layers.Dense(
        features.shape[-1],
        use_bias=False,
        kernel_initializer="zeros",
        trainable=learned,
        name=f"{name}{LEARNED if learned else MEAN}",
    )
    return ops.where(absent > 0, stand_in(absent), features)


def set_means(model: keras.Model, rows: Rows | Stream) -> None:
    """Set the stand-ins that are not learned to the mean of their branch's features over some of the rows."""
    for name in model.input:
        part = model.get_layer(branch_layer(name))
        if _layer(part, name, MEAN):
            fill(part, _means(model, [name], rows))


def fill(model: keras.Model, vectors: Mapping[str, Array]) -> None:
    """Set the stand-ins that are direct layers of a model and are not learned.

    Args:
        vectors: branch -> (1, width); branches without such a stand-in are ignored.
    """
    for name, vector in vectors.items():
        if layer := _layer(model, name, MEAN):
            layer.set_weights([vector])


def stand_ins(model: keras.Model, rows: Rows | Stream) -> dict[str, Array]:
    """Return the stand-in (1, width) of every branch.

    That of a branch without a stand-in layer is the mean of its features.

    Args:
        rows: training rows.
    """
    layers = {name: _stand_in_layer(model.get_layer(branch_layer(name)), name) for name in model.input}
    vectors = {name: layer.get_weights()[0] for name, layer in layers.items() if layer}
    return _means(model, [name for name in layers if name not in vectors], rows) | vectors


def has_stand_in(part: keras.Model, name: str) -> bool:
    """Return whether a branch's layer replaces missing inputs itself."""
    return _stand_in_layer(part, name) is not None


def _stand_in_layer(part: keras.Model, name: str) -> Any:
    return _layer(part, name, LEARNED) or _layer(part, name, MEAN)


def _layer(model: keras.Model, name: str, suffix: str) -> Any:
    return next((layer for layer in model.layers if layer.name == f"{name}{suffix}"), None)


def _means(model: keras.Model, names: Sequence[str], rows: Rows | Stream) -> dict[str, Array]:
    if not names:
        return {}
    inputs = rows.take(np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))).inputs
    means = {}
    for name in names:
        features = model.get_layer(branch_layer(name))(inputs[name], training=False)
        present = np.asarray(features, "float64")[_present(inputs[name])]
        means[name] = present.mean(axis=0, keepdims=True).astype("float32")
    return means


def _present(x: Any) -> Array:
    """Return which rows have the input, (rows,); bytes are never missing."""
    return np.full(len(x), True) if x.dtype == "uint8" else np.asarray(is_absent(x))[:, 0] == 0
