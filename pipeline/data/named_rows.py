"""`split: {rows: named}`: the rows as version 0.1 told them apart, for the runs that it stored.

The hash of a row is that of the columns that all inputs and targets name, so that another choice of inputs
gives another split. Nothing here may change, or stored runs would be evaluated on other rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pipeline.data.classes import Classes
from pipeline.data.columns import Column, numbers, strings
from pipeline.data.files.stored import Values
from pipeline.data.hashes import row_hashes
from pipeline.data.quotas import Carried, Quota
from pipeline.data.sources import Sources
from pipeline.errors import ConfigError

KEY = "data.split.stratify"


class NamedRows:
    """What a split by fractions needs to know of the rows, as `FileRows`.

    Args:
        sources: the joined sources.
        columns: the columns of all inputs and targets, sorted by name.
        targets: target -> its columns.
        numeric: the targets that hold numbers.
        seed: of the split.
    """

    classes: Sequence[Classes] = ()

    def __init__(
        self,
        sources: Sources,
        columns: Sequence[Values],
        targets: Mapping[str, Sequence[str]],
        numeric: Sequence[str],
        seed: int,
    ) -> None:
        self.sources, self.targets, self.numeric, self.seed = sources, targets, numeric, seed
        self.hashes = row_hashes([sources.keys] if sources.keys is not None else columns)

    def group_hashes(self, names: np.ndarray) -> np.ndarray:
        return row_hashes([names])

    def ranks(self, hashes: np.ndarray) -> np.ndarray:
        return row_hashes([hashes], seed=self.seed)

    def strata(self, stratify: str | Sequence[str], fractions: Sequence[float]) -> tuple[np.ndarray, Quota]:
        """The number of each row's stratum; rows with missing values form strata of their own."""
        if not isinstance(stratify, str):
            problem = "with rows: named, the strata are those of a single target"
            raise ConfigError(KEY, problem, found=stratify, allowed="one target, or rows: whole")
        if stratify not in self.targets and "." not in stratify:
            raise ConfigError(KEY, "there is no such target", found=stratify, allowed=list(self.targets))
        numeric = stratify in self.numeric
        columns = [self.sources.column(name, KEY) for name in self.targets.get(stratify, [stratify])]
        words = [_words(column, numeric=numeric) for column in columns]
        joined = np.array(["\t".join(row) for row in zip(*words, strict=True)], dtype=object)
        return np.unique(joined, return_inverse=True)[1], Carried(fractions)


def _words(column: Column, *, numeric: bool) -> np.ndarray:
    """A text for each row that is the same for all rows of one stratum."""
    values = column.values
    if values.ndim == 2 and values.shape[1] > 1:
        values = np.argmax(np.nan_to_num(values), axis=1)
    column = replace(column, values=values.reshape(len(values)))
    if not numeric:
        return strings(column)
    cells = numbers(column)
    edges = np.nanquantile(cells, np.linspace(0.1, 0.9, 9))
    return np.where(np.isnan(cells), "", np.searchsorted(edges, cells).astype(str))
