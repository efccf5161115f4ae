"""Parts into one functional keras.Model: a dict of inputs in, a dict of head outputs out.

Every branch, the fusion and every head is a nested keras.Model, named `branch_<name>`, `fusion` and
`head_<name>`: a part's weights are those of its layer, and what is shared shows in the graph.
"""

from collections.abc import Collection, Mapping
from typing import Any

import keras
from keras import KerasTensor, layers, ops

from pipeline.model.layer_names import FUSION, branch_layer, head_layer, output_layer, read_layer
from pipeline.model.stand_in import is_absent, with_stand_in


def build_model(
    inputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    branches: Mapping[str, Any],
    fusion: Any,
    heads: Mapping[str, Any],
    missing: Collection[str] = (),
    missing_later: Collection[str] = (),
) -> keras.Model:
    """The model that is trained: prepared inputs, by name, to raw head outputs, by name.

    Args:
        inputs: the data's fitted inputs; those without a branch are left out.
        targets: the data's fitted targets; `units` is the width of the head's output.
        branches: encoders by the name of their input.
        fusion: joins the branches' features.
        heads: heads by the name of their target.
        missing: inputs that some training rows lack; their branches learn a stand-in.
        missing_later: inputs that only validation or test rows lack; the branch's mean output stands in.

    Example:
        >>> model = build_model(dataset.inputs, dataset.targets, branches, fusion, heads)
        >>> model({"image": images, "series": series})["class"].shape
        (32, 31)
    """
    entries = {name: _entry(name, inputs[name]) for name in branches}
    features = {
        name: _branch(
            name, branch, inputs[name], entries[name], learns=name in missing, needs=name in missing_later
        )(entries[name])
        for name, branch in branches.items()
    }
    sizes = {name: keras.Input(x.shape[1:], name=name) for name, x in features.items()}
    fused = keras.Model(sizes, fusion(sizes), name=FUSION)(features)
    outputs = {}
    for name, head in heads.items():
        read = features[head.branch] if head.branch else fused
        made = _head(name, head, head.width(targets[name].units), read.shape[1:])
        made.reads = read_layer(head.branch)
        outputs[name] = made(read)
    return keras.Model(entries, outputs, name="model")


def build_presenter(targets: Mapping[str, Any], heads: Mapping[str, Any]) -> keras.Model:
    """Raw head outputs to what people read: probabilities, and numbers in their own unit."""
    raw = {name: keras.Input((head.width(targets[name].units),), name=name) for name, head in heads.items()}
    shown = {name: _in_own_unit(targets[name], head.present(raw[name], name)) for name, head in heads.items()}
    return keras.Model(raw, shown, name="presenter")


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


def _branch(
    name: str, branch: Any, source: Any, entry: KerasTensor, *, learns: bool, needs: bool
) -> keras.Model:
    inside = keras.Input(entry.shape[1:], dtype=entry.dtype, name=f"{name}_prepared")
    x = source.prepare({name: inside}) if source.prepare_in_model else inside
    if not (learns or needs or branch.dropout_input):
        return keras.Model(
            inside, branch(x, name=name, vocabularies=source.vocabularies), name=branch_layer(name)
        )
    known = x if source.kind in ("series", "text") else ops.where(ops.isnan(x), 0.0, x)
    features = branch(known, name=name, vocabularies=source.vocabularies)
    learned = bool(learns or branch.dropout_input) and branch.learning_rate != 0
    features = with_stand_in(name, features, is_absent(x), rate=branch.dropout_input, learned=learned)
    return keras.Model(inside, features, name=branch_layer(name))


def _head(name: str, head: Any, width: int, shape: tuple[int, ...]) -> keras.Model:
    inside = keras.Input(shape, name=f"{name}_fused")
    return keras.Model(inside, head(inside, name=output_layer(name), width=width), name=head_layer(name))
