"""Transformer blocks over steps that may be missing, shared by series and texts."""

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
    """Self-attention and a dense layer on each step, `blocks` times; the shape stays (rows, time, width).

    Normalised before each part, as in Xiong et al. 2020 (arXiv:2002.04745), which trains without warm-up. A
    step attends to real steps only, so missing ones change nothing.
    """
    width = x.shape[-1]
    # (rows, 1, time): what every step may look at.
    seen = ops.expand_dims(real[..., 0], 1)
    for i in range(1, blocks + 1):
        attend = layers.MultiHeadAttention(
            attention_heads,
            width // attention_heads,
            # Without biases: that of the keys changes no attention, so it would never learn.
            use_bias=False,
            name=f"{name}_attention_{i}",
        )
        normed = layers.LayerNormalization(name=f"{name}_norm_{i}")(x)
        x = x + dropped(attend(normed, normed, attention_mask=seen), dropout, f"{name}_attention_dropout_{i}")
        normed = layers.LayerNormalization(name=f"{name}_step_norm_{i}")(x)
        wide = layers.Dense(expansion * width, activation=activation, name=f"{name}_widen_{i}")(normed)
        narrow = layers.Dense(width, name=f"{name}_narrow_{i}")(wide)
        x = x + dropped(narrow, dropout, f"{name}_step_dropout_{i}")
    return layers.LayerNormalization(name=f"{name}_norm")(x)


def with_positions(x: KerasTensor, position: str, longest: int, name: str) -> KerasTensor:
    """Steps (rows, time, width), each with a vector for its place added.

    Args:
        position: "sinusoidal" (Vaswani et al. 2017, arXiv:1706.03762), "learned", or "none".
        longest: steps with a learned place of their own; all later ones share the last.
    """
    if position == "none":
        return x
    # By a running sum, because the number of steps is known only when the model runs.
    place = ops.cumsum(ops.ones_like(x[..., 0], dtype="float32"), axis=1) - 1.0
    if position == "learned":
        index = ops.cast(ops.minimum(place, longest - 1.0), "int32")
        return x + layers.Embedding(longest, x.shape[-1], name=f"{name}_position")(index)
    pairs = -(-x.shape[-1] // 2)
    rates = np.exp(-np.log(10_000.0) * np.arange(pairs) / pairs).astype("float32")
    angles = ops.expand_dims(place, -1) * rates
    waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[..., : x.shape[-1]]
    return x + ops.cast(waves, x.dtype)
