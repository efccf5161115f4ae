"""Lines on a terminal: how wide they are, and where they are folded."""

import logging
import re
import shutil
import unicodedata
from typing import TextIO

CLEAR = "\r\x1b[K"  # empties the line, where a progress bar may stand
COMMAND = "python -m "
UNIT = re.compile(r" (?=[%±])|(?<=±) ")  # a blank at which no line ends


def terminal_width(stream: TextIO) -> int | None:
    """The characters of a line of the terminal that a stream writes to; None if it writes elsewhere."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def display_width(text: str) -> int:
    """The columns of a terminal that a text takes: two for a Chinese sign or an emoji, none for an accent.

    Example:
        >>> display_width("京 e\u0301")
        4
    """
    if text.isascii():
        return len(text)
    return sum(_width_of(sign) for sign in text)


def _width_of(sign: str) -> int:
    if unicodedata.category(sign) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


def padded(text: str, width: int) -> str:
    """A text with blanks up to a width of the terminal."""
    return text + " " * (width - display_width(text))


def packed(parts: list[str], room: int, separator: str = " ") -> list[str]:
    """Join parts to lines that are at most `room` wide, if no part is wider; none ends with a separator."""
    lines: list[str] = []
    for part in parts:
        if lines and display_width(lines[-1] + separator + part) <= room:
            lines[-1] += separator + part
        else:
            lines.append(part)
    return lines


def folded(line: str, width: int) -> str:
    """Fold a line between its words; further lines are indented by two more than the first.

    Words that are longer than the width, such as paths, and lines with a command stay whole, so that they can
    be copied.
    """
    if display_width(line) <= width or COMMAND in line:
        return line
    words = UNIT.sub("\u00a0", line.lstrip(" ")).split(" ")
    begin = " " * (len(line) - len(line.lstrip(" ")))
    more = begin + "  "
    first, *rest = packed([begin + words[0], *words[1:]], width)
    # What is left is packed again, because it is indented. Blanks between columns stay.
    rest = packed(" ".join(rest).strip().split(" "), width - len(more)) if rest else []
    return "\n".join([first.rstrip(), *(more + part.strip() for part in rest)]).replace("\u00a0", " ")


def fitted(text: str, stream: TextIO) -> str:
    """Fold the lines of a text to the terminal that a stream writes to; unchanged if it writes elsewhere."""
    width = terminal_width(stream)
    return "\n".join(folded(line, width) for line in text.split("\n")) if width else text


def show(text: str, stream: TextIO) -> None:
    """Write lines, folded if they go to a terminal; a progress bar goes on below them."""
    clear = CLEAR if stream.isatty() else ""
    print(clear + fitted(text, stream), file=stream, flush=True)


class TerminalHandler(logging.StreamHandler):
    """Writes each message as `show` does."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            show(self.format(record), self.stream)
        except Exception:
            self.handleError(record)
