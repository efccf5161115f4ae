"""Preparation as a graph of Keras layers, and the arrays that this very graph gives."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Specs = dict[str, tuple[tuple[int | None, ...], str]]
BATCH = 4096  # rows at a time: bounds the memory of preparation, and is large enough to be fast


def input_tensors(specs: Specs) -> dict[str, Any]:
    """A symbolic Keras input per raw model input; the shapes are without the rows."""
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in specs.items()}


def prepared(one: Any, raw: Mapping[str, np.ndarray]) -> np.ndarray:
    """What an input's `prepare` gives for raw arrays: the graph that the saved model holds, in batches.

    Args:
        one: an input, fitted.
        raw: raw model input name -> (rows, ...).

    Returns:
        (rows, ...) float32, or int32 for text.
    """
    specs = one.specs()
    tensors = input_tensors(specs)
    graph = keras.Model(tensors, one.prepare(tensors))
    rows = len(next(iter(raw.values())))
    parts = []
    for start in range(0, max(rows, 1), BATCH):
        batch = {
            name: keras.ops.convert_to_tensor(raw[name][start : start + BATCH], dtype=dtype)
            for name, (_, dtype) in specs.items()
        }
        parts.append(keras.ops.convert_to_numpy(graph(batch)))
    return np.concatenate(parts)
