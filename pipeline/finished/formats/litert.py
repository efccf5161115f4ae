"""LiteRT (TensorFlow Lite): one file for phones and small devices, in float32."""

import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from pipeline.finished.formats.quiet import quiet
from pipeline.finished.formats.serving import CannotHoldError, Served, plain_names

LACKING = re.compile(r"(?:TF Select|Custom) ops: ([\w, ]+)")


class LiteRT:
    """Holds numbers: it has no strings, and no arithmetic in float64, so all of it is float32."""

    def write(self, model: keras.Model, path: Path) -> None:
        """Write a .tflite file whose signature has the inputs and heads by name."""
        texts = [name for name, tensor in model.input.items() if tensor.dtype == "string"]
        if texts:
            raise CannotHoldError(f"LiteRT cannot look up strings, and these inputs are: {', '.join(texts)}")
        function = _in_float32(Served(model).graph(), list(model.output))
        try:
            with quiet():
                data = tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module()).convert()
        except Exception as error:  # the converter's own errors have no class of their own
            lacking = LACKING.search(str(error))
            named = f"it lacks {lacking[1].strip()}" if lacking else str(error).splitlines()[0][:200]
            raise CannotHoldError(f"LiteRT cannot hold this model: {named}") from error
        path.write_bytes(data)
        self.names = plain_names(model)

    def open(self, path: Path) -> None:
        """Load a file for `run`."""
        with quiet(), warnings.catch_warnings():
            # TensorFlow announces that its interpreter will be another package.
            warnings.simplefilter("ignore", UserWarning)
            self.interpreter = tf.lite.Interpreter(model_path=str(path))
            self.runner = self.interpreter.get_signature_runner()

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the model; raw values by input -> (rows, width) by head."""
        feeds = {plain: arrays[name].astype("float32") for name, plain in self.names.items()}
        try:
            return dict(self.runner(**feeds))
        except (RuntimeError, ValueError) as error:
            raise CannotHoldError(f"LiteRT cannot run the file: {str(error).splitlines()[0]}") from error


def _in_float32(function: Any, heads: list[str]) -> Any:
    """Return a function with constants for its variables, and float32 in place of float64."""
    frozen = convert_variables_to_constants_v2(function, lower_control_flow=False)
    graph = frozen.graph.as_graph_def()
    for node in [*graph.node, *(node for part in graph.library.function for node in part.node_def)]:
        for attribute in node.attr.values():
            _narrow(attribute)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
    feeds = [wrapped.graph.get_tensor_by_name(tensor.name) for tensor in frozen.inputs]
    # Outputs are flattened in the order of their names.
    fetches = {
        head: wrapped.graph.get_tensor_by_name(tensor.name)
        for head, tensor in zip(sorted(heads), frozen.outputs, strict=True)
    }
    return wrapped.prune(feeds, fetches)


def _narrow(attribute: Any) -> None:
    double, single = types_pb2.DT_DOUBLE, types_pb2.DT_FLOAT
    if attribute.type == double:
        attribute.type = single
    for place, kind in enumerate(attribute.list.type):
        if kind == double:
            attribute.list.type[place] = single
    if attribute.HasField("tensor") and attribute.tensor.dtype == double:
        values = tf.make_ndarray(attribute.tensor).astype(np.float32)
        attribute.tensor.CopyFrom(tf.make_tensor_proto(values))
