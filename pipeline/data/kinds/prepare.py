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


def preparation(one: Any) -> keras.Model:
    """The graph of a fitted input: a dict of raw tensors in, one prepared tensor out."""
    tensors = input_tensors(one.specs())
    return keras.Model(tensors, one.prepare(tensors))


def prepared(graph: keras.Model, raw: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a preparation gives for raw arrays, run in batches.

    Args:
        graph: what `preparation` gave: the very graph that the saved model holds.
        raw: raw model input name -> (rows, ...).

    Returns:
        (rows, ...) float32, or int32 for text.
    """
    rows = len(next(iter(raw.values())))
    parts = []
    for start in range(0, rows, BATCH):
        batch = {
            name: keras.ops.convert_to_tensor(raw[name][start : start + BATCH], dtype=tensor.dtype)
            for name, tensor in graph.input.items()
        }
        parts.append(keras.ops.convert_to_numpy(graph(batch)))
    return np.concatenate(parts)
