"""Values that float32 cannot tell apart after scaling."""

import logging

import numpy as np

ROWS = 10_000  # that are compared
CHANCE = 1e-7  # times n^2: how many of n distinct values may fall together by chance

logger = logging.getLogger(__name__)


def report_lost(values: np.ndarray, scaled: np.ndarray, names: list[str], key: str) -> None:
    """Logs a warning for each column that has fewer distinct values after scaling than before.

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
        if distinct - left > CHANCE * distinct**2:
            logger.warning(
                "column %s: of %s distinct values only %s are left in float32 after scaling; "
                "another scale, or the difference to a value nearby, keeps them apart (%s)",
                *(name, f"{distinct:,}", f"{left:,}", key),
            )
