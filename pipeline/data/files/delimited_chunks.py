"""Text tables read in chunks of rows. Every cell is text, or None if it is empty."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from pipeline.data.files.delimited import COMPRESSED, EMPTY, WRONG_WIDTH, Delimited, quiet_handler, text_cells
from pipeline.data.files.file_errors import reading

SHOWN = 80  # characters of an invalid row in a message


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of a file.

    Args:
        columns: name -> (rows, ...).
        share: the share of the file that has been read, this chunk included, 0 to 1.
        invalid: row of this chunk -> why it could not be read.
    """

    columns: Mapping[str, np.ndarray]
    share: float
    invalid: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class DelimitedChunks:
    """A .csv or .tsv file, also compressed.

    All cells are read as text, because the first rows do not tell a column's type. A row with too many or
    too few cells, or with bytes that are not UTF-8, does not affect the other rows.
    """

    def __init__(self, path: Path, key: str, *, separator: str) -> None:
        self.path, self.key = path, key
        self.table = Delimited(path, key, separator=separator, needed=(), streamed=True)
        self.columns, self.number_format = self.table.columns, self.table.dialect.numbers

    def read(self, names: Sequence[str], rows: int) -> Iterator[Chunk]:
        buffer = RowBuffer(names, self.table.row_number)
        with reading(self.path, self.key), self.path.open("rb") as file:
            size = self.path.stat().st_size
            opener = COMPRESSED.get(self.path.suffix.lower())
            with opener(file, "rb") if opener else file as text:
                for batch in self._batches(text, names, buffer):
                    buffer.add(batch)
                    while buffer.rows >= rows:
                        columns, invalid = buffer.take(rows)
                        # Arrow reads ahead of these rows, but a progress bar need not be exact.
                        yield Chunk(columns, min(1.0, file.tell() / size), invalid)
                buffer.finish()
                while buffer.rows:
                    columns, invalid = buffer.take(min(rows, buffer.rows))
                    yield Chunk(columns, 1.0, invalid)

    def _batches(
        self, text: IO[bytes], names: Sequence[str], buffer: "RowBuffer"
    ) -> Iterable[pa.RecordBatch]:
        parsing = arrow_csv.ParseOptions(
            delimiter=self.table.dialect.separator,
            quote_char=self.table.dialect.quote,
            escape_char=self.table.dialect.escape or False,
            newlines_in_values=True,
            ignore_empty_lines=len(self.table.names) > 1,
            invalid_row_handler=buffer.reject,
        )
        positions = self.table.positions(names)
        conversion = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(positions, pa.binary()),
            include_columns=positions,
            null_values=EMPTY,
            strings_can_be_null=True,
            check_utf8=False,
        )
        options = self.table.reading_options()
        with quiet_handler():
            reader = arrow_csv.open_csv(text, options, parsing, conversion)
        while True:
            with quiet_handler():
                batch = next(reader, None)
            if batch is None:
                return
            yield batch.rename_columns(list(names))


class RowBuffer:
    """Rows that Arrow has read and that are not in a chunk yet.

    Arrow skips rows with a wrong number of cells; the buffer puts a row of missing cells in their place.
    """

    def __init__(self, names: Sequence[str], row_number: Callable[[Any], int]) -> None:
        self.row_number = row_number
        self.cells: dict[str, list[np.ndarray]] = {name: [] for name in names}
        self.rejected: dict[int, str] = {}  # row of the file -> why
        self.first = 0  # row of the file that the buffer starts with
        self.rows = 0

    def reject(self, row: Any) -> str:
        """Notes a row with a wrong number of cells."""
        text = row.text if len(row.text) <= SHOWN else f"{row.text[:SHOWN]}…"
        self.rejected[self.row_number(row)] = (
            f"{WRONG_WIDTH}; found: {row.actual_columns} cells: {text}; allowed: {row.expected_columns}"
        )
        return "skip"

    def add(self, batch: pa.RecordBatch) -> None:
        """Appends rows, with a row of None for each rejected row before or between them."""
        start = self.first + self.rows
        places: list[int] = []
        if self.rejected:
            row = start
            while len(places) < len(batch):
                if row not in self.rejected:
                    places.append(row - start)
                row += 1
        length = places[-1] + 1 if places else len(batch)
        for name, arrays in self.cells.items():
            cells = _decode(batch.column(name))
            if length > len(batch):
                spread = np.full(length, None, dtype=object)
                spread[places] = cells
                cells = spread
            arrays.append(cells)
        self.rows += length

    def finish(self) -> None:
        """Appends the rejected rows that follow the last valid row."""
        end = max(self.rejected, default=-1) + 1
        missing = end - self.first - self.rows
        if missing > 0:
            for arrays in self.cells.values():
                arrays.append(np.full(missing, None, dtype=object))
            self.rows += missing

    def take(self, rows: int) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        """Removes the first rows; returns their cells, and why some of them are invalid."""
        columns = {}
        for name, arrays in self.cells.items():
            joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
            columns[name] = joined[:rows]
            self.cells[name] = [joined[rows:]]
        invalid = {row - self.first: why for row, why in self.rejected.items() if row < self.first + rows}
        for row in invalid:
            del self.rejected[row + self.first]
        self.first, self.rows = self.first + rows, self.rows - rows
        return columns, invalid


def _decode(cells: pa.Array) -> np.ndarray:
    """Text or None. Bytes that are not UTF-8 stay bytes, which every kind of input rejects."""
    try:
        text = cells.cast(pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        return np.array([_decode_cell(cell) for cell in cells.to_pylist()], dtype=object)
    return text_cells(text)


def _decode_cell(cell: bytes | None) -> str | bytes | None:
    try:
        return cell if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell
