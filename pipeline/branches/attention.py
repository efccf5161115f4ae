"""Transformer blocks over steps, some of which may be missing; for series and texts."""

import numpy as np
from keras import KerasTensor, layers, ops

from pipeline.branches.stack import dropped


def attend_steps(
    x: KerasTensor,
    real: KerasTensor,
    *,
    blocks: int,
    attention_heads: int,
    expansion: int,
    activation: str,
    dropout: float,
    name: str,
) -> KerasTensor:
    """Apply `blocks` transformer blocks to (rows, time, width); the shape stays the same.

    Normalisation comes before each sublayer, as in Xiong et al. 2020 (arXiv:2002.04745), so no warm-up is
    needed. Steps attend only to real steps, so missing ones have no effect.
    """
    width = x.shape[-1]
    # (rows, 1, time): the same mask for every step.
    mask = ops.expand_dims(real[..., 0], 1)
    for i in range(1, blocks + 1):
        attend = layers.MultiHeadAttention(
            attention_heads,
            width // attention_heads,
            # The keys' bias cancels in the softmax, so it would never get a gradient.
            use_bias=False,
            name=f"{name}_attention_{i}",
        )
        normed = layers.LayerNormalization(name=f"{name}_norm_{i}")(x)
        x = x + dropped(attend(normed, normed, attention_mask=mask), dropout, f"{name}_attention_dropout_{i}")
        normed = layers.LayerNormalization(name=f"{name}_step_norm_{i}")(x)
        wide = layers.Dense(expansion * width, activation=activation, name=f"{name}_widen_{i}")(normed)
        narrow = layers.Dense(width, name=f"{name}_narrow_{i}")(wide)
        x = x + dropped(narrow, dropout, f"{name}_step_dropout_{i}")
    return layers.LayerNormalization(name=f"{name}_norm")(x)


def with_positions(x: KerasTensor, position: str, longest: int, name: str) -> KerasTensor:
    """Add a position encoding to steps (rows, time, width).

    Args:
        position: "sinusoidal" (Vaswani et al. 2017, arXiv:1706.03762), "learned", or "none".
        longest: number of learned positions; later steps share the last one.
    """
    if position == "none":
        return x
    # A running sum, because the number of steps is only known when the model runs.
    index = ops.cumsum(ops.ones_like(x[..., 0], dtype="float32"), axis=1) - 1.0
    if position == "learned":
        known = ops.cast(ops.minimum(index, longest - 1.0), "int32")
        return x + layers.Embedding(longest, x.shape[-1], name=f"{name}_position")(known)
    pairs = -(-x.shape[-1] // 2)
    rates = np.exp(-np.log(10_000.0) * np.arange(pairs) / pairs).astype("float32")
    angles = ops.expand_dims(index, -1) * rates
    waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[..., : x.shape[-1]]
    return x + ops.cast(waves, x.dtype)
