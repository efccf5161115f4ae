"""Excel workbooks: one sheet of an .xlsx or .xlsm file."""

import logging
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.files.file_errors import check_column_names, check_unpacked, reading
from pipeline.data.files.npz import check_claim
from pipeline.data.files.records import Records
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
ZEROS = re.compile(r"0{2,}")  # a number format that shows 7 as 007
FIRST_ROWS = 20  # that tell the header from lines above it
EXACT = 10**15  # Excel keeps 15 digits of a number
FORMULAS = {b"<f>", b"<f ", b"<f/>"}  # signs of XML
MERGED = b"<mergeCell "
SIGNS = {*FORMULAS, MERGED}
OLD_FILE = b"\xd0\xcf\x11\xe0"
BLOCK = 1 << 20


class Sheet:
    """A sheet, whose first row has the names of the columns.

    Whole numbers, text, booleans, dates and times come as the workbook holds them; a number that is shown
    with leading zeros is the text that is shown. Empty rows, lines above the header, and columns without a
    name are left out.

    Args:
        needed: the columns that will be read; None: all.
        sheet: its name; None: the only visible one that is not empty.

    Raises:
        ConfigError: openpyxl is not installed, the file is no workbook, or there is no such sheet.
    """

    def __init__(
        self, path: Path, key: str, *, needed: Collection[str] | None, sheet: str | None = None
    ) -> None:
        self.path, self.key, self.sheet = path, key, sheet
        _check_installed(path, key)
        self.errors: Counter[str] = Counter()  # column -> cells with an error of Excel
        self.unsaved: Counter[str] = Counter()  # column -> formulas whose result is not stored
        self.rounded: dict[str, float] = {}  # column -> a number that has lost digits
        self.records = self._parse(needed)
        self.columns = list(dict.fromkeys(name for name in self.names if name))
        check_column_names(self.columns, path, key)

    def unique(self) -> list[str]:
        """The names that a single column has."""
        return [name for name in self.columns if self.names.count(name) == 1]

    def keep(self, columns: Collection[str]) -> None:
        """Frees the memory of all columns but these."""
        self.records.keep(columns)

    def read(self, column: str) -> np.ndarray:
        check_column_names([name for name in self.names if name == column], self.path, self.key)
        if not self.records.keeps(column):
            self.records = self._parse({*(self.records.needed or ()), column})
        self._report(column)
        return self.records.column(column)

    def _report(self, column: str) -> None:
        what = f"{self.key}: {self.path.name}, column {column!r}"
        if count := self.errors.pop(column, 0):
            logger.warning("%s: %s cells are errors of formulas, taken as missing", what, f"{count:,}")
        if count := self.unsaved.pop(column, 0):
            logger.warning(
                "%s: %s formulas have no stored result and are taken as missing; open the file in a "
                "spreadsheet program and save it",
                *(what, f"{count:,}"),
            )
        if (found := self.rounded.pop(column, None)) is not None:
            logger.warning("%s: Excel keeps 15 digits, so numbers such as %d may be rounded", what, found)

    def _parse(self, needed: Collection[str] | None) -> Records:
        with reading(self.path, self.key), _quiet(), self.path.open("rb") as file:
            if file.read(len(OLD_FILE)) == OLD_FILE:
                raise ValueError("it has a password, or is in the format of .xls files")
            signs = _check_archive(self.path, self.key)
            if MERGED in signs:
                logger.warning(
                    "%s: %s has merged cells, of which only the first has the value", self.key, self.path.name
                )
            rows = self._rows(file, bool(signs & FORMULAS))
            self.names, first = self._header(rows)
            for counts in (self.errors, self.unsaved, self.rounded):
                counts.clear()  # the cells above are names
            records = Records(needed)
            records.begin(dict.fromkeys(name for name in self.names if name))
            for row in chain(first, rows):
                cells = {
                    name: self._value(name, *cell)
                    for name, cell in zip(self.names, row, strict=False)
                    if name
                }
                if any(value is not None for value in cells.values()):
                    records.add(cells)
            records.finish()
        return records

    def _rows(self, file: Any, formulas: bool) -> Iterator[list[tuple[Any, Any]]]:
        """The cells of each row; and the same cells with formulas instead of results, if there are any."""
        from openpyxl import load_workbook

        book = load_workbook(file, read_only=True, data_only=True)
        sheet = self._chosen(book)
        sheet.reset_dimensions()  # what the file says of its size may be wrong
        written: Iterator[Sequence[Any]] = iter(())
        if formulas:
            other = load_workbook(file, read_only=True)[sheet.title]
            other.reset_dimensions()
            written = other.iter_rows()
        for row in sheet.iter_rows():
            with_formulas = next(written, None) or row
            if any(cell.value is not None for cell in with_formulas):
                yield list(zip(row, with_formulas, strict=True))

    def _chosen(self, book: Any) -> Any:
        sheets = {sheet.title: sheet for sheet in book.worksheets}
        if self.sheet is not None:
            if self.sheet in sheets:
                return sheets[self.sheet]
            raise ConfigError(
                f"{self.key}.sheet", f"{self.path} has no such sheet", found=self.sheet, allowed=sheets
            )
        filled = [sheet for sheet in sheets.values() if sheet.sheet_state == "visible" and _has_cells(sheet)]
        if len(filled) != 1:
            raise ConfigError(
                self.key,
                f"{self.path} has several sheets" if filled else f"{self.path} has no sheet with cells",
                found=", ".join(sheet.title for sheet in filled) or ", ".join(sheets),
                allowed=f"{{path: {self.path.name}, sheet: {(filled or [*sheets.values()])[0].title}}}",
            )
        return filled[0]

    def _header(self, rows: Iterator[list[tuple[Any, Any]]]) -> tuple[list[str], list[Any]]:
        """The names of the columns, and the first rows below them.

        Lines above the header have at most half as many cells as the row with most of them.
        """
        first = list(islice(rows, FIRST_ROWS))
        filled = [sum(cell.value is not None for cell, _ in row) for row in first]
        at = next((row for row, count in enumerate(filled) if 2 * count > max(filled)), 0)
        if at and not all(isinstance(cell.value, str) for cell, _ in first[at] if cell.value is not None):
            at = 0
        if at:
            logger.warning("%s: %s lines above the header of %s are skipped", self.key, at, self.path.name)
        header = first[at] if first else []
        return [_name(cell.value) for cell, _ in header], first[at + 1 :]

    def _value(self, name: str, cell: Any, written: Any) -> Any:
        value = cell.value
        if value is None:
            self.unsaved[name] += written.value is not None
        elif cell.data_type == "e":
            self.errors[name] += 1
            return None
        elif type(value) is int and (zeros := ZEROS.fullmatch(cell.number_format or "")):
            return f"{value:0{len(zeros[0])}d}"
        elif type(value) is float and value.is_integer() and abs(value) >= EXACT:
            self.rounded[name] = value
        return value


