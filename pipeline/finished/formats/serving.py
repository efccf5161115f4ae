"""A logged model as one TensorFlow function of named tensors, with its texts folded inside."""

import re
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pipeline.finished.formats.text_folding import TextFolding
from pipeline.folding import folded_inputs


class CannotHoldError(Exception):
    """A format lacks something that a model needs; the message says what."""


def plain_names(model: keras.Model) -> dict[str, str]:
    """Return raw input -> its name in a file, where only letters, digits and _ are safe: `traits_island`."""
    names: dict[str, str] = {}
    for name in model.input:
        plain = re.sub(r"\W", "_", name, flags=re.ASCII)
        plain = plain if plain[:1].isalpha() else f"input_{plain}"
        while plain in names.values():
            plain += "_"
        names[name] = plain
    return names


def signature(model: keras.Model) -> dict[str, tf.TensorSpec]:
    """Return raw input -> the shape and type of its tensor, with any number of rows."""
    names = plain_names(model)
    return {
        name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, name=names[name])
        for name, tensor in model.input.items()
    }


class Served(tf.Module):
    """A logged model whose texts are folded in the graph, as `pipeline.folding.fold` does before it."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model = model
        self.texts = folded_inputs(model)
        self.folding = TextFolding() if self.texts else None

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model; raw values by input -> (rows, width) by head."""
        if self.folding:
            inputs = {
                name: self.folding(values) if name in self.texts else values
                for name, values in inputs.items()
            }
        return dict(self.model(inputs, training=False))

    def graph(self) -> Any:
        """Return the function as one traced graph."""
        function = tf.function(self.__call__, input_signature=[signature(self.model)], autograph=False)
        return function.get_concrete_function()
