"""How a text table is written: its separator, signs of numbers and encoding, found in its first lines."""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.files.encodings import find_encoding
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
SAMPLE = 1 << 16  # bytes that are looked at
SEPARATORS = (",", ";", "\t", "|")
CONSISTENT = 0.9  # share of the rows that have as many cells as the header
SINGLE_QUOTES = re.compile(r"(?:^|[,;\t| ])'[^']*'(?=[,;\t| ]|$)")
# A quote after a backslash and amid a cell: RFC 4180 has doubled quotes there, MySQL and Spark write these.
ESCAPED_QUOTE = re.compile(r'\\"(?![,;\t|"\r\n]|$)')
FOREIGN = re.compile(r"\w*[^\W\x00-\x7f]\w*")  # a word with letters beyond ASCII
SAID = re.compile(r'\ufeff?"?sep=(.)"?\s*', re.I)  # how Excel is told the separator, in the first line
SPACES = " \u00a0\u202f'\u2019"  # thousands are separated by these in some countries
NUMBER = re.compile(r"^\s*[-+]?[\d.,]+\s*$")
TITLED = 50  # lines that tell the header from lines above it
UNIT = r"(\s?[€$£¥%])?"
DECIMAL_COMMA = re.compile(rf"[+-]?[€$£¥]?(\d+|\d{{1,3}}([.{SPACES}]\d{{3}})+),\d+{UNIT}")
DECIMAL_POINT = re.compile(rf"[+-]?[€$£¥]?(\d+|\d{{1,3}}([,{SPACES}]\d{{3}})+)\.\d+{UNIT}")
GROUPS = re.compile(rf"[+-]?[€$£¥]?[1-9]\d{{0,2}}(,\d{{2,3}})*,\d{{3}}{UNIT}")
WHOLE_NUMBERS = re.compile(r"\d+(,\d+){2,}")
INDIAN = r"[1-9]\d?(?:,\d{2})*,\d{3}"  # 12,34,567


@dataclass(frozen=True)
class NumberFormat:
    """How numbers are written in text.

    Args:
        decimal: "." or ",".
        thousands: the signs that may separate groups of three digits.
    """

    decimal: str = "."
    thousands: str = "," + SPACES

    def plain(self, text: str) -> str:
        """A number without thousands separators and with a decimal point; any other text as it is."""
        text = text.strip()
        signs = re.escape(self.thousands) or "(?!)"
        # 0,333 is no thousand.
        groups = rf"[1-9]\d{{0,2}}(?:[{signs}]\d{{3}})+{f'|{INDIAN}' if ',' in self.thousands else ''}"
        match = re.fullmatch(
            rf"([+-]?)(\d+|{groups})(?:{re.escape(self.decimal)}(\d*))?([eE][+-]?\d+)?",
            text,
        )
        if match is None:
            return text
        sign, whole, fraction, exponent = match.groups(default="")
        return f"{sign}{re.sub(r'[^0-9]', '', whole)}.{fraction or 0}{exponent}"


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Args:
        separator: of the cells.
        encoding: a Python codec; "utf-8" also reads files with a byte order mark.
        quote: the sign around cells.
        escape: the sign before quotes inside cells; None: they are doubled.
        skipped: lines before the header: empty ones, `sep=;`, and comments that begin with #.
        extra: cells that rows have beyond the header's, all of them empty.
    """

    separator: str = ","
    encoding: str = "utf-8"
    numbers: NumberFormat = field(default_factory=NumberFormat)
    quote: str = '"'
    escape: str | None = None
    skipped: int = 0
    extra: int = 0

    def rows(self, lines: Iterable[str]) -> Iterator[list[str]]:
        """The cells of each row, as Python's csv module reads them."""
        return csv.reader(lines, delimiter=self.separator, quotechar=self.quote, escapechar=self.escape)


def find_dialect(
    head: bytes, options: Mapping[str, str], *, path: Path, key: str, separator: str, whole: bool
) -> Dialect:
    """The dialect of a file: the options that are given, the others from its first bytes, said aloud.

    Args:
        head: the first bytes of the file.
        options: of `separator`, `quote`, `escape`, `decimal`, `thousands` and `encoding`.
        separator: the one that the file's suffix suggests.
        whole: whether `head` is the whole file.

    Raises:
        ConfigError: an encoding that Python does not know, or the same sign for decimals and thousands.
    """
    encoding = options.get("encoding") or find_encoding(head, whole=whole)
    text = _decode(head, encoding, key)
    skipped, said = _lines_to_skip(text)
    text = "".join(text.splitlines(keepends=True)[skipped:])
    lines = text if whole else text.rpartition("\n")[0] or text
    quote = options.get("quote") or _find_quote(lines)
    lines = lines if quote == '"' else lines.replace(quote, '"')  # for the search of the other signs
    escape = options.get("escape") or ("\\" if ESCAPED_QUOTE.search(lines) else None)
    lines = lines.replace(f'{escape}"', '""') if escape else lines
    found = options.get("separator") or said or _find_separator(lines, separator)
    decimal = options.get("decimal") or _find_decimal(lines, found)
    thousands = options.get("thousands", ",.".replace(decimal, "") + SPACES)
    if decimal in thousands:
        raise ConfigError(
            f"{key}.thousands", "the same sign as for decimals", found=thousands, allowed="another sign"
        )
    numbers, extra = NumberFormat(decimal, thousands), _empty_cells(lines, found)
    dialect = Dialect(found, encoding, numbers, quote, escape, skipped, extra)
    _report(dialect, options, path, key, separator, text)
    return dialect


