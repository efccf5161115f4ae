"""Tables for a terminal."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from pipeline.errors import printable
from pipeline.terminal import display_width, packed, padded

GAP = "  "  # between two columns
INDENT = "    "
LEAST_ROOM = 16  # columns of the terminal for the last cells; with less room they stand below the others
LEAST_WIDTH = 8  # of a column that is made narrower
SPACE = re.compile(r"[\t\n\v\f\r]")  # in the name of a class, for example
PIECE = re.compile(r"[^\s_.]*[\s_.]+|[^\s_.]+")  # of a name: up to a blank, a dot or "_"


def text_table(rows: Sequence[Sequence[str]], width: int | None = None) -> str:
    """Returns the rows as lines of text, with left-aligned columns two spaces apart.

    Args:
        rows: the cells; every row has the same number of them, and the first one may be the header.
        width: columns of the terminal, to which the last cells are wrapped: between their parts, which are
            two spaces or a comma apart, else between words. If the other cells alone are too wide, the
            widest of them are wrapped too. None: lines of any length.

    Raises:
        ValueError: the rows have different numbers of cells.

    Example:
        >>> print(text_table([["head", "skill"], ["class", "0.83"]]))
        head   skill
        class  0.83
    """
    rows = [[printable(SPACE.sub(" ", cell)) for cell in row] for row in rows]
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    if width and _total(widths) > width:
        return "\n".join(_wrapped_rows(rows, widths[:-1], width))
    return "\n".join(_line(row, widths) for row in rows)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _wrapped_rows(rows: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> list[str]:
    """Wrap the last cells beside the others, or below them where these leave too little room."""
    begin = _total(widths) + len(GAP)
    longest = max(display_width(part) for *_, last in rows for part in _parts(last)[0])
    below = width - begin < max(LEAST_ROOM, min(longest, width - len(INDENT)))
    widths = _narrowed(widths, width) if below else widths
    lines = []
    for *cells, last in rows:
        parts = _wrapped(last, width - len(INDENT if below else " " * begin))
        beside = zip_longest(*map(_pieces, cells, widths), *([] if below else [parts]), fillvalue="")
        lines += [_line(line, [*widths, 0][: len(line)]) for line in beside]
        lines += [INDENT + part for part in parts] if below else []
    return lines


def _narrowed(widths: Sequence[int], width: int) -> list[int]:
    """Make the widest columns equally narrow, until all fit or none is wider than `LEAST_WIDTH`."""
    widths = list(widths)
    while _total(widths) > width and max(widths) > LEAST_WIDTH:
        widths[widths.index(max(widths))] -= 1
    return widths


def _pieces(cell: str, room: int) -> list[str]:
    """Break a cell at blanks, dots and "_", and inside of what is still too long."""
    if display_width(cell) <= room:
        return [cell]
    pieces = [piece if display_width(piece) <= room else [*piece] for piece in PIECE.findall(cell)]
    parts = [part for piece in pieces for part in ([piece] if isinstance(piece, str) else piece)]
    return [line.strip() for line in packed(parts, room, "")]


def _wrapped(cell: str, room: int) -> list[str]:
    """Break a cell into lines of at most `room` columns, if its parts are not longer."""
    parts, separator = _parts(cell)
    end = separator.rstrip()  # stays at the end of a line
    lines = packed(parts, room - len(end), separator) if cell else []
    return [line + end for line in lines[:-1]] + lines[-1:]


def _parts(cell: str) -> tuple[list[str], str]:
    """Return the parts of a cell that stay whole, and what is between them."""
    separator = next((one for one in ("  ", ", ") if one in cell), " ")
    return cell.split(separator), separator
