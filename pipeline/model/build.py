"""Builds one functional keras.Model from the parts: named inputs in, one named output per head out.

Every branch, the fusion and every head is a nested keras.Model, named as in `pipeline.model.layer_names`.
So a part's weights are those of its layer, and the graph shows which parts are shared.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

import keras
from keras import KerasTensor, ops

from pipeline.data.kinds import Input, Target
from pipeline.heads import Head
from pipeline.model.layer_names import (
    FUSION,
    PRESENTER,
    branch_layer,
    head_layer,
    output_layer,
    read_layer,
)
from pipeline.model.stand_in import is_absent, with_stand_in


class Encoder(Protocol):
    """What the model needs of a branch."""

    @property
    def dropout_input(self) -> float: ...

    @property
    def learning_rate(self) -> float: ...

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor: ...


def build_model(
    inputs: Mapping[str, Input],
    targets: Mapping[str, Target],
    branches: Mapping[str, Encoder],
    fusion: Callable[[dict[str, KerasTensor]], KerasTensor],
    heads: Mapping[str, Head],
    missing: Collection[str] = (),
    missing_later: Collection[str] = (),
) -> keras.Model:
    """Build the model that is trained: prepared inputs by name -> raw head outputs by name.

    Args:
        inputs: the fitted inputs of the data; those without a branch are ignored.
        targets: the fitted targets of the data.
        branches: encoders by the name of their input.
        fusion: joins the features of the branches.
        heads: heads by the name of their target.
        missing: inputs that are missing in some training rows; their branches learn a stand-in vector.
        missing_later: inputs that are missing only in validation or test rows; their branches use the mean
            of their features as the stand-in.

    Example:
        >>> model = build_model(dataset.inputs, dataset.targets, branches, fusion, heads)
        >>> model({"image": images, "series": series})["class"].shape
        (32, 31)
    """
    entries = {name: _entry(name, inputs[name]) for name in branches}
    features = {
        name: _branch(
            name,
            branch,
            inputs[name],
            entries[name],
            learn_stand_in=name in missing,
            mean_stand_in=name in missing_later,
        )(entries[name])
        for name, branch in branches.items()
    }
    fusion_inputs = {name: keras.Input(x.shape[1:], name=name) for name, x in features.items()}
    fused = keras.Model(fusion_inputs, fusion(fusion_inputs), name=FUSION)(features)
    outputs = {}
    for name, head in heads.items():
        head_input = features[head.branch] if head.branch else fused
        part = _head(name, head, head.width(targets[name].units), head_input.shape[1:])
        part.reads = read_layer(head.branch)
        outputs[name] = part(head_input)
    return keras.Model(entries, outputs, name="model")


def build_presenter(targets: Mapping[str, Target], heads: Mapping[str, Head]) -> keras.Model:
    """Build the presenter: raw head outputs -> probabilities, or numbers in original units."""
    raw = {name: keras.Input((head.width(targets[name].units),), name=name) for name, head in heads.items()}
    outputs = {
        name: _in_original_units(targets[name], head.present(raw[name], name)) for name, head in heads.items()
    }
    return keras.Model(raw, outputs, name=PRESENTER)


def _in_original_units(target: Target, x: KerasTensor) -> KerasTensor:
    return by_column(target.present, target.units, x)


def by_column(function: Callable[[KerasTensor], KerasTensor], columns: int, x: KerasTensor) -> KerasTensor:
    """Apply a function of (..., columns); if a column has several outputs (quantiles), to each of them."""
    width = x.shape[-1]
    if width == columns:
        return function(x)
    # Operations and not layers, because layers would cast numbers in original units to float32.
    separate = ops.transpose(ops.reshape(x, (-1, columns, width // columns)), (0, 2, 1))
    return ops.reshape(ops.transpose(function(separate), (0, 2, 1)), (-1, width))


def _entry(name: str, source: Input) -> KerasTensor:
    """Return a branch's model input: raw values if the model prepares them, else prepared values."""
    raw = {key: keras.Input(shape, dtype=dtype) for key, (shape, dtype) in source.specs().items()}
    tensor = raw[name] if source.prepare_in_model else source.prepare(raw)
    return keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)


def _branch(
    name: str,
    branch: Encoder,
    source: Input,
    entry: KerasTensor,
    *,
    learn_stand_in: bool,
    mean_stand_in: bool,
) -> keras.Model:
    inside = keras.Input(entry.shape[1:], dtype=entry.dtype, name=f"{name}_prepared")
    x = source.prepare({name: inside}) if source.prepare_in_model else inside
    if not (learn_stand_in or mean_stand_in or branch.dropout_input):
        return keras.Model(
            inside, branch(x, name=name, vocabularies=source.vocabularies), name=branch_layer(name)
        )
    without_nan = x if source.kind in ("series", "text") else ops.where(ops.isnan(x), 0.0, x)
    features = branch(without_nan, name=name, vocabularies=source.vocabularies)
    learned = bool(learn_stand_in or branch.dropout_input) and branch.learning_rate != 0
    features = with_stand_in(name, features, is_absent(x), rate=branch.dropout_input, learned=learned)
    return keras.Model(inside, features, name=branch_layer(name))


def _head(name: str, head: Head, width: int, shape: tuple[int, ...]) -> keras.Model:
    inside = keras.Input(shape, name=f"{name}_fused")
    return keras.Model(inside, head(inside, name=output_layer(name), width=width), name=head_layer(name))
