"""Fusions: join the branches' features, given by name, into one tensor of shape (rows, features)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras import KerasTensor, layers, ops

from pipeline.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """The arguments that all fusions share.

    Args:
        units: sizes of the dense layers after the branches are joined.
        activation: activation of these layers and of the projected or joined branches.
        dropout: dropout rate after each of these layers.
    """

    units: Sequence[int] = ()
    activation: str | None = "relu"
    dropout: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Concatenate(Fusion):
    """Concatenates the branches' features.

    Args:
        skip: pass the joined features on beside those of the dense layers, so that heads are also linear in
            them (wide and deep, Cheng et al. 2016, arXiv:1606.07792).
    """

    skip: bool = False

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        together = joined(list(branches.values()))
        fused = fused_stack(together, self.units, self.activation, self.dropout)
        if not self.skip or not self.units:
            return fused
        return layers.Concatenate(name="fusion_skip")([fused, together])


@dataclass(frozen=True, kw_only=True)
class Add(Fusion):
    """Projects every branch to `width` features and sums them."""

    width: int

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        projected = project(branches, self.width)
        total = layers.Add(name="fusion_add")(projected) if len(projected) > 1 else projected[0]
        total = layers.Activation(self.activation, name="fusion_activation")(total)
        return fused_stack(total, self.units, self.activation, self.dropout)


@dataclass(frozen=True, kw_only=True)
class Gated(Fusion):
    """A weighted sum of the projected branches; each row's weights are a softmax over branches.

    The gate reads all branches: weights = softmax(W [h_1 … h_m] + b). This is the gated multimodal unit
    (Arevalo et al. 2017, arXiv:1702.01992) with a softmax, so that it works for more than two branches.
    """

    width: int

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        projected = [layers.Activation(self.activation)(x) for x in project(branches, self.width)]
        if len(projected) == 1:
            return fused_stack(projected[0], self.units, self.activation, self.dropout)
        everything = layers.Concatenate(name="fusion_seen")(list(branches.values()))
        gate = layers.Dense(len(projected), activation="softmax", name="fusion_gate")(everything)
        fused = ops.sum(ops.stack(projected, axis=1) * ops.expand_dims(gate, -1), axis=1)
        return fused_stack(fused, self.units, self.activation, self.dropout)


@dataclass(frozen=True, kw_only=True)
class Attention(Fusion):
    """Self-attention between the projected branches, then their mean.

    The attention of a transformer whose tokens are the branches (Vaswani et al. 2017, arXiv:1706.03762): how
    much a branch counts in a row depends on how its features match those of the others.

    Args:
        width: features of a projected branch; a multiple of `attention_heads`.
    """

    width: int
    attention_heads: int = 4

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        tokens = ops.stack(project(branches, self.width), axis=1)
        if len(branches) > 1:
            attend = layers.MultiHeadAttention(
                self.attention_heads,
                self.width // self.attention_heads,
                # The keys' bias cancels in the softmax, so it would never get a gradient.
                use_bias=False,
                name="fusion_attention",
            )
            normed = layers.LayerNormalization(name="fusion_norm")(tokens)
            tokens = tokens + attend(normed, normed)
        fused = layers.Activation(self.activation, name="fusion_activation")(ops.mean(tokens, axis=1))
        return fused_stack(fused, self.units, self.activation, self.dropout)


@dataclass(frozen=True, kw_only=True)
class FiLM(Fusion):
    """Branches scale and shift each other's features; then all are concatenated.

    Perez et al. 2018 (arXiv:1709.07871): features x (1 + scale) + shift, where scale and shift are linear
    functions of the conditioning branches.

    Args:
        width: features of a projected branch.
        condition: the branch that conditions all others and is not conditioned itself; null: each branch is
            conditioned by all others.

    Raises:
        ConfigError: there is no branch `condition`.
    """

    width: int
    condition: str | None = None

    def __call__(self, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        if self.condition is not None and self.condition not in branches:
            raise ConfigError(
                "fusion.condition", "there is no such branch", found=self.condition, allowed=branches
            )
        projected = dict(zip(branches, project(branches, self.width), strict=True))
        conditioned = [
            layers.Activation(self.activation, name=f"fusion_activation_{name}")(
                self._conditioned(name, x, branches)
            )
            for name, x in projected.items()
        ]
        return fused_stack(joined(conditioned), self.units, self.activation, self.dropout)

    def _conditioned(self, name: str, x: KerasTensor, branches: Mapping[str, KerasTensor]) -> KerasTensor:
        sources = [self.condition] if self.condition else [other for other in branches if other != name]
        if not sources or sources == [name]:
            return x
        condition = joined([branches[other] for other in sources], f"fusion_condition_{name}")
        scale = layers.Dense(self.width, name=f"fusion_scale_{name}")(condition)
        shift = layers.Dense(self.width, use_bias=False, name=f"fusion_shift_{name}")(condition)
        return x * (1.0 + scale) + shift


def joined(tensors: Sequence[KerasTensor], name: str = "fusion_concatenate") -> KerasTensor:
    """Concatenate tensors; a single one is returned as it is, because Keras refuses to concatenate it."""
    return layers.Concatenate(name=name)(list(tensors)) if len(tensors) > 1 else tensors[0]


def project(branches: Mapping[str, KerasTensor], width: int) -> list[KerasTensor]:
    """Project each branch's features to (rows, width) by its own dense layer."""
    return [layers.Dense(width, name=f"fusion_project_{name}")(x) for name, x in branches.items()]


def fused_stack(x: KerasTensor, units: Sequence[int], activation: str | None, dropout: float) -> KerasTensor:
    """Apply a dense layer and dropout for each entry of `units` to the joined branches."""
    for i, width in enumerate(units, 1):
        x = layers.Dense(width, activation=activation, name=f"fusion_dense_{i}")(x)
        if dropout:
            x = layers.Dropout(dropout, name=f"fusion_dropout_{i}")(x)
    return x
