"""Sets rows of the validation split aside, which then neither train nor choose the kept epoch."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from pipeline.data.dataset import Dataset, InputRows, Split
from pipeline.data.files.lazy import LazyRows
from pipeline.errors import ConfigError

CALIBRATION = "calibration"  # name of the split


def set_aside(dataset: Dataset, share: float) -> Dataset:
    """Moves a share of the validation rows to the split "calibration".

    The choice is random, because calibration rows must be like those to come. It depends on nothing but the
    rows, so that runs with other seeds stay comparable. Rows of one group stay together.

    Raises:
        ConfigError: one of the two parts would be empty.
    """
    rows = dataset.splits["val"].rows
    names = rows if dataset.groups is None else dataset.groups[rows]
    _, groups = np.unique(names, return_inverse=True)
    drawn = np.random.default_rng(0).permutation(groups.max() + 1)[groups]
    order = np.argsort(drawn, kind="stable")
    sizes = np.bincount(drawn)
    ends = np.cumsum(sizes)
    chosen = np.sort(order[: ends[np.argmin(np.abs(ends - share * len(rows)))]])
    kept = np.setdiff1d(np.arange(len(rows)), chosen)
    if not len(kept) or not len(chosen):
        raise ConfigError(
            "conformal.calibration",
            "the validation rows cannot be divided",
            found=f"{share:g} of {len(rows):,} validation rows in {len(sizes):,} groups",
            allowed="another share, or more validation rows",
        )
    val = dataset.splits["val"]
    parts = {"val": _rows_of(val, kept), CALIBRATION: _rows_of(val, chosen)}
    return replace(dataset, splits={**dataset.splits, **parts})


def _rows_of(split: Split, positions: np.ndarray) -> Split:
    return Split(
        rows=split.rows[positions],
        raw=_inputs(split.raw, positions),
        prepared=_inputs(split.prepared, positions),
        labels=_arrays(split.labels, positions),
        numbers=_arrays(split.numbers, positions),
        weights=_arrays(split.weights, positions),
    )


def _inputs(inputs: Mapping[str, InputRows], positions: np.ndarray) -> dict[str, InputRows]:
    return {
        name: values.take(positions) if isinstance(values, LazyRows) else values[positions]
        for name, values in inputs.items()
    }


def _arrays(arrays: Mapping[str, np.ndarray], positions: np.ndarray) -> dict[str, np.ndarray]:
    return {name: values[positions] for name, values in arrays.items()}
