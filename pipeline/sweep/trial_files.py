"""What a board shows of its trials besides their metrics: their heads in order, their curves, their pages."""

import csv
import json
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from pipeline.errors import ConfigError
from pipeline.sweep.parent import Parent
from pipeline.sweep.trials import Trial
from pipeline.tracking import StoredRun
from pipeline.tracking.addresses import local_path, run_page, server_of

LABELS, HISTORY, REPORT = "config/labels.json", "report/tables/history.csv", "report/report.html"


class TrialFiles:
    """Reads artifacts of the trials of a sweep, each once.

    Args:
        parent: the sweep's run.
    """

    def __init__(self, parent: Parent) -> None:
        self.parent = parent
        self.known: dict[str, dict[str, list[float]]] = {}  # histories
        self.heads: list[str] = []

    def order(self, trials: Sequence[Trial]) -> list[str]:
        """The heads in the order of the config of the first finished trial; empty if there is none."""
        for trial in trials:
            if not self.heads and trial.status == "FINISHED" and (path := self._file(trial, LABELS)):
                self.heads = list(json.loads(path.read_text(encoding="utf-8")))
        return self.heads

    def histories(self, trials: Sequence[Trial]) -> dict[str, dict[str, list[float]]]:
        """Run id -> metric -> value of each epoch, of the finished trials with a report."""
        for trial in trials:
            if trial.status == "FINISHED" and trial.run_id not in self.known:
                path = self._file(trial, HISTORY)
                self.known[trial.run_id] = _skills(path) if path else {}
        return {run_id: history for run_id, history in self.known.items() if history}

    def addresses(self, trials: Sequence[Trial]) -> dict[str, str]:
        """Run id -> the run's page on the server; without one, its report as a file beside the board's."""
        if server := server_of(self.parent.uri):
            experiment = self.parent.experiment_id
            return {trial.run_id: run_page(experiment, trial.run_id, server) for trial in trials}
        board = self.place and local_path(self.place)
        found = {}
        for trial in trials:
            folder = local_path(trial.place) if trial.place else None
            if board and folder and (folder / REPORT).is_file():
                found[trial.run_id] = quote(
                    Path(os.path.relpath(folder / REPORT, board / "report")).as_posix()
                )
        return found

    @cached_property
    def place(self) -> str:
        """The place of the artifacts of the sweep's run."""
        return str(self.parent.client.get_run(self.parent.run_id).info.artifact_uri or "")

    def _file(self, trial: Trial, path: str) -> Path | None:
        run = self.parent.client.get_run(trial.run_id)
        stored = StoredRun.of(self.parent.client, self.parent.uri, run)
        try:
            return stored.artifact(path) if stored.has(path) else None
        except ConfigError:  # it is on a machine that cannot be reached; the board does without
            return None


def _skills(path: Path) -> dict[str, list[float]]:
    """The validation skills of a run's history, together and per head."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    names = [name for name in (rows[0] if rows else {}) if name.startswith("val/") and name.endswith("skill")]
    return {name: [float(row[name] or "nan") for row in rows] for name in names}
