"""Text tables: .csv and .tsv files, also compressed."""

import bz2
import gzip
import io
import logging
import lzma
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from pipeline.data.files.arrow_cells import to_array
from pipeline.data.files.dialect import SAMPLE, NumberFormat, find_dialect
from pipeline.data.files.encodings import OTHERS, WESTERN, is_western
from pipeline.data.files.file_errors import check_column_names, check_is_table, check_unpacked, reading
from pipeline.data.files.quotes import check_quotes
from pipeline.data.patterns import is_pattern, matching
from pipeline.errors import ConfigError

logger = logging.getLogger(__name__)
COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
BLOCK = 1 << 22  # bytes that are read at a time
LONGEST_ROW = 1 << 29
EMPTY = [""]
NO_NUMBER = ["NaN", "nan", "None"]  # missing in a column of numbers
WHOLE = r"^(-?\d+)\.0$"  # how pandas writes whole numbers in a column with missing cells
WRONG_WIDTH = "the number of cells differs from the number of column names"


class Delimited:
    """A text table with a header; .gz, .bz2 and .xz files are decompressed.

    `read` gives numbers if all cells of a column are numbers, booleans if all are true or false, else text;
    `read_text` gives the cells as they are written, for columns that identify something: "007" is not 7.
    Columns without a name are left out.

    Args:
        separator: the one that the file's suffix suggests.
        needed: the columns that will be read; None: all.
        options: of `separator`, `quote`, `escape`, `decimal`, `thousands` and `encoding`; others are found in
            the file.
        streamed: whether the rows are read in chunks, so that all of them need not fit into the memory.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        *,
        separator: str,
        needed: Collection[str] | None,
        options: Mapping[str, str] | None = None,
        streamed: bool = False,
    ) -> None:
        self.path, self.key, self.streamed = path, key, streamed
        self.table = pa.table({})
        self.encoding_given = "encoding" in (options or {})
        with reading(path, key):
            with self._open() as file:
                head = file.read(SAMPLE)
                whole = not file.read(1)
            check_is_table(head, path, key)
            self.dialect = find_dialect(
                head, options or {}, path=path, key=key, separator=separator, whole=whole
            )
            self.block = self._block()
            self.names = self._header()
        self.columns = list(dict.fromkeys(name for name in self.names if name))
        check_column_names(self.columns, path, key)
        self.needed = set(self.unique()) if needed is None else self._with_matching(needed)

    def unique(self) -> list[str]:
        """The names that a single column has."""
        return [name for name in self.columns if self.names.count(name) == 1]

    def keep(self, columns: Collection[str]) -> None:
        """Frees the memory of all columns but these."""
        self.needed = self._with_matching(columns)
        self.table = self.table.select([name for name in self.table.column_names if name in self.needed])

    def _with_matching(self, columns: Collection[str]) -> set[str]:
        """The columns, and those that match where one of them is a pattern."""
        patterns = [name for name in columns if is_pattern(name, self.columns)]
        return {*columns, *(name for pattern in patterns for name in matching(pattern, self.columns))}

    def read(self, column: str) -> np.ndarray:
        return _to_array(self._cells(column), self.dialect.numbers)

    def read_text(self, column: str) -> np.ndarray:
        return text_cells(self._cells(column))

    def _cells(self, column: str) -> pa.ChunkedArray:
        if column not in self.table.column_names:
            with reading(self.path, self.key):
                self.table = self._parse([name for name in self.columns if name in self.needed | {column}])
        return self.table.column(column)

    def positions(self, names: Sequence[str]) -> list[str]:
        """The names under which Arrow reads these columns: their positions, as other names may be doubled.

        Raises:
            ConfigError: several columns have one of the names.
        """
        check_column_names([name for name in self.names if name in names], self.path, self.key)
        return [str(self.names.index(name)) for name in names]

    def reading_options(self) -> arrow_csv.ReadOptions:
        """Arrow's options: columns go by their positions, and the header is skipped as the first row."""
        return arrow_csv.ReadOptions(
            use_threads=False,  # with several threads Arrow does not report the number of an invalid row
            skip_rows=self.dialect.skipped,
            column_names=[str(position) for position in range(len(self.names))],
            skip_rows_after_names=1,
            encoding="utf8" if self.dialect.encoding == "utf-8" else self.dialect.encoding,
            block_size=self.block,
        )

    def _block(self) -> int:
        """The bytes that Arrow reads at a time: a row must fit into one block.

        Raises:
            ConfigError: what the file unpacks to does not fit into the memory, or a quoted cell never
                ends.
        """
        longest = line = size = quotes = 0
        sign = self.dialect.quote.encode()
        with self._open() as file:
            while part := file.read(BLOCK):
                size += len(part)
                quotes += part.count(sign)
                if not self.streamed:
                    check_unpacked(size, self.path, self.key)
                first, last = part.find(b"\n"), part.rfind(b"\n")
                longest = max(longest, line + (len(part) if first < 0 else first))
                line = line + len(part) if first < 0 else len(part) - last
                if longest > LONGEST_ROW:
                    raise ValueError(f"a row is longer than {LONGEST_ROW:,} bytes")
        if quotes % 2:
            check_quotes(self._open, self.dialect, self.path, self.key)
        # A row between the ends of one part is shorter than a block.
        return max(BLOCK, 2 * max(longest, line))

    def _header(self) -> list[str]:
        encoding = "utf-8-sig" if self.dialect.encoding == "utf-8" else self.dialect.encoding
        with self._open() as file:
            # A later row with invalid bytes is no reason to refuse the header.
            text = io.TextIOWrapper(file, encoding, errors="surrogateescape", newline="")
            for _ in range(self.dialect.skipped):
                text.readline()
            names = next(self.dialect.rows(text), [])
            names += [""] * self.dialect.extra
        if any(_is_escaped(name) for name in names):
            raise self._encoding_error()
        return [name.strip() for name in names]

    def _open(self) -> IO[bytes]:
        opener = COMPRESSED.get(self.path.suffix.lower(), open)
        file: IO[bytes] = opener(self.path, "rb")
        return file

    def _parse(self, names: list[str]) -> pa.Table:
        invalid: list[Any] = []
        positions = self.positions(names)

        def stop(row: Any) -> str:
            invalid.append(row)
            return "error"

        parsing = arrow_csv.ParseOptions(
            delimiter=self.dialect.separator,
            quote_char=self.dialect.quote,
            escape_char=self.dialect.escape or False,
            newlines_in_values=True,
            ignore_empty_lines=len(self.names) > 1,  # in a single column, an empty line is an empty cell
            invalid_row_handler=stop,
        )
        # Strings first: Arrow infers types from the first rows and fails on a later cell of another type.
        conversion = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(positions, pa.string()),
            include_columns=positions,
            null_values=EMPTY,
            strings_can_be_null=True,
        )
        undecodable: list[object] = []
        try:
            with self._open() as file, quiet_handler() as undecodable:
                table = arrow_csv.read_csv(file, self.reading_options(), parsing, conversion)
                return table.rename_columns(names)
        except pa.ArrowInvalid as error:
            if invalid:
                raise self._width_error(invalid[0]) from error
            if not (undecodable or "UTF8" in str(error)):
                raise
            if not self._is_western():
                raise self._encoding_error() from error
        return self._parse(names)

    def _is_western(self) -> bool:
        """Whether a file that looked like UTF-8 at its beginning is cp1252; then it is read as that."""
        cell = self._first_invalid_cell()[1]
        found = self.dialect.encoding == "utf-8" and not self.encoding_given and is_western(cell)
        if found:
            self.dialect = replace(self.dialect, encoding=WESTERN)
            logger.warning(
                "%s: %s is read with encoding: %r, as %r",
                self.key,
                self.path.name,
                WESTERN,
                cell.decode(WESTERN),
            )
        return found

    def row_number(self, row: Any) -> int:
        """The number of a row, from 0; Arrow counts from 1, with the header and the lines before it."""
        return int(row.number) - 2 - self.dialect.skipped

    def _width_error(self, row: Any) -> ConfigError:
        return ConfigError(
            self.key,
            f"{self.path}, row {self.row_number(row)} (counting from 0): {WRONG_WIDTH}; "
            "the file is truncated, or an unquoted cell contains a separator",
            found=f"{row.actual_columns} cells: {row.text}",
            allowed=f"{row.expected_columns} cells",
        )

    def _encoding_error(self) -> ConfigError:
        place, cell = self._first_invalid_cell()
        problem = f"{self.path} is not UTF-8: {place}"
        return ConfigError(
            self.key,
            problem,
            found=cell,
            allowed="UTF-8 text; save the file as UTF-8, or name its encoding, {path: …, encoding: cp1251}: "
            f"{OTHERS}",
        )

    def _first_invalid_cell(self) -> tuple[str, bytes]:
        with self._open() as file:
            for number, line in enumerate(file):
                for position, cell in enumerate(line.rstrip(b"\r\n").split(self.dialect.separator.encode())):
                    if _is_utf8(cell):
                        continue
                    if not number:
                        return "the header line", cell
                    column = f"column '{self.names[position]}', " if position < len(self.names) else ""
                    return f"{column}row {number - 1} (counting from 0)", cell
        return "", b""


