"""The dense layers at the end of most branches."""

from collections.abc import Sequence

from keras import KerasTensor, layers


def dense_stack(
    x: KerasTensor, units: Sequence[int], activation: str | None, dropout: float, name: str
) -> KerasTensor:
    """Apply a dense layer and dropout for each entry of `units`; only dropout if there is none."""
    if not units:
        return dropped(x, dropout, f"{name}_dropout")
    for i, width in enumerate(units, 1):
        x = layers.Dense(width, activation=activation, name=f"{name}_dense_{i}")(x)
        x = dropped(x, dropout, f"{name}_dropout_{i}")
    return x


def dropped(x: KerasTensor, rate: float, name: str) -> KerasTensor:
    """Apply dropout; at rate 0 add no layer."""
    return layers.Dropout(rate, name=name)(x) if rate else x
