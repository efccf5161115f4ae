"""The logged model: raw inputs, strings too, to outputs as people read them."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import KerasTensor, ops

from pipeline.model.layer_names import FUSION, branch_layer, head_layer
from pipeline.model.stand_in import fill, has_stand_in, is_absent, with_stand_in


def export_model(
    inputs: Mapping[str, Any], model: keras.Model, presenter: keras.Model, vectors: Mapping[str, Any]
) -> keras.Model:
    """The model that is logged: raw inputs, strings too, to presented outputs; its weights are `model`'s.

    Every input may be missing in any row. Images of bytes come as floats, since NaN is no byte.

    Args:
        vectors: branch -> (1, width), what stands in for its input; see `pipeline.model.stand_in.stand_ins`.
    """
    raw = {
        key: keras.Input(shape, dtype="float32" if dtype == "uint8" else dtype, name=key)
        for name in model.input
        for key, (shape, dtype) in inputs[name].specs().items()
    }
    features = {
        name: _exported(name, model.get_layer(branch_layer(name)), inputs[name], raw) for name in model.input
    }
    read = {FUSION: model.get_layer(FUSION)(features)}
    read |= {branch_layer(name): x for name, x in features.items()}
    parts = {name: model.get_layer(head_layer(name)) for name in model.output}
    outputs = {name: part(read[part.reads]) for name, part in parts.items()}
    whole = keras.Model(raw, presenter(outputs), name="logged_model")
    fill(whole, vectors)
    return whole


def raw_specs(exported: keras.Model, name: str) -> dict[str, tuple[tuple[int | None, ...], str]]:
    """What an exported model's input is made of: raw input -> its shape without the rows, and its type."""
    kinds = {
        key: (tuple(x.shape[1:]), str(x.dtype))
        for key, x in exported.input.items()
        if key == name or key.startswith(f"{name}.")
    }
    if exported.get_layer(branch_layer(name)).input.dtype == "uint8":
        kinds[name] = (kinds[name][0], "uint8")
    return kinds


def _exported(name: str, part: keras.Model, source: Any, raw: Mapping[str, KerasTensor]) -> KerasTensor:
    """A branch's features of raw values, with a stand-in where the branch has none, or sees bytes alone."""
    x = raw[name] if source.prepare_in_model else source.prepare({key: raw[key] for key in source.specs()})
    of_bytes = part.input.dtype == "uint8"
    # The cells of a vector or a table are filled one by one.
    if source.kind not in ("image", "series", "text") or (has_stand_in(part, name) and not of_bytes):
        return part(x)
    absent = is_absent(x)
    if source.kind == "image":
        x = ops.where(ops.reshape(absent, (-1, *[1] * (len(x.shape) - 1))) > 0, 0.0, x)
    return with_stand_in(name, part(ops.cast(x, part.input.dtype)), absent, learned=False)
