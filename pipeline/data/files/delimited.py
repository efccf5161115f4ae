"""Tables as text: .csv and .tsv, also compressed."""

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

from pipeline.data.files.checked import distinct, reading
from pipeline.errors import ConfigError

COMPRESSED: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
EMPTY = ["", "NaN", "nan", "None"]


class Delimited:
    """A table as text, UTF-8, with a line of column names; .gz .bz2 .xz are unpacked on the way.

    A column whose cells are all numbers is numbers, of true and false of booleans, else of strings.
    """

    def __init__(self, path: Path, key: str, *, separator: str, wanted: Collection[str]) -> None:
        self.path, self.key, self.separator = path, key, separator
        self.wanted, self.table = set(wanted), pa.table({})
        with reading(path, key):
            self.columns = self._header()
        distinct(self.columns, path, key)

    def read(self, column: str) -> np.ndarray:
        if column not in self.table.column_names:
            with reading(self.path, self.key):
                self.table = self._parse([name for name in self.columns if name in self.wanted | {column}])
        return _typed(self.table.column(column))

    def _header(self) -> list[str]:
        with self._open() as file:
            try:
                line = file.readline().decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise self._wrong_encoding() from error
        return next(csv.reader([line], delimiter=self.separator), [])

    def _open(self) -> IO[bytes]:
        opener = COMPRESSED.get(self.path.suffix.lower())
        return opener(self.path, "rb") if opener else self.path.open("rb")

    def _parse(self, names: list[str]) -> pa.Table:
        wrong: list[Any] = []

        def note(row: Any) -> str:
            wrong.append(row)
            return "error"

        parsing = arrow_csv.ParseOptions(
            delimiter=self.separator,
            newlines_in_values=True,
            ignore_empty_lines=len(self.columns) > 1,  # of one column, an empty line is an empty cell
            invalid_row_handler=note,
        )
        # As strings first: a guess from the first rows would fail on the first cell of another type.
        converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            include_columns=names,
            null_values=EMPTY,
            strings_can_be_null=True,
        )
        try:
            with self._open() as file:
                options = arrow_csv.ReadOptions(use_threads=False)  # threads would not know the row's number
                return arrow_csv.read_csv(file, options, parsing, converting)
        except pa.ArrowInvalid as error:
            if wrong:
                raise self._wrong_width(wrong[0]) from error
            if "UTF8" in str(error):
                raise self._wrong_encoding() from error
            raise

    def _wrong_width(self, row: Any) -> ConfigError:
        # Arrow counts from 1 and the line of names with it.
        return ConfigError(
            self.key,
            f"{self.path}, row {row.number - 2} (rows count from 0), has not one cell per name: "
            "truncated, or a separator in an unquoted cell",
            found=f"{row.actual_columns} cells: {row.text}",
            allowed=f"{row.expected_columns} cells",
        )

    def _wrong_encoding(self) -> ConfigError:
        place, found = "", b""
        with self._open() as file:
            for number, line in enumerate(file):
                for position, cell in enumerate(line.rstrip(b"\r\n").split(self.separator.encode())):
                    if not place and not _is_utf8(cell):
                        place, found = "the line of names", cell
                        if number:
                            place = f"column '{self.columns[position]}', row {number - 1} (rows count from 0)"
        problem = f"{self.path} is not UTF-8: {place}"
        return ConfigError(self.key, problem, found=found, allowed="UTF-8 text; save the file as such")


def _is_utf8(cell: bytes) -> bool:
    try:
        cell.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _typed(cells: pa.ChunkedArray) -> np.ndarray:
    trimmed = pc.utf8_trim_whitespace(cells)
    for kind in (pa.int64(), pa.float64(), pa.bool_()):
        try:
            return pc.cast(trimmed, kind).to_numpy()
        except pa.ArrowInvalid:
            continue
    return cells.to_numpy()
