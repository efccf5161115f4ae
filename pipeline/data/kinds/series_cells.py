"""The forms in which people keep series, as one array (rows, steps, channels); NaN = missing."""

from collections.abc import Iterable, Sequence
from itertools import islice

import numpy as np

from pipeline.data.columns import Column, list_in_row, numbers
from pipeline.data.list_cells import holds_list
from pipeline.data.missing import NOT_AVAILABLE, is_missing
from pipeline.errors import ConfigError

SAMPLE = 100  # cells that tell whether a column holds lists
ALLOWED = (
    "an array (rows, steps, channels) or (rows, steps); a list in every row, or its numbers as text; several "
    "columns of one number, or a pattern such as x_*; or a row for each step, with `order`"
)


def are_steps(columns: Sequence[Column]) -> bool:
    """Whether each of several columns is a step, because its cells hold one number."""
    return len(columns) > 1 and not any(column.values.ndim > 1 or _holds_lists(column) for column in columns)


def read_steps(columns: Sequence[Column]) -> np.ndarray:
    """Columns of one number as the steps of one channel, (rows, columns, 1)."""
    return np.stack([numbers(column) for column in columns], axis=1)[..., None]


def read_channels(
    columns: Sequence[Column], steps: int | None = None, channels: int | None = None
) -> np.ndarray:
    """Columns of series side by side, (rows, steps, channels), padded with NaN.

    Args:
        columns: arrays (rows, steps) or (rows, steps, channels), or lists.
        steps: of the result; None: those of the longest row.
        channels: of the result; None: any number.

    Raises:
        ConfigError: a cell holds no series, or the series of one row differ in length.
    """
    of_column = channels if len(columns) == 1 else None
    parts = [
        _read_lists(column, of_column) if _are_cells(column) else (_read_array(column), None)
        for column in columns
    ]
    _check_lengths(columns, [lengths for _, lengths in parts])
    longest = steps or max(1, *(values.shape[1] for values, _ in parts))
    padded = [_pad(values, longest) for values, _ in parts]
    return padded[0] if len(padded) == 1 else np.concatenate(padded, axis=-1)


def extent(shape: tuple[int, ...], blocks: Iterable[Column], key: str) -> tuple[int, int]:
    """The number of steps of the longest row of a column, and of its channels.

    Args:
        shape: of the whole column.
        blocks: its rows, if it has one cell per row.
        key: the config key to name in the message.
    """
    if len(shape) in (2, 3):
        return shape[1], shape[2] if len(shape) == 3 else 1
    shapes: set[tuple[int, ...]] = set()
    for column in blocks:
        if not _are_cells(column):
            found = f"shape {shape}, {column.values.dtype}"
            problem = f"column '{column.reference}' does not hold series"
            raise ConfigError(key, problem, found=found, allowed=ALLOWED)
        shapes |= {series.shape for series in _lists(column).values()}
    return max((one[0] for one in shapes), default=1) or 1, max((one[1] for one in shapes), default=1)


def _are_cells(column: Column) -> bool:
    """Whether each row is a cell that may hold a list."""
    return column.values.ndim == 1 and column.values.dtype.kind in "OU"


def _holds_lists(column: Column) -> bool:
    present = (cell for cell in column.values if isinstance(cell, str) or np.ndim(cell))
    return _are_cells(column) and any(
        holds_list(cell, NOT_AVAILABLE, column.number_format.decimal) for cell in islice(present, SAMPLE)
    )


def _read_array(column: Column) -> np.ndarray:
    values = numbers(column)
    return values if values.ndim == 3 else values.reshape(len(values), -1, 1)


def _read_lists(column: Column, channels: int | None) -> tuple[np.ndarray, np.ndarray]:
    """The series of a column, and the number of steps of each, 0 where it is missing."""
    lists = _lists(column)
    width = channels or next((series.shape[1] for series in lists.values() if len(series)), 1)
    steps = max((len(series) for series in lists.values()), default=1)
    result = np.full((len(column.values), steps, width), np.nan)
    lengths = np.zeros(len(result), dtype=int)
    for row, series in lists.items():
        if not len(series):
            continue
        if series.shape[1] != width:
            allowed, found = f"(any number of steps, {width})", f"shape {series.shape}"
            problem = "the number of channels differs from that of other rows"
            raise column.error(row, problem, allowed, found)
        result[row, : len(series)], lengths[row] = series, len(series)
    if np.isinf(result).any():
        row = int(np.argmax(np.isinf(result).any(axis=(1, 2))))
        raise column.error(row, "a number is infinite", "finite numbers")
    return result, lengths


def _lists(column: Column) -> dict[int, np.ndarray]:
    """Row -> its series (steps, channels), of the rows that have one."""
    result = {}
    for row in np.flatnonzero(~is_missing(column.values)).tolist():
        cell = column.values[row]
        if isinstance(cell, str) and cell.strip() in NOT_AVAILABLE:
            continue
        values = list_in_row(column, row)
        if values.ndim == 0:
            values = values[None]
        if values.ndim > 2:
            raise column.error(row, "a list of lists of lists", "(steps,) or (steps, channels)", values.shape)
        result[row] = values[:, None] if values.ndim == 1 else values
    return result


def _check_lengths(columns: Sequence[Column], lengths: Sequence[np.ndarray | None]) -> None:
    """Several columns of lists have the same number of steps in each row that has both."""
    first: tuple[Column, np.ndarray] | None = None
    for column, steps in zip(columns, lengths, strict=True):
        if steps is None:
            continue
        if first is None:
            first = column, steps
        different = (steps != first[1]) & (steps > 0) & (first[1] > 0)
        if different.any():
            row = int(np.argmax(different))
            allowed = f"{first[1][row]} steps, as in {first[0].reference}"
            problem = "the columns of a series have different numbers of steps in one row"
            raise column.error(row, problem, allowed, f"{steps[row]} steps")


def _pad(values: np.ndarray, steps: int) -> np.ndarray:
    if values.shape[1] >= steps:
        return values[:, :steps]
    padding = ((0, 0), (0, steps - values.shape[1]), (0, 0))
    return np.pad(values, padding, constant_values=np.nan)
