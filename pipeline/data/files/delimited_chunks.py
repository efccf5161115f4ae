"""Tables as text, a chunk of rows at a time. Every cell is text, or None where it is empty."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from pipeline.data.files.checked import reading
from pipeline.data.files.delimited import COMPRESSED, EMPTY, Delimited

BLOCK = 1 << 22  # bytes that Arrow reads at a time


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file that follow each other.

    Args:
        columns: name -> (rows, ...).
        share: how much of the file has been read with this chunk, 0 to 1.
        broken: row of this chunk -> why it could not be read.
    """

    columns: Mapping[str, np.ndarray]
    share: float
    broken: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class DelimitedChunks:
    """A .csv or .tsv file, also compressed.

    A column's type cannot be known from its first rows, so all cells are text and whoever reads them says
    what they should be. A row of another width than the line of names, or with bytes that are no UTF-8, is
    the fault of that row alone.
    """

    def __init__(self, path: Path, key: str, *, separator: str) -> None:
        self.path, self.key, self.separator = path, key, separator
        self.columns = Delimited(path, key, separator=separator, wanted=()).columns

    def read(self, wanted: Sequence[str], rows: int) -> Iterator[Chunk]:
        pieces = Pieces(wanted)
        with reading(self.path, self.key), self.path.open("rb") as file:
            size = self.path.stat().st_size
            opener = COMPRESSED.get(self.path.suffix.lower())
            with opener(file, "rb") if opener else file as text:
                for batch in self._open(text, wanted, pieces):
                    pieces.add(batch)
                    while pieces.waiting >= rows:
                        # The reader is ahead of the rows that are given: near enough for a progress bar.
                        columns, broken = pieces.take(rows)
                        yield Chunk(columns, min(1.0, file.tell() / size), broken)
                pieces.end()
                while pieces.waiting:
                    columns, broken = pieces.take(min(rows, pieces.waiting))
                    yield Chunk(columns, 1.0, broken)

    def _open(self, text: Any, wanted: Sequence[str], pieces: "Pieces") -> Any:
        parsing = arrow_csv.ParseOptions(
            delimiter=self.separator,
            newlines_in_values=True,
            ignore_empty_lines=len(self.columns) > 1,
            invalid_row_handler=pieces.reject,
        )
        converting = arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(wanted, pa.binary()),
            include_columns=list(wanted),
            null_values=EMPTY,
            strings_can_be_null=True,
            check_utf8=False,
        )
        # Threads would not know the row's number.
        options = arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK)
        return arrow_csv.open_csv(text, options, parsing, converting)


class Pieces:
    """Rows as Arrow gives them, without those of a wrong width, which get their place back here."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self.cells: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
        self.wrong: dict[int, str] = {}  # row of the file -> why
        self.first = self.waiting = 0  # row of the file, and rows from there on, that are held

    def reject(self, row: Any) -> str:
        """Note a row of a wrong width; Arrow counts from 1, the line of names included."""
        cut = row.text if len(row.text) <= 80 else f"{row.text[:80]}…"
        found = f"{row.actual_columns} cells: {cut}"
        self.wrong[row.number - 2] = f"not one cell per name; found: {found}; allowed: {row.expected_columns}"
        return "skip"

    def add(self, batch: pa.RecordBatch) -> None:
        """Rows that follow those held, with the places of the rejected ones filled by None."""
        start = self.first + self.waiting
        places: list[int] = []
        if self.wrong:
            row = start
            while len(places) < len(batch):
                if row not in self.wrong:
                    places.append(row - start)
                row += 1
        length = places[-1] + 1 if places else len(batch)
        for name, held in self.cells.items():
            cells = _decoded(batch.column(name))
            if length > len(batch):
                spread = np.full(length, None, dtype=object)
                spread[places] = cells
                cells = spread
            held.append(cells)
        self.waiting += length

    def end(self) -> None:
        """Make place for rejected rows after the last good one."""
        last = max(self.wrong, default=-1) + 1
        lacking = last - self.first - self.waiting
        if lacking > 0:
            for held in self.cells.values():
                held.append(np.full(lacking, None, dtype=object))
            self.waiting += lacking

    def take(self, rows: int) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        """The first rows held, and which of them are broken."""
        taken = {}
        for name, held in self.cells.items():
            joined = held[0] if len(held) == 1 else np.concatenate(held)
            taken[name] = joined[:rows]
            self.cells[name] = [joined[rows:]]
        broken = {row - self.first: why for row, why in self.wrong.items() if row < self.first + rows}
        for row in broken:
            del self.wrong[row + self.first]
        self.first, self.waiting = self.first + rows, self.waiting - rows
        return taken, broken


def _decoded(cells: pa.Array) -> np.ndarray:
    """Text or None; bytes that are no UTF-8 stay bytes, which no kind of input takes."""
    try:
        text = cells.cast(pa.string())
        text.validate(full=True)
        return text.to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return np.array([_text(cell) for cell in cells.to_pylist()], dtype=object)


def _text(cell: bytes | None) -> str | bytes | None:
    try:
        return cell if cell is None else cell.decode()
    except UnicodeDecodeError:
        return cell
