"""Tables (rows, columns): the codes of the categorical columns, then the numeric columns.

Code 0 is a category that is not in the training rows, code 1 a missing cell. A numeric column with missing
cells is accompanied by a column that indicates them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from keras import KerasTensor, initializers, layers, ops
from scipy.stats import norm

from pipeline.branches.branch import Branch
from pipeline.branches.codes import hide
from pipeline.branches.stack import dense_stack

UNSEEN = 0


def piecewise_linear(x: KerasTensor, bins: int, name: str) -> KerasTensor:
    """Encode each column by how far its number fills each of some bins, from 0 to 1.

    This is the encoding of Gorishniy, Rubachev and Babenko 2022, arXiv:2203.05556, except that the edges of
    the bins are trained. They begin at the quantiles of a standard normal distribution, because the columns
    are scaled.

    Args:
        x: scaled numbers, (rows, columns).

    Returns:
        (rows, columns x bins)
    """
    edges = norm.ppf(np.linspace(0, 1, bins + 3)[1:-1])
    columns, widths = x.shape[-1], np.diff(edges)
    starts, slopes = (np.tile(values, (columns, 1)) for values in (edges[:-1], 1 / widths))
    filled = layers.EinsumDense(
        "rc,cb->rcb",
        (columns, len(widths)),
        bias_axes="cb",
        kernel_initializer=initializers.Constant(slopes.tolist()),
        bias_initializer=initializers.Constant((-starts * slopes).tolist()),
        name=f"{name}_bins",
    )(x)
    return layers.Flatten(name=f"{name}_encoded")(ops.clip(filled, 0.0, 1.0))


def periodic(x: KerasTensor, waves: int, frequency: float, name: str) -> KerasTensor:
    """Encode each column by cosines of some frequencies and phases, which are trained.

    They tell values apart that are close together, which dense layers learn slowly. See Gorishniy, Rubachev
    and Babenko 2022, arXiv:2203.05556.

    Args:
        x: scaled numbers, (rows, columns).
        frequency: standard deviation of the frequencies at first, in periods per unit of `x`.

    Returns:
        (rows, columns x waves)
    """
    phases = layers.EinsumDense(
        "rc,cw->rcw",
        (x.shape[-1], waves),
        bias_axes="cw",
        kernel_initializer=initializers.RandomNormal(0.0, 2 * np.pi * frequency),
        bias_initializer=initializers.RandomUniform(-np.pi, np.pi),
        name=f"{name}_waves",
    )(x)
    return layers.Flatten(name=f"{name}_periodic")(ops.cos(phases))


@dataclass(frozen=True, kw_only=True)
class Table(Branch):
    """Concatenates an embedding of each categorical column with the numeric columns; then dense layers.

    Args:
        embedding: size of each categorical column's embedding.
        unseen: share of the categories that are replaced by the code for unseen ones in training.
        bins: number of bins of the piecewise-linear encoding that is added for each numeric column (see
            `piecewise_linear`); 0 for none.
        waves: number of cosines that are added for each numeric column (see `periodic`); 0 for none.
        frequency: how fast they are at first.
        skip: pass the columns on beside the features of the dense layers.
    """

    kinds: ClassVar[tuple[str, ...]] = ("table", "vector")
    units: Sequence[int]
    embedding: int = 8
    activation: str | None = "relu"
    unseen: float = 0.0
    bins: int = 0
    waves: int = 0
    frequency: float = 4.0
    skip: bool = False

    def __call__(self, x: KerasTensor, name: str, vocabularies: Sequence[int] = ()) -> KerasTensor:
        columns = self.joined(x, name, vocabularies)
        deep = self.deep(columns, name)
        if not self.skip or not self.units:
            return deep
        return layers.Concatenate(name=f"{name}_skip")([deep, columns])

    def deep(self, columns: KerasTensor, name: str) -> KerasTensor:
        """Apply the dense layers to (rows, features)."""
        return dense_stack(columns, self.units, self.activation, self.dropout, name)

    def joined(self, x: KerasTensor, name: str, vocabularies: Sequence[int]) -> KerasTensor:
        """Return the embedded, plain and encoded columns side by side, (rows, features)."""
        columns = [
            self._embedded(x[:, i], size, f"{name}_embedding_{i + 1}") for i, size in enumerate(vocabularies)
        ]
        if x.shape[-1] > len(vocabularies):
            numeric = x[:, len(vocabularies) :]
            columns.append(numeric)
            if self.bins:
                columns.append(piecewise_linear(numeric, self.bins, name))
            if self.waves:
                columns.append(periodic(numeric, self.waves, self.frequency, name))
        return layers.Concatenate(name=f"{name}_columns")(columns) if len(columns) > 1 else columns[0]

    def _embedded(self, codes: KerasTensor, size: int, name: str) -> KerasTensor:
        codes = hide(ops.cast(codes, "int32"), self.unseen, UNSEEN, name)
        return layers.Embedding(size, self.embedding, name=name)(codes)
