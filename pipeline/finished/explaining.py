"""Writes why a model predicts what it does: the attributions of each row, beside its predictions."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.data.unlabelled import RawRows
from pipeline.finished.run import FinishedRun
from pipeline.job.prediction_columns import PredictionColumns, as_arrow
from pipeline.job.why import MEANS, middle
from pipeline.model.attribution import TOLERANCE, Attributions, Explainer
from pipeline.model.ensemble import members_of
from pipeline.model.joint_attribution import JointExplainer
from pipeline.paths import complete_file
from pipeline.tracking import StoredRun

PIECE = 64  # rows that are explained at a time


def explainer_of(run: StoredRun, finished: FinishedRun) -> Explainer:
    """Return what explains the rows of a finished run, a single one or an ensemble."""
    kinds = {name: source.kind for name, source in finished.inputs.items()}
    of_heads = positions(finished.columns)
    members = members_of(finished.model)
    if members == [finished.model]:
        return Explainer(finished.model, kinds, _means(run, MEANS), of_heads)
    means = [_means(run, means_of(place)) for place in range(len(members))]
    return JointExplainer(finished.model, kinds, means, of_heads)


def means_of(place: int) -> str:
    """Return the artifact of an ensemble with the means of a member's training rows."""
    return MEANS.replace(".npz", f"_{place}.npz")


def _means(run: StoredRun, path: str) -> dict[str, np.ndarray]:
    return dict(np.load(run.artifact(path))) if run.has(path) else {}


def positions(columns: Mapping[str, PredictionColumns]) -> dict[str, int]:
    """Return the output that is explained, of heads for which it is not the largest.

    It is the first column of numbers, the middle quantile, or the one probability.
    """
    return {head: middle(one.quantiles) for head, one in columns.items() if one.kind in ("number", "binary")}


class Explanations:
    """The parquet file of explanations; it appears when the `with` block has succeeded.

    Attributes:
        rows: number of explained rows.
        gap: the largest error of a row's sum, relative to what it should be.
    """

    def __init__(self, path: Path, finished: FinishedRun, explainer: Explainer) -> None:
        self.path, self.finished, self.explainer = path, finished, explainer
        self.rows, self.gap = 0, 0.0
        self.writer: Any = None

    def __enter__(self) -> "Explanations":
        self.whole = ExitStack()
        self.part = self.whole.enter_context(complete_file(self.path))
        return self

    def __exit__(self, *error: Any) -> None:
        if self.writer is None:
            pq.write_table(pa.table({"row": pa.array([], pa.int64())}), self.part)
        else:
            self.writer.close()
        self.whole.__exit__(*error)

    def add(self, rows: RawRows) -> None:
        """Explain the rows of a chunk that could be read."""
        for first in range(0, len(rows.good), PIECE):
            piece = {key: values[first : first + PIECE] for key, values in rows.arrays.items()}
            found = self.explainer.explain(piece)
            table = pa.table(
                {"row": rows.first + rows.good[first : first + PIECE]}
                | {
                    name: values
                    for head in found
                    for name, values in self._columns(head, found[head]).items()
                }
            )
            if self.writer is None:
                self.writer = pq.ParquetWriter(self.part, table.schema)
            self.writer.write_table(table.cast(self.writer.schema))
            self.rows += len(table)
            self.gap = max(self.gap, *(one.gap() for one in found.values()))

    def sentence(self) -> str:
        """Return a line for the terminal."""
        enough = "" if self.gap <= TOLERANCE else f": more than {TOLERANCE:.0%}, so read these rows with care"
        default = "" if self.explainer.means else "; without training means, which this run did not store"
        return (
            f"{self.rows:,} rows explained -> {self.path}; attributions add up to the predictions within "
            f"{self.gap:.2%}{enough}{default}"
        )

    def _columns(self, head: str, one: Attributions) -> dict[str, pa.Array]:
        names = np.asarray(self.finished.columns[head].names, object)
        quantiles = len(self.finished.columns[head].quantiles) or 1
        columns = {
            f"{head}_explained": pa.array(names[one.chosen // quantiles].tolist(), pa.string()),
            f"{head}_value": pa.array(one.values.astype(np.float64)),
            f"{head}_training_mean": pa.array(one.baselines.astype(np.float64)),
            f"{head}_unexplained": pa.array(-one.errors().astype(np.float64)),
        }
        totals = one.totals()
        for branch, parts in one.inputs.items():
            columns[f"{head}_from_{branch}"] = pa.array(totals[branch].astype(np.float64))
            for part, values in parts.items():
                if values.ndim > 1 or len(parts) > 1:
                    flat = values.reshape(len(values), -1).astype(np.float32)
                    label = part.removeprefix(f"{branch}.")
                    columns[f"{head}_from_{branch}.{label}"] = as_arrow(
                        flat if values.ndim > 1 else flat[:, 0]
                    )
        return columns