@contextmanager
def quiet_handler() -> Iterator[list[object]]:
    """Collects the errors of Arrow when it decodes a row for the handler of invalid rows.

    The handler is not called then, and Python would print a traceback and go on.
    """
    found: list[object] = []
    hook = sys.unraisablehook

    def collect(args: Any) -> None:
        if isinstance(args.exc_value, UnicodeDecodeError):
            found.append(args.exc_value)
        else:
            hook(args)

    sys.unraisablehook = collect
    try:
        yield found
    finally:
        sys.unraisablehook = hook


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _is_escaped(name: str) -> bool:
    return any("\udc80" <= letter <= "\udcff" for letter in name)


def text_cells(cells: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """The cells as text, None where empty; a whole number is written without ".0"."""
    text = pc.replace_substring_regex(cells, WHOLE, r"\1")
    array = to_array(text)
    return np.asarray(array, dtype=object)


def _to_array(cells: pa.ChunkedArray, numbers: NumberFormat) -> np.ndarray:
    values: np.ndarray
    trimmed = pc.utf8_trim_whitespace(cells)
    trimmed = pc.if_else(pc.is_in(trimmed, pa.array(NO_NUMBER)), None, trimmed)
    # With decimal commas 1.234 is not a fraction: such cells are parsed where numbers are needed.
    fractions = [pa.float64()] if numbers.decimal == "." else []
    for arrow_type in (pa.int64(), *fractions, pa.bool_()):
        try:
            values = pc.cast(trimmed, arrow_type).to_numpy()
        except pa.ArrowInvalid:
            continue
        return values
    return to_array(cells)