def _report(
    dialect: Dialect, options: Mapping[str, str], path: Path, key: str, separator: str, text: str
) -> None:
    """Says what was found, where it is not what the suffix suggests."""
    if dialect.skipped:
        logger.warning("%s: %s lines before the header of %s are skipped", key, dialect.skipped, path.name)
    if dialect.extra:
        logger.warning("%s: the rows of %s have more cells than its header; these are empty", key, path.name)
    values = {
        "separator": (dialect.separator, separator),
        "decimal": (dialect.numbers.decimal, "."),
        "quote": (dialect.quote, '"'),
        "escape": (dialect.escape, None),
        "encoding": (dialect.encoding, "utf-8"),
    }
    found = [
        f"{name}: {value!r}"
        for name, (value, usual) in values.items()
        if name not in options and value != usual
    ]
    if found:
        word = FOREIGN.search(text) if "encoding" not in options and dialect.encoding != "utf-8" else None
        example = f", as {word[0]!r}" if word else ""
        logger.warning("%s: %s is read with %s%s", key, path.name, ", ".join(found), example)


def _lines_to_skip(text: str) -> tuple[int, str]:
    """How many lines are before the header, and the separator that one of them says."""
    lines = [line.strip("\ufeff \t") for line in text.splitlines()]
    said = SAID.fullmatch(lines[0]) if lines else None
    skipped = 1 if said else 0
    last = lines[-2] if len(lines) > 2 else ""
    separator = said[1] if said else max(SEPARATORS, key=last.count)
    for line in lines[skipped:]:
        comment = line.startswith("#") and line.count(separator) < last.count(separator)
        if line and not comment:
            skipped += _title_lines(lines[skipped:], separator)
            return skipped, said[1] if said else ""
        skipped += 1
    return 0, ""


def _title_lines(lines: list[str], separator: str) -> int:
    """How many lines are above a header of words that has as many cells as nearly all lines below it.

    These lines have at most half as many cells.
    """
    first = lines[:TITLED]
    if any('"' in line for line in first) or len(first) < 4:
        return 0  # a cell may go on in the next line
    filled = [[cell for cell in line.split(separator) if cell.strip()] for line in first]
    widths = [line.count(separator) + 1 for line in first]
    usual = max(set(widths[1:]), key=widths[1:].count)
    at = next((row for row, cells in enumerate(filled) if 2 * len(cells) > usual), 0)
    below = [width for width, cells in zip(widths[at:], filled[at:], strict=True) if cells]
    even = usual > 1 and len(below) > 2 and below.count(usual) >= CONSISTENT * len(below)
    words = len({*filled[at]}) == usual and not any(NUMBER.search(cell) for cell in filled[at])
    numbers = any(NUMBER.search(cell) for cells in filled[at + 1 :] for cell in cells)
    return at if even and words and numbers else 0


def _empty_cells(text: str, separator: str) -> int:
    """The number of empty cells by which all rows are longer than the header."""
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    if len(rows) < 2:
        return 0
    width, more = len(rows[0]), len(rows[1]) - len(rows[0])
    even = all(len(row) == width + more and not any(row[width:]) for row in rows[1:])
    return more if even and more > 0 else 0


def _decode(head: bytes, encoding: str, key: str) -> str:
    try:
        # A byte that is not valid may be in a row that is not used.
        return head.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    except LookupError as error:
        raise ConfigError(f"{key}.encoding", "there is no such encoding", found=encoding) from error


def _find_quote(text: str) -> str:
    """The sign around cells: ' if most rows have such cells and none has the usual one."""
    rows = [line for line in text.splitlines() if line.strip()]
    if '"' in text or not rows:
        return '"'
    quoted = sum(SINGLE_QUOTES.search(row) is not None for row in rows)
    header = SINGLE_QUOTES.match(rows[0]) is not None and rows[0].rstrip().endswith("'")
    return "'" if header or quoted >= CONSISTENT * len(rows[1:]) > 0 else '"'


def _find_separator(text: str, usual: str) -> str:
    """The usual separator if it fits; else the one that divides most rows like a header of several cells."""
    best, best_share = usual, _share_of_even_rows(text, usual)
    if best_share >= CONSISTENT:
        return usual
    for separator in SEPARATORS:
        share = _share_of_even_rows(text, separator)
        if share >= CONSISTENT and share > best_share:
            best, best_share = separator, share
    return " " if not best_share and _are_numbers_between_blanks(text) else best


def _are_numbers_between_blanks(text: str) -> bool:
    """Whether single blanks divide the rows into cells that are mostly numbers, so that it is no text."""
    rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=" ") if row]
    cells = [cell for row in rows[1:] for cell in row]
    numbers = sum(DECIMAL_POINT.fullmatch(cell) is not None or cell.isdigit() for cell in cells)
    return _share_of_even_rows(text, " ") >= CONSISTENT and 2 * numbers >= len(cells)


def _share_of_even_rows(text: str, separator: str) -> float:
    """The share of the rows that have as many cells as the header; 0 for a header of one cell."""
    widths = [len(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if row]
    if not widths or widths[0] < 2:
        return 0.0
    return sum(width == widths[0] for width in widths) / len(widths)


def _find_decimal(text: str, separator: str) -> str:
    cells = [
        cell.strip() for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row
    ]
    points = sum(DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    commas = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
    if separator == ",":
        # Here numbers with commas are in quotes. "1,234" may be one thousand and so on, and "1,2" a list
        # beside "1,2,3"; "0,99" is neither.
        others = points or any(WHOLE_NUMBERS.fullmatch(cell) and not GROUPS.fullmatch(cell) for cell in cells)
        return "," if not others and any(not GROUPS.fullmatch(cell) for cell in commas) else "."
    return "," if len(commas) > points else "."
