"""What takes the place of an input that a row lacks as a whole: a vector, in place of its branch's features.

Where training rows lack the input, or `dropout_input` hides it from them, the vector is learned. Where none
does, no gradient reaches it: it is the branch's mean output over training rows.
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
ROWS = 256  # of the training rows, for a mean: its error is then 6 % of the features' spread
LEARNED, MEAN = "_stand_in", "_mean_stand_in"  # endings of the layers' names


def is_absent(x: KerasTensor) -> KerasTensor:
    """1.0 for rows whose whole input is missing, (rows, 1): all NaN, or no token."""
    gone = ops.equal(x, 0) if keras.backend.is_int_dtype(x.dtype) else ops.isnan(x)
    return ops.cast(ops.expand_dims(ops.all(gone, axis=tuple(range(1, len(x.shape)))), -1), "float32")


def with_stand_in(
    name: str, features: KerasTensor, absent: KerasTensor, *, rate: float = 0.0, learned: bool = True
) -> KerasTensor:
    """Replace the features of rows whose input is missing, or dropped in training, by one vector.

    Args:
        name: of the branch.
        features: (rows, width).
        absent: (rows, 1), 1.0 where the input is missing.
        rate: share of the rows whose input is dropped in training.
        learned: by gradients; else see `set_means`.
    """
    if rate:
        ones = ops.ones_like(features[:, :1], dtype="float32")
        kept = layers.Dropout(rate, name=f"{name}_dropout_input", dtype="float32")(ones)
        absent = ops.maximum(absent, ops.cast(ops.equal(kept, 0.0), "float32"))
    stand_in = layers.Dense(
        features.shape[-1],
        use_bias=False,
        kernel_initializer="zeros",
        trainable=learned,
        name=f"{name}{LEARNED if learned else MEAN}",
    )
    return ops.where(absent > 0, stand_in(absent), features)


def set_means(model: keras.Model, rows: Rows | Stream) -> None:
    """Set the stand-ins that no gradient teaches to their branch's mean output over some of the rows."""
    for name in model.input:
        part = model.get_layer(branch_layer(name))
        if _layer(part, name, MEAN):
            fill(part, _means(model, [name], rows))


def fill(model: keras.Model, vectors: Mapping[str, Array]) -> None:
    """Give the stand-ins that lie directly in a model these vectors, by branch."""
    for name, vector in vectors.items():
        if layer := _layer(model, name, MEAN):
            layer.set_weights([vector])


def stand_ins(model: keras.Model, rows: Rows | Stream) -> dict[str, Array]:
    """The vector (1, width) of every branch: what it has learned, or its mean output over training rows."""
    layers = {name: _own(model.get_layer(branch_layer(name)), name) for name in model.input}
    own = {name: layer.get_weights()[0] for name, layer in layers.items() if layer}
    return _means(model, [name for name in layers if name not in own], rows) | own


def has_stand_in(part: keras.Model, name: str) -> bool:
    """Whether a branch's part puts a vector in place of missing inputs by itself."""
    return _own(part, name) is not None


def _own(part: keras.Model, name: str) -> Any:
    return _layer(part, name, LEARNED) or _layer(part, name, MEAN)


def _layer(model: keras.Model, name: str, ending: str) -> Any:
    return next((layer for layer in model.layers if layer.name == f"{name}{ending}"), None)


def _means(model: keras.Model, names: Sequence[str], rows: Rows | Stream) -> dict[str, Array]:
    if not names:
        return {}
    inputs = rows.take(np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))).inputs
    found = {}
    for name in names:
        features = model.get_layer(branch_layer(name))(inputs[name], training=False)
        present = np.asarray(features, "float64")[_present(inputs[name])]
        found[name] = present.mean(axis=0, keepdims=True).astype("float32")
    return found


def _present(x: Any) -> Array:
    """Which rows have the input, (rows,); all have, where it is of bytes."""
    return np.full(len(x), True) if x.dtype == "uint8" else np.asarray(is_absent(x))[:, 0] == 0
