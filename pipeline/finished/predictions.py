"""Rows through a finished run's model into a table, a chunk at a time."""

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from pipeline.data.columns import is_missing, text_of
from pipeline.data.unlabelled import RawRows, RowReader
from pipeline.finished.run import FinishedRun, Forward

Faults = dict[int, tuple[str, str]]  # row -> (column, why)


def predict(finished: FinishedRun, reader: RowReader, output: Path) -> tuple[int, int]:
    """Write one row for each row read, and beside it the rejected ones with their reasons.

    The output appears when it is whole.

    Returns:
        How many rows there are, and how many of them were rejected.
    """
    forward = Forward(finished.model, finished.batch())
    total = rejected = 0
    with _whole_file(output) as part, _bar() as move:
        table = PredictionFile(part, finished, reader.key_name)
        with table, Rejects(output.with_suffix(".rejected.csv")) as rejects:
            for rows in reader.read(finished.chunk()):
                outputs = forward(rows.arrays) if len(rows.good) else table.nothing
                sound, faults = _sound(rows, outputs, finished)
                kept = {head: values[sound] for head, values in outputs.items()}
                table.add(rows, rows.good[sound], kept)
                rejects.add(rows.first, rows.rejected | faults)
                total, rejected = total + rows.rows, rejected + len(rows.rejected) + len(faults)
                move(total, rows.share)
    return total, rejected


class PredictionFile:
    """The parquet file that predictions are written to.

    Args:
        key: name of the column that holds the rows' keys; None: they have only their number, `row`.
    """

    def __init__(self, path: Path, finished: FinishedRun, key: str | None) -> None:
        self.answers, self.key = finished.answers, key
        self.nothing = {
            head: np.zeros((0, tensor.shape[-1]), np.float32)
            for head, tensor in finished.model.output.items()
        }
        fields = self._columns(self.nothing)
        self.schema = pa.schema(
            [
                ("row", pa.int64()),
                *([] if key is None else [(key, pa.string())]),
                *((name, values.type) for name, values in fields.items()),
            ]
        )
        self.path = path

    def __enter__(self) -> "PredictionFile":
        self.writer = pq.ParquetWriter(self.path, self.schema)
        return self

    def __exit__(self, *error: object) -> None:
        self.writer.close()

    def add(self, rows: RawRows, places: np.ndarray, outputs: Mapping[str, np.ndarray]) -> None:
        """Add all of these rows; those of `places` have the outputs, in order, the others nulls."""
        if len(places) < rows.rows:
            source = np.full(rows.rows, -1)
            source[places] = np.arange(len(places))
            take = pa.array(source, mask=source < 0)
        answers = self._columns(outputs)
        if len(places) < rows.rows:
            answers = {name: values.take(take) for name, values in answers.items()}
        columns = {"row": pa.array(np.arange(rows.first, rows.first + rows.rows))}
        if self.key is not None and rows.keys is not None:
            columns[self.key] = _key_column(rows.keys)
        arrays = [(columns | answers)[name] for name in self.schema.names]
        self.writer.write_batch(pa.record_batch(arrays, schema=self.schema))

    def _columns(self, outputs: Mapping[str, np.ndarray]) -> dict[str, pa.Array]:
        found: dict[str, pa.Array] = {}
        for head, answer in self.answers.items():
            found |= answer.columns(head, outputs[head])
        return found


class Rejects:
    """A CSV of the rows that could not be read: row, column, reason. Without any there is no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.unlink(missing_ok=True)  # that of an earlier call
        self.file: Any = None

    def __enter__(self) -> "Rejects":
        return self

    def __exit__(self, *error: object) -> None:
        if self.file:
            self.file.close()

    def add(self, first: int, faults: Faults) -> None:
        if faults and self.file is None:
            self.file = self.path.open("w", newline="", encoding="utf-8")
            csv.writer(self.file).writerow(["row", "column", "reason"])
        for row, (column, reason) in sorted(faults.items()):
            csv.writer(self.file).writerow([first + row, column, reason])


def _sound(
    rows: RawRows, outputs: Mapping[str, np.ndarray], finished: FinishedRun
) -> tuple[np.ndarray, Faults]:
    """Which of the good rows got numbers from every head, and what is wrong with the others."""
    if not len(rows.good):
        return np.zeros(0, dtype=bool), {}
    sound = np.all([np.isfinite(values).all(axis=1) for values in outputs.values()], axis=0)
    faults = {}
    for place in np.flatnonzero(~sound).tolist():
        lacking = [
            name
            for name, one in finished.inputs.items()
            if _lacks(rows.arrays, finished.specs[name], place, np.any if one.kind == "image" else np.all)
        ]
        why = (
            f"{' and '.join(lacking)} with values missing, as in no training row"
            if lacking
            else "of unknown cause"
        )
        faults[int(rows.good[place])] = (", ".join(lacking), f"the model gives no number: {why}")
    return sound, faults


def _lacks(arrays: Mapping[str, np.ndarray], specs: Mapping[str, Any], place: int, how: Any) -> bool:
    """Whether a row lacks an input: any pixel of an image, all of what has its gaps filled or masked."""
    return all(how(is_missing(np.asarray(arrays[key][place : place + 1]))) for key in specs)


def _key_column(keys: np.ndarray) -> pa.Array:
    gone = is_missing(keys)
    words = [None if gone[row] else text_of(value) for row, value in enumerate(keys)]
    return pa.array(words, pa.string())


@contextmanager
def _whole_file(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _bar() -> Iterator[Any]:
    """A bar of rows on a terminal; how many there will be is reckoned from the share that has been read."""
    with tqdm(unit=" rows", desc="predict", disable=not sys.stderr.isatty(), leave=False) as bar:

        def move(rows: int, share: float) -> None:
            bar.total = round(rows / share) if share else None
            bar.update(rows - bar.n)

        yield move
