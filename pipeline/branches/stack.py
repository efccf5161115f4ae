"""Dense layers one on the other, with dropout: how most branches end."""

from collections.abc import Sequence

from keras import KerasTensor, layers


def dense_stack(
    x: KerasTensor, units: Sequence[int], activation: str | None, dropout: float, name: str
) -> KerasTensor:
    """Dense layers of the given sizes, each followed by dropout; without any, dropout alone."""
    if not units:
        return dropped(x, dropout, f"{name}_dropout")
    for i, width in enumerate(units, 1):
        x = layers.Dense(width, activation=activation, name=f"{name}_dense_{i}")(x)
        x = dropped(x, dropout, f"{name}_dropout_{i}")
    return x


def dropped(x: KerasTensor, rate: float, name: str) -> KerasTensor:
    """Dropout, or nothing at rate 0."""
    return layers.Dropout(rate, name=name)(x) if rate else x
