"""Predicts rows with the model of a finished run, a chunk at a time."""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TextIO

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from pipeline.conformal.columns import region_columns
from pipeline.data.columns import text_of
from pipeline.data.missing import is_missing
from pipeline.data.unlabelled import RawRows, RowReader
from pipeline.finished.run import FinishedRun, Outputs
from pipeline.model.ensemble import members_of
from pipeline.paths import complete_file

Faults = dict[int, tuple[str, str]]  # row -> (column, reason)


def predict(
    finished: FinishedRun, reader: RowReader, output: Path, *watchers: Callable[[RawRows], None]
) -> tuple[int, int]:
    """Write the predictions of all rows, and to a second file the reasons for rejected rows.

    The output file has one row per input row. It appears when it is complete.

    Args:
        watchers: are called with the rows of each chunk.

    Returns:
        The number of rows, and the number of rejected rows.
    """
    forward = finished.forward(raw=finished.calibration is not None)
    total = rejected = 0
    with complete_file(output) as path, _progress_bar() as move:
        table = PredictionFile(path, finished, reader.key_name)
        with table, Rejects(output.with_suffix(".rejected.csv")) as rejects:
            for rows in reader.read(finished.chunk()):
                outputs = forward(rows.arrays) if len(rows.good) else table.no_outputs
                for watch in watchers:
                    watch(rows)
                finite, faults = _finite_rows(rows, outputs.readable, finished)
                table.add(rows, rows.good[finite], outputs.at(finite))
                rejects.add(rows.first, rows.rejected | faults)
                total, rejected = total + rows.rows, rejected + len(rows.rejected) + len(faults)
                move(total, rows.share)
    return total, rejected


class PredictionFile:
    """The parquet file that predictions are written to.

    Args:
        key: name of the column of the rows' keys; None if rows have only a number, `row`.
    """

    def __init__(self, path: Path, finished: FinishedRun, key: str | None) -> None:
        self.finished, self.key = finished, key
        empty = _no_rows(finished.model)
        members = map(_no_rows, members_of(finished.model)) if finished.member_targets else ()
        self.no_outputs = Outputs(empty, empty, [*members])
        fields = self._columns(self.no_outputs)
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

    def add(self, rows: RawRows, positions: np.ndarray, outputs: Outputs) -> None:
        """Add the rows of a chunk.

        Args:
            positions: the rows of the chunk that have outputs, in the order of the outputs; the other rows
                get nulls.
        """
        predictions = self._columns(outputs)
        if len(positions) < rows.rows:
            source = np.full(rows.rows, -1)
            source[positions] = np.arange(len(positions))
            take = pa.array(source, mask=source < 0)
            predictions = {name: values.take(take) for name, values in predictions.items()}
        columns = {"row": pa.array(np.arange(rows.first, rows.first + rows.rows))}
        if self.key is not None and rows.keys is not None:
            columns[self.key] = _key_column(rows.keys)
        arrays = [(columns | predictions)[name] for name in self.schema.names]
        self.writer.write_batch(pa.record_batch(arrays, schema=self.schema))

    def _columns(self, outputs: Outputs) -> dict[str, pa.Array]:
        regions = self.finished.regions(outputs)
        columns: dict[str, pa.Array] = {}
        for name, head in self.finished.columns.items():
            columns |= head.columns(name, outputs.readable[name])
            if name in regions:
                columns |= region_columns(name, head.names, regions[name])
        return columns


def _no_rows(model: keras.Model) -> dict[str, np.ndarray]:
    return {head: np.zeros((0, tensor.shape[-1]), np.float32) for head, tensor in model.output.items()}


class Rejects:
    """The CSV file of rejected rows: row, column, reason. There is no file if no row is rejected.

    It appears, or that of an earlier call goes, when the `with` block has succeeded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: TextIO | None = None

    def __enter__(self) -> "Rejects":
        self.whole = ExitStack()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        if self.file is None and kind is None:
            self.path.unlink(missing_ok=True)
        self.whole.__exit__(kind, error, where)

    def add(self, first: int, faults: Faults) -> None:
        if not faults:
            return
        if self.file is None:
            part = self.whole.enter_context(complete_file(self.path))
            self.file = self.whole.enter_context(part.open("w", newline="", encoding="utf-8"))
            csv.writer(self.file).writerow(["row", "column", "reason"])
        writer = csv.writer(self.file)
        writer.writerows([first + row, column, reason] for row, (column, reason) in sorted(faults.items()))


def _finite_rows(
    rows: RawRows, outputs: Mapping[str, np.ndarray], finished: FinishedRun
) -> tuple[np.ndarray, Faults]:
    """Return which of the good rows have finite outputs of all heads, and the faults of the others."""
    if not len(rows.good):
        return np.zeros(0, dtype=bool), {}
    finite = np.all([np.isfinite(values).all(axis=1) for values in outputs.values()], axis=0)
    faults = {}
    for position in np.flatnonzero(~finite).tolist():
        inputs = [name for name in finished.inputs if _has_gap(rows, finished, name, position)]
        reason = (
            f"values of {' and '.join(inputs)} are missing, which never happened in training"
            if inputs
            else "the cause is unknown"
        )
        faults[int(rows.good[position])] = (", ".join(inputs), f"the model's output is not finite: {reason}")
    return finite, faults


def _has_gap(rows: RawRows, finished: FinishedRun, name: str, position: int) -> bool:
    """Return whether a pixel of an image is missing, or all of another input, whose gaps are filled."""
    some_or_all = np.any if finished.inputs[name].kind == "image" else np.all
    return all(
        some_or_all(is_missing(np.asarray(rows.arrays[key][position : position + 1])))
        for key in finished.specs[name]
    )


def _key_column(keys: np.ndarray) -> pa.Array:
    missing = is_missing(keys)
    words = [None if missing[row] else text_of(value) for row, value in enumerate(keys)]
    return pa.array(words, pa.string())


@contextmanager
def _progress_bar() -> Iterator[Callable[[int, float], None]]:
    """Show the progress on a terminal; yield a function that takes the rows and the share of files done."""
    with tqdm(unit=" rows", desc="predict", disable=not sys.stderr.isatty(), leave=False) as bar:

        def move(rows: int, share: float) -> None:
            bar.total = round(rows / share) if share else None
            bar.update(rows - bar.n)

        yield move
