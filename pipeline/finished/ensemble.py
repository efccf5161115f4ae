"""Makes one model of the runs that repeat a config, and logs it to the run of their sweep."""

import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from pipeline.config import resolved
from pipeline.config.make import Make
from pipeline.conformal import CrossCalibration
from pipeline.errors import ConfigError
from pipeline.finished.cross_rows import OUT_OF_FOLD, cross_calibration, said
from pipeline.finished.ensemble_card import ensemble_card
from pipeline.finished.ensemble_gains import CALIBRATED, HEADER, Gain, gains_of
from pipeline.finished.evaluation import Evaluation, evaluate
from pipeline.finished.evaluation_record import predictions
from pipeline.finished.explaining import means_of
from pipeline.finished.held_out import temperature_of
from pipeline.finished.labelled_rows import SPLITS_TAG, each_row_once
from pipeline.finished.members import MEMBERS_TAG, Members, restored_targets
from pipeline.finished.new_rows import SEEN
from pipeline.finished.run import FinishedRun
from pipeline.finished.stored_calibration import PATH
from pipeline.finished.stored_files import read_model
from pipeline.job import card
from pipeline.job.resume import data_folders
from pipeline.job.why import MEANS
from pipeline.model import raw_specs
from pipeline.model.ensemble import Joined, join
from pipeline.page.text_table import text_table
from pipeline.terminal import terminal_width
from pipeline.tracking import StoredRun
from pipeline.tracking.late_model import log_late_model

FACTS = "ensemble.json"  # artifact of the sweep's run
EVERY_ROW_TRAINED = "every row trained some of the models; evaluate it on other rows, with sources= or data="


@dataclass(frozen=True)
class Ensemble:
    """What is known of an ensemble, as its artifact `ensemble.json` says.

    Args:
        members: ids of the runs.
        temperatures: class head -> its temperature.
        calibrated_on: class head -> the number of labelled rows that it was fitted on.
        intervals: what is said of sets and intervals.
        splits: those that no member was trained on.
        test_rows: 0 if the members have no test rows in common.
        gains: on the test rows; empty if they were not evaluated.
        problem: why they were not; "" if they were.
    """

    members: list[str]
    temperatures: dict[str, float]
    calibrated_on: dict[str, int]
    intervals: list[str]
    splits: list[str]
    test_rows: int
    gains: list[Gain]
    problem: str

    def sentences(self) -> list[str]:
        """Say of what it is made, on what it was calibrated, and how it was tested."""
        said = [f"ensemble of {len(self.members)} models: the mean of their probabilities and numbers"]
        if self.temperatures:
            fitted = (
                f"{head} {value:.3g} ({self.calibrated_on[head]:,} rows)"
                for head, value in self.temperatures.items()
            )
            said.append(f"temperatures, fitted on rows that members held out: {', '.join(fitted)}")
        said += self.intervals
        if self.problem:
            return [*said, f"not tested: {self.problem}"]
        if any(one.metric == CALIBRATED for one in self.gains):
            said.append(
                "loss, calibrated: beside single models at temperatures of their own, which leaves the gain "
                "of joining them"
            )
        return [*said, f"on {self.test_rows:,} test rows, beside the mean of the single models:"]


def make_ensemble(
    parent: StoredRun, runs: Sequence[StoredRun], make: Make, *, register: str | None = None
) -> Ensemble:
    """Log the ensemble of runs to the run of their sweep, with its config, test predictions and metrics.

    Args:
        runs: at least two, which repeat one config.
        register: name under which the model is registered; None: it is not.

    Raises:
        ConfigError: a run has no model or other files, or the models do not fit together.
    """
    members = Members.of(runs, make)
    rows = members.held_out()
    temperatures = {name: temperature_of(one, members.targets[name].kind) for name, one in rows.items()}
    files = [run.model() for run in runs]
    models = [read_model(file) for file in files]
    joined = join(models, members.heads, members.targets, members.names(), temperatures)
    specs = {
        key: spec for name in members.cfg.branches for key, spec in raw_specs(joined.model, name).items()
    }
    untrained = members.untrained()
    parent.client.set_tag(parent.run_id, SPLITS_TAG, json.dumps(untrained))
    thresholds = members.thresholds(rows, temperatures)
    _log_config(parent, members, thresholds, temperatures)
    calibration = _log_calibration(parent, members, make)
    log_late_model(
        *(parent, joined.model, specs, members.classes(), thresholds), like=files[0], register=register
    )
    parent.client.set_tag(parent.run_id, MEMBERS_TAG, json.dumps([run.run_id for run in runs]))
    gains, metrics, tested, problem = _test(parent, members, joined, make, untrained)
    found = Ensemble(
        [run.run_id for run in runs],
        temperatures,
        {name: one.rows for name, one in rows.items()},
        said(calibration, metrics, once=bool(problem)),
        untrained,
        tested,
        gains,
        problem,
    )
    _log_facts(parent, found)
    return found


