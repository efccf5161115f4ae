"""Tables for a terminal."""

from collections.abc import Sequence

LEAST_ROOM = 16  # characters of the last column; with less room it stands below the others
INDENT = "    "


def text_table(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Returns the rows as lines of text, with left-aligned columns two spaces apart.

    Args:
        rows: the cells; every row has the same number of them, and the first one may be the header.
        width: characters of a line, to which the last column is wrapped: between its parts, which are two
            spaces or a comma apart, else between words. None: lines of any length.

    Raises:
        ValueError: the rows have different numbers of cells.

    Example:
        >>> print(text_table([["head", "skill"], ["class", "0.83"]]))
        head   skill
        class  0.83
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if width and sum(widths) + 2 * (len(widths) - 1) > width:
        return "\n".join(_wrapped_rows(rows, widths[:-1], width))
    return "\n".join(_line(row, widths) for row in rows)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _wrapped_rows(rows: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[str]:
    """Wrap the last cells beside the others, or below them where these leave too little room."""
    begin = sum(widths) + 2 * len(widths)
    below = width - begin < LEAST_ROOM
    indent = INDENT if below else " " * begin
    lines = []
    for *cells, last in rows:
        parts = [indent + part for part in _wrapped(last, width - len(indent))]
        first = _line(cells, widths)
        lines += (
            [first, *parts] if below or not parts else [first.ljust(begin) + parts[0][begin:], *parts[1:]]
        )
    return lines


def _wrapped(cell: str, room: int) -> list[str]:
    """Break a cell into lines of at most `room` characters, if its parts are not longer."""
    separator = next((one for one in ("  ", ", ") if one in cell), " ")
    lines: list[str] = []
    for part in cell.split(separator) if cell else []:
        if lines and len(lines[-1]) + len(separator) + len(part) < room:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return [line + separator.rstrip() for line in lines[:-1]] + lines[-1:]
