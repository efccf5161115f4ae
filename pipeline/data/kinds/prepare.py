"""Preparation as a graph of Keras layers, and the arrays that this graph computes."""

from collections.abc import Mapping
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from keras import KerasTensor

from pipeline.data.files.memory import aligned
from pipeline.data.files.stored import LazyArray, row_bytes, spans
from pipeline.folding import fold_texts

Specs = dict[str, tuple[tuple[int | None, ...], str]]  # raw model input -> shape without rows, and dtype
# Raw rows at a time: bounds the memory, and is large enough to be fast.
BATCH_BYTES, MOST_ROWS = 1 << 24, 1 << 16
TRACED_ROWS = 100_000


class Preparation(Protocol):
    """The part of a fitted input that `preparation` needs."""

    def specs(self) -> Specs: ...

    def prepare(self, tensors: Mapping[str, KerasTensor]) -> KerasTensor: ...


def input_tensors(specs: Specs) -> dict[str, KerasTensor]:
    """One symbolic Keras input per raw model input."""
    return {name: keras.Input(shape, dtype=dtype, name=name) for name, (shape, dtype) in specs.items()}


def preparation(source: Preparation) -> keras.Model:
    """The graph of a fitted input: takes a dict of raw or encoded tensors, returns one prepared tensor."""
    tensors = input_tensors(source.encoded_specs() if hasattr(source, "encoded_specs") else source.specs())
    return keras.Model(tensors, source.prepare(tensors))


def encoded(source: Any, raw: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """Raw arrays as the graph of `preparation` takes them."""
    arrays: Mapping[str, np.ndarray] = source.encoded(raw) if hasattr(source, "encoded") else raw
    return arrays


def prepare_rows(graph: keras.Model, raw: Mapping[str, np.ndarray | LazyArray]) -> np.ndarray:
    """Runs a preparation on raw arrays, in batches.

    Args:
        graph: the result of `preparation`; the saved model contains the same graph.
        raw: raw model input -> (rows, ...), encoded.

    Returns:
        (rows, ...) float32, or int32 for text.
    """
    rows = len(next(iter(raw.values())))
    raw = fold_texts(graph, raw)
    row = max(sum(row_bytes(values) for values in raw.values()), BATCH_BYTES // MOST_ROWS)
    prepared: np.ndarray | None = None
    run = _traced(graph) if rows > TRACED_ROWS else graph
    for span in spans(rows, row, BATCH_BYTES):
        batch = {
            name: keras.ops.convert_to_tensor(raw[name][span], dtype=tensor.dtype)
            for name, tensor in graph.input.items()
        }
        part = keras.ops.convert_to_numpy(run(batch))
        if prepared is None:
            prepared = aligned((rows, *part.shape[1:]), part.dtype)
        prepared[span] = part
    return np.zeros(0, np.float32) if prepared is None else prepared


def _traced(graph: keras.Model) -> Any:
    """The graph as a function, whose calls cost half as much; the results are the same."""
    signature = {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for name, tensor in graph.input.items()
    }
    return tf.function(lambda batch: graph(batch), input_signature=[signature], autograph=False)
