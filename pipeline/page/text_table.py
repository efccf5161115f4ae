"""Tables for a terminal."""

from collections.abc import Sequence


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Returns the rows as lines of text, with left-aligned columns two spaces apart.

    Args:
        rows: the cells; every row has the same number of them, and the first one may be the header.

    Raises:
        ValueError: the rows have different numbers of cells.

    Example:
        >>> print(text_table([["head", "skill"], ["class", "0.83"]]))
        head   skill
        class  0.83
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