def _name(value: object) -> str:
    """The name of a column; a date is one without its time at midnight."""
    return "" if value is None else str(value).removesuffix(" 00:00:00").strip()


def _has_cells(sheet: Any) -> bool:
    sheet.reset_dimensions()
    return any(cell.value is not None for row in sheet.iter_rows() for cell in row)


def _check_installed(path: Path, key: str) -> None:
    if find_spec("openpyxl") is None:
        raise ConfigError(
            key,
            f"{path.suffix} files need a package that is not installed",
            found=path.name,
            allowed="first: pip install openpyxl; or save the sheet as .csv",
        )


def _check_archive(path: Path, key: str) -> set[bytes]:
    """Checks what the file unpacks to; returns which of `SIGNS` are in its sheets."""
    with zipfile.ZipFile(path) as archive:
        check_unpacked(check_claim(archive, path), path, key)
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return {sign for name in sheets for sign in _signs(archive, name)}


def _signs(archive: zipfile.ZipFile, name: str) -> set[bytes]:
    found: set[bytes] = set()
    before = b""
    with archive.open(name) as file:
        while part := file.read(BLOCK):
            found |= {sign for sign in SIGNS if sign in before + part}
            before = part[-max(map(len, SIGNS)) :]
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without openpyxl's warnings of styles; what it raises for damaged files becomes a ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the workbook is damaged: {error}") from error
