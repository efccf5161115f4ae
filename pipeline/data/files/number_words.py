"""Numbers that are written as text, parsed to the last bit."""

from collections.abc import Iterable

import numpy as np
import pandas as pd


def parse_numbers(cells: Iterable[object]) -> np.ndarray:
    """Cells as float64; NaN where a cell is missing or no number.

    pandas decides which texts are numbers. NumPy parses them: pandas before version 3.1 gets the last bit
    of some wrong: a file with decimal commas would be split otherwise than the same file with points.

    Args:
        cells: (n,) texts, numbers or None.
    """
    series = pd.Series(cells, dtype=object)
    parsed = np.array(pd.to_numeric(series, errors="coerce").to_numpy(np.float64, na_value=np.nan))
    texts = np.array([isinstance(cell, str) for cell in series], dtype=bool) & np.isfinite(parsed)
    parsed[texts] = series.to_numpy()[texts].astype(str).astype(np.float64)
    return parsed
