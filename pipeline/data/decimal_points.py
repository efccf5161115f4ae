"""Files of one source that write numbers in different ways, as if all had decimal points."""

import numpy as np
import pandas as pd

from pipeline.data.files.amounts import DURATION, split_unit
from pipeline.data.files.dialect import NumberFormat
from pipeline.data.list_cells import holds_list, parse_list
from pipeline.data.missing import NOT_AVAILABLE


def with_points(cells: np.ndarray, number_format: NumberFormat) -> np.ndarray:
    """Numbers, amounts and lists of numbers in cells of text, as a file with decimal points has them.

    Args:
        cells: (rows,) text, or other values, which are returned unchanged.
        number_format: how the cells write numbers.

    Example:
        >>> with_points(np.array(["1.480,5", "5,5 kg", "a, b"], dtype=object), NumberFormat(",", "."))
        array(['1480.5', '5.5 kg', 'a, b'], dtype=object)
    """
    if cells.dtype != object or number_format == NumberFormat():
        return cells
    codes, distinct = pd.factorize(cells)
    words = [_with_point(cell, number_format) if isinstance(cell, str) else cell for cell in distinct]
    return np.asarray(np.array([*words, None], dtype=object)[codes])


def _with_point(cell: str, number_format: NumberFormat) -> str:
    plain = number_format.plain(cell)
    if plain != cell.strip():
        return plain
    value, unit = split_unit(cell, number_format)
    if value == value and unit and not DURATION.fullmatch(cell.strip()):
        return f"{value!r} {unit}"
    if holds_list(cell, (), number_format.decimal):
        try:
            return str(parse_list(cell, NOT_AVAILABLE, number_format.decimal).tolist())
        except ValueError:
            return cell
    return cell
