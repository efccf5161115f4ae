"""Vectors (rows, columns)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from keras import KerasTensor

from pipeline.branches.branch import Branch
from pipeline.branches.stack import dense_stack


@dataclass(frozen=True, kw_only=True)
class Dense(Branch):
    """Dense layers over a vector (rows, columns)."""

    kinds: ClassVar[tuple[str, ...]] = ("vector",)
    units: Sequence[int]
    activation: str | None = "relu"

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        return dense_stack(x, self.units, self.activation, self.dropout, name)
