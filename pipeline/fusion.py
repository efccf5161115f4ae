"""Fusion: the branches' features, by name, into one tensor of shape (rows, features)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras import KerasTensor, layers, ops


@dataclass(frozen=True, kw_only=True)
class Concatenate:
    """Branches side by side, then dense layers of `units`."""

    units: Sequence[int] = ()
    activation: str | None = "relu"
    dropout: float = 0.0

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        tensors = list(branches.values())
        # Keras refuses to concatenate a single tensor.
        joined = layers.Concatenate(name="fusion_concatenate")(tensors) if len(tensors) > 1 else tensors[0]
        return fused_stack(joined, self.units, self.activation, self.dropout)


@dataclass(frozen=True, kw_only=True)
class Add:
    """Every branch projected to `width` features, then summed."""

    width: int
    units: Sequence[int] = ()
    activation: str | None = "relu"
    dropout: float = 0.0

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        projected = project(branches, self.width)
        total = layers.Add(name="fusion_add")(projected) if len(projected) > 1 else projected[0]
        total = layers.Activation(self.activation, name="fusion_activation")(total)
        return fused_stack(total, self.units, self.activation, self.dropout)


@dataclass(frozen=True, kw_only=True)
class Gated:
    """A weighted sum of the projected branches; each row's weights are a softmax over branches.

    The gate sees all branches: weights = softmax(W [h_1 … h_m] + b), as in the gated multimodal unit
    (Arevalo et al. 2017, arXiv:1702.01992) with a softmax, so that more than two branches compete.
    """

    width: int
    units: Sequence[int] = ()
    activation: str | None = "relu"
    dropout: float = 0.0

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        projected = [layers.Activation(self.activation)(x) for x in project(branches, self.width)]
        if len(projected) == 1:
            return fused_stack(
                projected[0], self.units, self.activation, self.dropout
            )  # nothing to choose from
        seen = layers.Concatenate(name="fusion_seen")(list(branches.values()))
        gate = layers.Dense(len(projected), activation="softmax", name="fusion_gate")(seen)
        fused = ops.sum(ops.stack(projected, axis=1) * ops.expand_dims(gate, -1), axis=1)
        return fused_stack(fused, self.units, self.activation, self.dropout)


def project(branches: Mapping[str, KerasTensor], width: int) -> list[KerasTensor]:
    """Each branch's features by a dense layer of its own to (rows, width)."""
    return [layers.Dense(width, name=f"fusion_project_{name}")(x) for name, x in branches.items()]


def fused_stack(x: KerasTensor, units: Sequence[int], activation: str | None, dropout: float) -> KerasTensor:
    """Dense layers of the given sizes over the joined branches, each followed by dropout."""
    for i, width in enumerate(units, 1):
        x = layers.Dense(width, activation=activation, name=f"fusion_dense_{i}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"fusion_dropout_{i}")(x)
    return x
