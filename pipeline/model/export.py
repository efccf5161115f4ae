"""Builds the logged model: raw inputs, including strings, to outputs in readable form."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import KerasTensor, ops
from numpy.typing import NDArray

from pipeline.data.kinds import Input
from pipeline.data.kinds.prepare import Specs
from pipeline.model.ensemble import members_of
from pipeline.model.layer_names import FUSION, branch_layer, head_layer
from pipeline.model.stand_in import fill, has_stand_in, is_absent, with_stand_in


def export_model(
    inputs: Mapping[str, Input],
    model: keras.Model,
    presenter: keras.Model,
    vectors: Mapping[str, NDArray[Any]],
) -> keras.Model:
    """Build the model that is logged; it shares the weights of `model`.

    Any input may be missing in any row. Images of bytes are float inputs here, because no byte is NaN.

    Args:
        vectors: branch -> stand-in (1, width) for a missing input; see `pipeline.model.stand_in.stand_ins`.
    """
    raw = {
        key: keras.Input(shape, dtype="float32" if dtype == "uint8" else dtype, name=key)
        for name in model.input
        for key, (shape, dtype) in inputs[name].specs().items()
    }
    features = {
        name: _features(name, model.get_layer(branch_layer(name)), inputs[name], raw) for name in model.input
    }
    head_inputs = {FUSION: model.get_layer(FUSION)(features)}
    head_inputs |= {branch_layer(name): x for name, x in features.items()}
    heads = {name: model.get_layer(head_layer(name)) for name in model.output}
    outputs = {name: head(head_inputs[head.reads]) for name, head in heads.items()}
    exported = keras.Model(raw, presenter(outputs), name="logged_model")
    fill(exported, vectors)
    return exported


def raw_specs(exported: keras.Model, name: str) -> Specs:
    """Return shape (without the rows) and dtype of each raw model input that belongs to a data input."""
    specs = {
        key: (tuple(x.shape[1:]), str(x.dtype))
        for key, x in exported.input.items()
        if key == name or key.startswith(f"{name}.")
    }
    if members_of(exported)[0].get_layer(branch_layer(name)).input.dtype == "uint8":
        specs[name] = (specs[name][0], "uint8")
    return specs


def _features(name: str, part: keras.Model, source: Input, raw: Mapping[str, KerasTensor]) -> KerasTensor:
    """Return a branch's features of raw values; add a stand-in if the branch cannot handle missing inputs."""
    x = raw[name] if source.prepare_in_model else source.prepare({key: raw[key] for key in source.specs()})
    of_bytes = part.input.dtype == "uint8"
    # Vectors and tables need no stand-in, because each missing cell is filled.
    if source.kind not in ("image", "series", "text") or (has_stand_in(part, name) and not of_bytes):
        return part(x)
    absent = is_absent(x)
    if source.kind == "image":
        x = ops.where(ops.reshape(absent, (-1, *[1] * (len(x.shape) - 1))) > 0, 0.0, x)
    return with_stand_in(name, part(ops.cast(x, part.input.dtype)), absent, learned=False)
