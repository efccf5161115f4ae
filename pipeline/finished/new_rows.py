"""Compares the rows that a finished run reads with those of its training, as they come."""

import csv
from collections.abc import Collection, Mapping
from pathlib import Path

import keras
import numpy as np

from pipeline.data import drift
from pipeline.finished.run import FinishedRun
from pipeline.folding import fold_texts
from pipeline.model.ensemble import members_of
from pipeline.page.elements import Section, Table
from pipeline.paths import complete_file
from pipeline.stored_file import mapping_in, reading
from pipeline.tracking import StoredRun

SEEN = "data/seen.json"  # the artifact with the summary of the training rows
PIECE = 4096  # rows that are measured at a time
UNKNOWN = "inputs: not compared with the training rows, because this run has no summary of them"


class NewRows:
    """Counts rows for a comparison with the training rows.

    Args:
        without: inputs that the rows lack on purpose, which are not compared.
    """

    def __init__(self, run: StoredRun, finished: FinishedRun, without: Collection[str] = ()) -> None:
        self.finished, self.without = finished, without
        self.before: drift.Summary | None = None
        if run.has(SEEN):  # runs of version 0.1 have none
            with reading(run, SEEN) as path:
                self.before = drift.Summary.restore(mapping_in(path)["columns"])
            self.now = self.before.empty()
            self.words = {
                name: found
                for name, source in finished.inputs.items()
                if source.kind == "text" and (found := _look_up(finished.model, name))
            }

    def add(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Count rows; raw model input -> (rows, …)."""
        if self.before is None or not arrays:
            return
        for name, specs in self.finished.specs.items():
            if name in self.without:
                continue
            for first in range(0, len(arrays[next(iter(specs))]), PIECE):
                raw = {key: np.asarray(arrays[key][first : first + PIECE]) for key in specs}
                tokens = self._tokens(name, raw[name]) if name in self.words else (None, 0)
                self.now.add(drift.measures(name, self.finished.inputs[name], raw, *tokens))

    def differences(self) -> list[drift.Difference]:
        """Return how the columns differ, the largest differences first; none without a summary."""
        return [] if self.before is None else drift.compare(self.before, self.now)

    def sentence(self) -> str:
        """Return a line for the terminal."""
        return UNKNOWN if self.before is None else drift.sentence(self.differences())

    def write(self, path: Path) -> None:
        """Write all columns as a .csv file; without a summary, remove that of an earlier call."""
        if self.before is None:
            path.unlink(missing_ok=True)
            return
        with complete_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([drift.COLUMNS, *drift.table(self.differences())])

    def _tokens(self, name: str, texts: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the ids of the words of texts, and the number of ids."""
        folded = fold_texts(self.finished.model, {name: texts})[name]
        layer = self.words[name]
        ids = np.asarray(layer(keras.ops.convert_to_tensor(list(folded), dtype="string")))
        return ids, int(layer.vocabulary_size())


def section(found: list[drift.Difference]) -> Section:
    """Return the section of a page."""
    caption = (
        "How the inputs differ from the training rows. p is corrected for the number of columns; distance is "
        "half the sum of the differences of shares: 0 = equal, 1 = nothing in common."
    )
    columns = ["column", "differs", "p", "distance", "missing", "in training", "unseen", "outside", "what"]
    rows: list[list[object]] = [
        [
            *(one.column, "yes" if one.differs else "no", one.corrected, one.distance, one.missing),
            *(one.missing_before, one.unseen, one.outside, ", ".join(one.reasons)),
        ]
        for one in found
    ]
    different = any(one.differs for one in found)
    table = Table(columns, rows, caption, show="open" if different else "folded")
    return Section("Inputs beside the training rows", [drift.sentence(found)], tables={"drift": table})


def _look_up(model: keras.Model, name: str) -> keras.layers.Layer | None:
    """Return the part of a logged model that turns texts into ids of words; None if it has none."""
    for layer in members_of(model)[0].layers:
        is_look_up = isinstance(layer, keras.layers.TextVectorization) and layer.input.name == name
        if is_look_up and not layer.name.startswith(f"{name}_letters"):
            return layer
    return None