def text(found: Ensemble) -> list[str]:
    """Return the lines for the terminal."""
    gains = [HEADER, *(one.cells() for one in found.gains)] if found.gains else []
    return [*found.sentences(), *text_table(gains, terminal_width(sys.stdout)).splitlines()]


def _log_config(
    parent: StoredRun, members: Members, thresholds: Mapping[str, Any], temperatures: Mapping[str, float]
) -> None:
    """Log the config of the first run, with the classes of all runs, and what its training rows were like."""
    metrics = {f"calibration/{head}_temperature": value for head, value in temperatures.items()}
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(members.runs[0].artifact("config"), name, dirs_exist_ok=True)
        files = {"heads.json": members.joined, "labels.json": members.labels()}
        for file, value in (files | ({"thresholds.json": thresholds} if thresholds else {})).items():
            (Path(name) / file).write_text(json.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
        parent.log(metrics, Path(name), "config")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        if members.runs[0].has(SEEN):
            shutil.copy(members.runs[0].artifact(SEEN), Path(name) / SEEN)
        for place, run in enumerate(members.runs):
            if run.has(MEANS):
                shutil.copy(run.artifact(MEANS), Path(name) / means_of(place))
        if any(folder.iterdir()):
            parent.log({}, folder, folder.name)


def _log_calibration(parent: StoredRun, members: Members, make: Make) -> CrossCalibration | None:
    """Log the scores behind the sets and intervals; None if there are no rows for them."""
    targets = [restored_targets(members.cfg, make, one) for one in members.facts]
    found = cross_calibration(members, targets)
    with tempfile.TemporaryDirectory() as name:
        if found is not None:
            facts = json.dumps({"heads": members.facts, **found.facts()})
            (Path(name) / Path(PATH).name).write_text(facts, encoding="utf-8")
            parent.log({}, Path(name), Path(PATH).parent.as_posix())
    return found


def _test(
    parent: StoredRun, members: Members, joined: Joined, make: Make, untrained: Sequence[str]
) -> tuple[list[Gain], dict[str, float], int, str]:
    """Evaluate the ensemble and its members on the test rows; log metrics, predictions and the model card.

    Of folds that tested every row once, each row is evaluated by its member, and there are no gains.

    Returns:
        The gains, the metrics, the number of rows, and why there are none ("" if there are).
    """
    stored = StoredRun.of(parent.client, parent.uri, parent.client.get_run(parent.run_id))
    finished = FinishedRun.of(stored, make)
    if "test" not in untrained and not each_row_once(stored, finished):
        return [], {}, 0, EVERY_ROW_TRAINED
    folders = [Path.cwd(), *data_folders(members.runs[0].run_id)]
    data = resolved(finished.cfg)["data"]
    try:
        found = evaluate(stored, finished, data, which="test", own=True, folders=folders, make=make)
    except ConfigError as error:
        return [], {}, 0, f"the test rows cannot be read: {error.key}: {error.problem}"
    if found.note:
        metrics = {f"{OUT_OF_FOLD}/{name}": value for name, value in found.metrics().items()}
        _log_card(parent, stored, finished, found, members, folders, metrics)
        return [], metrics, 0, EVERY_ROW_TRAINED
    gains = gains_of(finished, found, members, joined)
    metrics = {f"test/{name}": value for name, value in found.metrics().items()}
    for one in gains:
        stem = f"ensemble/{one.head}_{one.metric}_gain"
        metrics |= {stem: one.gain, f"{stem}_low": one.low, f"{stem}_high": one.high}
    with tempfile.TemporaryDirectory() as name:
        pq.write_table(predictions(finished, found), Path(name) / "test.parquet")
        stored.log({}, Path(name), "predictions")
    _log_card(parent, stored, finished, found, members, folders, metrics)
    return gains, metrics, len(found.rows.rows), ""


def _log_card(
    parent: StoredRun,
    stored: StoredRun,
    finished: FinishedRun,
    found: Evaluation,
    members: Members,
    folders: Sequence[Path],
    metrics: Mapping[str, float],
) -> None:
    """Log the model card with the metrics in it."""
    with tempfile.TemporaryDirectory() as name:
        made = f"an ensemble of {len(members.runs)} models: the mean of their probabilities and numbers"
        command = parent.tags.get("sweep.command", "")
        text = ensemble_card(stored, finished, found, made=[made], command=command, folders=folders)
        (Path(name) / card.FILE).write_text(text, encoding="utf-8")
        stored.log(metrics, Path(name), "report")


def _log_facts(parent: StoredRun, found: Ensemble) -> None:
    facts = asdict(found) | {
        "sentences": found.sentences(),
        "table": [HEADER, *(one.cells() for one in found.gains)],
    }
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / FACTS).write_text(json.dumps(facts, indent=2, ensure_ascii=False), encoding="utf-8")
        parent.log({}, Path(name), "")
