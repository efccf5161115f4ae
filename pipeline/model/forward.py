"""Runs the model part by part: the branches, the fusion, the heads."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from pipeline.model.layer_names import FUSION, branch_layer, head_layer


def encode(model: keras.Model, inputs: Mapping[str, Any], *, training: bool) -> dict[str, Any]:
    """Run the branches; return branch -> features."""
    return {
        name: model.get_layer(branch_layer(name))(inputs[name], training=training) for name in model.input
    }


def decode(
    model: keras.Model, features: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the fusion and some heads on the branches' features.

    Returns:
        The representations that the heads read, by layer name, and the heads' outputs by head.
    """
    parts = {name: model.get_layer(head_layer(name)) for name in heads}
    representations = {FUSION: model.get_layer(FUSION)(dict(features), training=training)}
    for name, x in features.items():
        if any(part.reads == branch_layer(name) for part in parts.values()):
            # The fusion does not use the copy, so its gradient comes only from the heads that read it.
            representations[branch_layer(name)] = ops.copy(x)
    outputs = {name: part(representations[part.reads], training=training) for name, part in parts.items()}
    return representations, outputs


def forward(
    model: keras.Model, inputs: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the whole model; returns the same as `decode`."""
    return decode(model, encode(model, inputs, training=training), heads, training=training)
