"""Tables (rows, columns): the codes of the categorical columns, then the numeric columns.

Code 0 is a category that is not in the training rows, code 1 a missing cell. A numeric column with missing
cells is accompanied by a column that indicates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from keras import KerasTensor, layers, ops

from pipeline.branches.branch import Branch
from pipeline.branches.codes import hide
from pipeline.branches.stack import dense_stack

UNSEEN = 0


@dataclass(frozen=True, kw_only=True)
class Table(Branch):
    """Concatenates an embedding of each categorical column with the numeric columns; then dense layers.

    Args:
        embedding: size of each categorical column's embedding.
        unseen: share of the categories that are replaced by the code for unseen ones in training.
    """

    kinds: ClassVar[tuple[str, ...]] = ("table", "vector")
    units: Sequence[int]
    embedding: int = 8
    activation: str | None = "relu"
    unseen: float = 0.0

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        columns = [
            self._embedded(x[:, i], size, f"{name}_embedding_{i + 1}") for i, size in enumerate(vocabularies)
        ]
        if x.shape[-1] > len(vocabularies):
            columns.append(x[:, len(vocabularies) :])
        joined = layers.Concatenate(name=f"{name}_columns")(columns) if len(columns) > 1 else columns[0]
        return dense_stack(joined, self.units, self.activation, self.dropout, name)

    def _embedded(self, codes: KerasTensor, size: int, name: str) -> KerasTensor:
        codes = hide(ops.cast(codes, "int32"), self.unseen, UNSEEN, name)
        return layers.Embedding(size, self.embedding, name=name)(codes)
