"""What the branches of a logged model can be differentiated by: pixels, scaled numbers, and embeddings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import KerasTensor, ops
from numpy.typing import NDArray

from pipeline.model.layer_names import FUSION, branch_layer
from pipeline.model.stand_in import MEAN

Array = NDArray[Any]
COLUMNS = ":columns"  # suffix of the names of the prepared columns among the training means


@dataclass(frozen=True)
class Branch:
    """One branch of a logged model, from its entries to its features.

    The entries of a branch are its prepared input under the branch's name, unless these are ids, and the
    output of each embedding under `<branch>/<layer>`.

    Args:
        name, kind: of the input.
        prepared: the tensor in the logged model that enters the branch.
        embeddings: the layers that embed words, groups of letters or categories.
        embed: prepared input -> outputs of these layers.
        body: prepared input and outputs of these layers -> features.
        stand_in: (1, width) replaces the features of a missing input; None if `body` does so itself.
    """

    name: str
    kind: str
    prepared: KerasTensor
    embeddings: list[str]
    embed: keras.Model | None
    body: keras.Model
    stand_in: Array | None

    @property
    def codes(self) -> int:
        """The number of first columns that are codes of categories."""
        return len(self.embeddings) if self.kind != "text" else 0

    @property
    def ids(self) -> bool:
        """Whether the prepared input cannot be differentiated by: it is ids of words."""
        return self.kind == "text"

    def enter(
        self,
        prepared: Array,
        raw: Mapping[str, Any],
        entries: dict[str, Array],
        fixed: dict[str, Array],
    ) -> None:
        """Add the branch's entries, (rows, …), and what stays as it is: its ids, and which rows lack it."""
        if self.ids:
            fixed[self.name] = prepared
        else:
            entries[self.name] = prepared.astype(np.float32)
        if self.embed is not None:
            outputs = self.embed(prepared)
            if len(self.embeddings) == 1:
                outputs = [outputs]  # Keras returns the only output of a model by itself
            for name, values in zip(self.embeddings, outputs, strict=True):
                entries[f"{self.name}/{name}"] = np.asarray(values, np.float32)
        values = np.asarray(raw[self.name]) if self.kind == "image" else prepared
        absent: Any = values == 0 if self.ids else np.isnan(values.astype(np.float32))
        fixed[f"{self.name} absent"] = absent.reshape(len(values), -1).all(axis=1, keepdims=True)

    def features(self, points: Mapping[str, Any], fixed: Mapping[str, Any]) -> Any:
        """Run the branch, (rows, …) -> (rows, width)."""
        first = fixed[self.name] if self.ids else points[self.name]
        inputs = [first, *(points[f"{self.name}/{name}"] for name in self.embeddings)]
        features = self.body(inputs if self.embeddings else first, training=False)
        if self.stand_in is None:
            return features
        return ops.where(fixed[f"{self.name} absent"], ops.cast(self.stand_in, features.dtype), features)

    def parts(self, found: Mapping[str, Array], names: Mapping[str, Array]) -> dict[str, Array]:
        """Sum up the attributions by what a reader knows.

        Returns:
            image: `pixels` (rows, height, width); series: `steps` (rows, steps, channels); text: `words`
            (rows, longest) and, if there are any, `letters` (rows,); else each column (rows,).
        """
        embedded = [found[f"{self.name}/{name}"].sum(axis=-1) for name in self.embeddings]
        if self.kind == "text":
            return {
                "letters" if "_letters" in name else "words": x.sum(axis=1) if "_letters" in name else x
                for name, x in zip(self.embeddings, embedded, strict=True)
            }
        direct = found[self.name]
        if self.kind == "image":
            return {"pixels": direct.sum(axis=-1)}
        if self.kind == "series":
            return {"steps": direct}
        flat = np.concatenate([x[:, None] for x in embedded] + [direct[:, self.codes :]], axis=1)
        columns = names.get(f"{self.name}{COLUMNS}", np.arange(flat.shape[1]).astype(str))
        sums: dict[str, Array] = {}
        for place, column in enumerate(columns.tolist()):
            sums[column] = sums.get(column, 0) + flat[:, place]
        return sums


def branches_of(model: keras.Model, kinds: Mapping[str, str]) -> dict[str, Branch]:
    """Return the branches of a logged model by name."""
    return {name: _branch(model, name, kind) for name, kind in kinds.items()}


def after_branches(model: keras.Model, heads: Sequence[str]) -> keras.Model:
    """Return the rest of a logged model: features, in the order of the branches -> outputs of some heads."""
    (node,) = _nodes(model, model.get_layer(FUSION))
    return keras.Model(list(node.input_tensors), {head: model.output[head] for head in heads})


def _branch(model: keras.Model, name: str, kind: str) -> Branch:
    part = model.get_layer(branch_layer(name))
    (node,) = _nodes(model, part)
    (prepared,) = node.input_tensors
    # Not that of learned positions.
    pattern = re.compile(rf"{re.escape(name)}(_letters)?_embedding(_\d+)?")
    layers = [layer for layer in part.layers if pattern.fullmatch(layer.name)]
    body = part
    if part.input.dtype == "uint8":
        pixels = keras.Input(part.input.shape[1:], dtype="float32")
        # The same layers on floats, by which bytes cannot be differentiated.
        body = keras.models.clone_model(part, input_tensors=pixels, clone_function=lambda layer: layer)
    outputs = [layer.output for layer in layers]
    stand_in = next((x for x in model.layers if x.name == f"{name}{MEAN}"), None)
    return Branch(
        name,
        kind,
        prepared,
        [layer.name for layer in layers],
        keras.Model(part.input, outputs) if layers else None,
        keras.Model([part.input, *outputs], part.output) if layers else body,
        None if stand_in is None else np.asarray(stand_in.get_weights()[0]),
    )


def _nodes(model: keras.Model, operation: Any) -> list[Any]:
    """Return the places in a model's graph where an operation is called; it may be in other graphs too."""
    depths = model._nodes_by_depth.values()
    return [node for nodes in depths for node in nodes if node.operation is operation]
