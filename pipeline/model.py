"""Parts into one functional keras.Model: a dict of inputs in, a dict of head outputs out.

Every branch, the fusion and every head is a nested keras.Model, named `branch_<name>`, `fusion` and
`head_<name>`: a part's weights are those of its layer, and what is shared shows in the graph.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import keras
from keras import KerasTensor, layers, ops


def build_model(
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    branches: Mapping[str, Any],
    fusion: Any,
    heads: Mapping[str, Any],
    missing: Collection[str] = (),
) -> keras.Model:
    """The model that is trained: prepared inputs, by name, to raw head outputs, by name.

    Args:
        inputs: the data's fitted inputs; those without a branch are left out.
        targets: the data's fitted targets; `units` is the width of the head's output.
        branches: encoders by the name of their input.
        fusion: joins the branches' features.
        heads: heads by the name of their target.
        missing: inputs that some training rows lack; their branches learn a stand-in.

    Example:
        >>> model = build_model(dataset.inputs, dataset.targets, branches, fusion, heads)
        >>> model({"image": images, "series": series})["class"].shape
        (32, 31)
    """
    entries = {name: _entry(name, inputs[name]) for name in branches}
    features = {
        name: _branch(name, branch, inputs[name], entries[name], name in missing)(entries[name])
        for name, branch in branches.items()
    }
    sizes = {name: keras.Input(x.shape[1:], name=name) for name, x in features.items()}
    fused = keras.Model(sizes, fusion(sizes), name="fusion")(features)
    outputs = {}
    for name, head in heads.items():
        read = features[head.branch] if head.branch else fused
        made = _head(name, head, head.width(targets[name].units), read.shape[1:])
        made.reads = f"branch_{head.branch}" if head.branch else "fusion"
        outputs[name] = made(read)
    return keras.Model(entries, outputs, name="model")


def encode(model: keras.Model, inputs: Mapping[str, Any], *, training: bool) -> dict[str, Any]:
    """The branches' features, by branch."""
    return {name: model.get_layer(f"branch_{name}")(inputs[name], training=training) for name in model.input}


def decode(
    model: keras.Model, features: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Features on to the heads: what crosses to them, by the layer it comes from, and their outputs."""
    parts = {name: model.get_layer(f"head_{name}") for name in heads}
    crossing = {"fusion": model.get_layer("fusion")(dict(features), training=training)}
    for name, x in features.items():
        if any(part.reads == f"branch_{name}" for part in parts.values()):
            # A copy lies on no way to the fusion: its gradient is that of the heads that read it.
            crossing[f"branch_{name}"] = ops.copy(x)
    return crossing, {name: part(crossing[part.reads], training=training) for name, part in parts.items()}


def forward(
    model: keras.Model, inputs: Mapping[str, Any], heads: Iterable[str], *, training: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The model part by part: what crosses to the heads, by the layer it comes from, and their outputs."""
    return decode(model, encode(model, inputs, training=training), heads, training=training)


def build_presenter(targets: Mapping[str, Any], heads: Mapping[str, Any]) -> keras.Model:
    """Raw head outputs to what people read: probabilities, and numbers in their own unit."""
    raw = {name: keras.Input((head.width(targets[name].units),), name=name) for name, head in heads.items()}
    shown = {name: _in_own_unit(targets[name], head.present(raw[name], name)) for name, head in heads.items()}
    return keras.Model(raw, shown, name="presenter")


def export_model(inputs: Mapping[str, Any], model: keras.Model, presenter: keras.Model) -> keras.Model:
    """The model that is logged: raw inputs, strings too, to presented outputs; its weights are `model`'s."""
    raw = {
        key: keras.Input(shape, dtype=dtype, name=key)
        for name in model.input
        for key, (shape, dtype) in inputs[name].specs().items()
    }
    prepared = {
        name: raw[name]
        if inputs[name].prepare_in_model
        else inputs[name].prepare({key: raw[key] for key in inputs[name].specs()})
        for name in model.input
    }
    return keras.Model(raw, presenter(model(prepared)), name="logged_model")


def _in_own_unit(target: Any, x: KerasTensor) -> KerasTensor:
    """What a target presents; of several outputs per column, as those of quantiles, each by its column."""
    columns, width = target.units, x.shape[-1]
    if width == columns:
        return target.present(x)
    by_column = layers.Permute((2, 1))(layers.Reshape((columns, width // columns))(x))
    return layers.Reshape((width,))(layers.Permute((2, 1))(target.present(by_column)))


def _entry(name: str, source: Any) -> KerasTensor:
    """Where a branch's values enter: raw ones if they are prepared inside the model, else prepared ones."""
    raw = {key: keras.Input(shape, dtype=dtype) for key, (shape, dtype) in source.specs().items()}
    tensor = raw[name] if source.prepare_in_model else source.prepare(raw)
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)


def _branch(name: str, branch: Any, source: Any, entry: KerasTensor, missing: bool) -> keras.Model:
    inside = keras.Input(entry.shape[1:], dtype=entry.dtype, name=f"{name}_prepared")
    x = source.prepare({name: inside}) if source.prepare_in_model else inside
    if not (missing or branch.dropout_input):
        return keras.Model(
            inside, branch(x, name=name, vocabularies=source.vocabularies), name=f"branch_{name}"
        )
    known = x if source.kind in ("series", "text") else ops.where(ops.isnan(x), 0.0, x)
    features = branch(known, name=name, vocabularies=source.vocabularies)
    features = _with_stand_in(name, features, _absent(x), branch.dropout_input)
    return keras.Model(inside, features, name=f"branch_{name}")


def _absent(x: KerasTensor) -> KerasTensor:
    """1.0 for rows whose whole input is missing, (rows, 1): all NaN, or no token."""
    gone = ops.equal(x, 0) if keras.backend.is_int_dtype(x.dtype) else ops.isnan(x)
    axes = tuple(range(1, len(x.shape)))
    return ops.cast(ops.expand_dims(ops.all(gone, axis=axes), -1), "float32")


def _with_stand_in(name: str, features: KerasTensor, absent: KerasTensor, rate: float) -> KerasTensor:
    """Replace the features of rows whose input is missing, or dropped in training, by a learned vector."""
    if rate:
        ones = ops.ones_like(features[:, :1], dtype="float32")
        kept = layers.Dropout(rate, name=f"{name}_dropout_input", dtype="float32")(ones)
        dropped = ops.cast(ops.equal(kept, 0.0), "float32")
        absent = ops.maximum(absent, dropped)
    stand_in = layers.Dense(
        features.shape[-1], use_bias=False, kernel_initializer="zeros", name=f"{name}_stand_in"
    )
    return ops.where(absent > 0, stand_in(absent), features)


def _head(name: str, head: Any, width: int, shape: tuple[int, ...]) -> keras.Model:
    inside = keras.Input(shape, name=f"{name}_fused")
    return keras.Model(inside, head(inside, name=f"{name}_output", width=width), name=f"head_{name}")
