"""Values that float32 cannot tell apart after scaling."""

import logging

import numpy as np

ROWS = 10_000  # that are compared
CHANCE = 1e-7  # times n^2: how many of n distinct values may fall together by chance
# Values that differ by less than these shares of the typical distance to the median, and of that distance and
# themselves, differ by rounding.
SAME, ROUNDED = 1e-7, 1e-12

logger = logging.getLogger(__name__)


def report_lost(values: np.ndarray, scaled: np.ndarray, names: list[str], key: str) -> None:
    """Logs a warning for each column that has fewer distinct values after scaling than before.

    Values that differ by the rounding of a calculation only, such as 14.9 and 14.899999999999999, are one.

    Args:
        values: (rows, columns) float64, NaN = missing.
        scaled: the same cells, scaled, float32.
        names: of the columns.
        key: the config key of the scale.
    """
    step = max(1, len(values) // ROWS)
    for name, before, after in zip(names, values[::step].T, scaled[::step].T, strict=True):
        present = ~np.isnan(before)
        distinct, left = len(np.unique(before[present])), len(np.unique(after[present]))
        if _apart(before[present]) - left > CHANCE * distinct**2:
            logger.warning(
                "column %s: of %s distinct values only %s are left in float32 after scaling; "
                "another scale, or the difference to a value nearby, keeps them apart (%s)",
                *(name, f"{distinct:,}", f"{left:,}", key),
            )


def _apart(values: np.ndarray) -> int:
    """The number of values (values,) that are not the same but for rounding."""
    distinct = np.unique(values)
    distances = np.abs(values - np.median(values)) if len(values) else values
    typical = np.median(distances[distances > 0]) if distances.any() else 0.0
    rounding = np.minimum(SAME * typical, ROUNDED * (np.abs(distinct) + typical))
    return int((np.diff(distinct) > rounding[1:]).sum()) + min(1, len(distinct))
