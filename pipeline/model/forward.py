"""The model part by part: branches, then what crosses to the heads, then the heads."""

from collections.abc import Iterable, Mapping
from typing import Any

import keras
from keras import ops

from pipeline.model.layer_names import FUSION, branch_layer, head_layer


def encode(model: keras.Model, inputs: Mapping[str, Any], *, training: bool) -> dict[str, Any]:
    """The branches' features, by branch."""
    return {
        name: model.get_layer(branch_layer(name))(inputs[name], training=training) for name in model.input
    }


def decode(
    model: keras.Model, features: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Features on to the heads: what crosses to them, by the layer it comes from, and their outputs."""
    parts = {name: model.get_layer(head_layer(name)) for name in heads}
    crossing = {FUSION: model.get_layer(FUSION)(dict(features), training=training)}
    for name, x in features.items():
        if any(part.reads == branch_layer(name) for part in parts.values()):
            # A copy lies on no way to the fusion: its gradient is that of the heads that read it.
            crossing[branch_layer(name)] = ops.copy(x)
    return crossing, {name: part(crossing[part.reads], training=training) for name, part in parts.items()}


def forward(
    model: keras.Model, inputs: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model part by part: what crosses to the heads, by the layer it comes from, and their outputs."""
    return decode(model, encode(model, inputs, training=training), heads, training=training)
