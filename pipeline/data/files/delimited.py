"""Text tables: .csv and .tsv files, also compressed."""

import bz2
import csv
import gzip
import lzma
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from pipeline.data.files.file_errors import check_column_names, reading
from pipeline.errors import ConfigError

COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
EMPTY = ["", "NaN", "nan", "None"]
WRONG_WIDTH = "the number of cells differs from the number of column names"


class Delimited:
    """A text table in UTF-8 with a header line; .gz, .bz2 and .xz files are decompressed.

    A column holds numbers if all its cells are numbers, booleans if all are true or false, else strings.
    """

    def __init__(self, path: Path, key: str, *, separator: str, needed: Collection[str]) -> None:
        self.path, self.key, self.separator = path, key, separator
        self.needed, self.table = set(needed), pa.table({})
        with reading(path, key):
            self.columns = self._header()
        check_column_names(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        if column not in self.table.column_names:
            with reading(self.path, self.key):
                self.table = self._parse([name for name in self.columns if name in self.needed | {column}])
        return _to_array(self.table.column(column))

    def _header(self) -> list[str]:
        with self._open() as file:
            try:
                line = file.readline().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise self._encoding_error() from error
        return next(csv.reader([line], delimiter=self.separator), [])

    def _open(self) -> IO[bytes]:
        opener = COMPRESSED.get(self.path.suffix.lower(), open)
        file: IO[bytes] = opener(self.path, "rb")
        return file

    def _parse(self, names: list[str]) -> pa.Table:
        invalid: list[Any] = []

        def stop(row: Any) -> str:
            invalid.append(row)
            return "error"

        parsing = arrow_csv.ParseOptions(
            delimiter=self.separator,
            newlines_in_values=True,
            ignore_empty_lines=len(self.columns) > 1,  # in a single column, an empty line is an empty cell
            invalid_row_handler=stop,
        )
        # Strings first: Arrow infers types from the first rows and fails on a later cell of another type.
        conversion = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            null_values=EMPTY,
            strings_can_be_null=True,
        )
        try:
            with self._open() as file:
                # With several threads Arrow does not report the number of an invalid row.
                return arrow_csv.read_csv(file, arrow_csv.ReadOptions(use_threads=False), parsing, conversion)
        except pa.ArrowInvalid as error:
            if invalid:
                raise self._width_error(invalid[0]) from error
            if "UTF8" in str(error):
                raise self._encoding_error() from error
            raise

    def _width_error(self, row: Any) -> ConfigError:
        # Arrow counts from 1 and includes the header line.
        return ConfigError(
            self.key,
            f"{self.path}, row {row.number - 2} (counting from 0): {WRONG_WIDTH}; "
            "the file is truncated, or an unquoted cell contains a separator",
            found=f"{row.actual_columns} cells: {row.text}",
            allowed=f"{row.expected_columns} cells",
        )

    def _encoding_error(self) -> ConfigError:
        place, cell = self._first_invalid_cell()
        problem = f"{self.path} is not UTF-8: {place}"
        return ConfigError(
            self.key, problem, found=cell, allowed="UTF-8 text; save the file with this encoding"
        )

    def _first_invalid_cell(self) -> tuple[str, bytes]:
        with self._open() as file:
            for number, line in enumerate(file):
                for position, cell in enumerate(line.rstrip(b"\r\n").split(self.separator.encode())):
                    if _is_utf8(cell):
                        continue
                    if not number:
                        return "the header line", cell
                    return f"column '{self.columns[position]}', row {number - 1} (counting from 0)", cell
        return "", b""


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _to_array(cells: pa.ChunkedArray) -> np.ndarray:
    values: np.ndarray
    trimmed = pc.utf8_trim_whitespace(cells)
    for arrow_type in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            values = pc.cast(trimmed, arrow_type).to_numpy()
        except pa.ArrowInvalid:
            continue
        return values
    values = cells.to_numpy()
    return values
