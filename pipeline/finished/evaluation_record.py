"""What an evaluation logs: metrics with intervals, a page, and the predictions of all rows."""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import OmegaConf

from pipeline import report
from pipeline.comparison.bootstrap import Interval
from pipeline.conformal.columns import region_columns
from pipeline.data.kinds import time_forms
from pipeline.data.times import in_words
from pipeline.finished.evaluation import Evaluation
from pipeline.finished.new_rows import NewRows, section
from pipeline.finished.run import FinishedRun
from pipeline.finished.slice_record import slice_card, slice_section, slice_text
from pipeline.finished.slicing import Slice
from pipeline.job import card
from pipeline.page.elements import Heading, Section, Table
from pipeline.page.style import number
from pipeline.page.text_table import text_table
from pipeline.report.record import HeadResult, InputExamples, Record, bands
from pipeline.terminal import terminal_width
from pipeline.tracking import StoredRun

PAGE = "evaluation.html"
TOGETHER = "rows with the same {}, the split's group, are drawn together for intervals and tests"
CARD = f"report/{card.FILE}"


def log(
    run: StoredRun,
    finished: FinishedRun,
    evaluation: Evaluation,
    name: str,
    *,
    resamples: int,
    command: str,
    slices: Sequence[Slice] = (),
) -> str:
    """Log an evaluation to its run, as metrics `eval_<name>/…` and artifacts `evaluations/<name>/`.

    Returns:
        The text for the terminal: one line per metric, the worst slices, and where to look.
    """
    intervals = evaluation.intervals(resamples)
    rows = len(evaluation.rows.rows)
    metrics = {f"eval_{name}/rows": float(rows)}
    for word, interval in intervals.items():
        metrics[f"eval_{name}/{word}"] = interval.value
        metrics[f"eval_{name}/{word}_low"] = interval.low
        metrics[f"eval_{name}/{word}_high"] = interval.high
    seen = NewRows(run, finished)
    seen.add(evaluation.rows.raw)
    more = [section(differences)] if (differences := seen.differences()) else []
    if slices:
        more.append(slice_section(slices))
    with tempfile.TemporaryDirectory() as folder:
        write_page(Path(folder), run, finished, evaluation, intervals, name, command, more)
        pq.write_table(predictions(finished, evaluation), Path(folder) / "predictions.parquet")
        facts = {
            "run": run.run_id,
            "command": command,
            "at": datetime.now(UTC).isoformat(),
            "rows": rows,
        }
        (Path(folder) / "evaluation.yaml").write_text(OmegaConf.to_yaml(facts), encoding="utf-8")
        run.log(metrics, Path(folder), f"evaluations/{name}")
    if slices and run.has(CARD):
        _log_card(run, slice_card(slices, command, rows))
    where = run.url() or f"run {run.run_id}"
    notes = [evaluation.note] if evaluation.note else []
    notes += [TOGETHER.format(evaluation.together)] if evaluation.together else []
    shown = [text(intervals, rows), *notes, *([slice_text(slices)] if slices else []), seen.sentence()]
    return "\n".join(shown) + f"\n{where}, metrics eval_{name}/…, artifacts evaluations/{name}/"


def _log_card(run: StoredRun, measured: str) -> None:
    """Write the slices into the run's model card."""
    before = run.artifact(CARD).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / card.FILE).write_text(card.with_slices(before, measured), encoding="utf-8")
        run.log({}, Path(folder), "report")


def text(intervals: Mapping[str, Interval], rows: int) -> str:
    """Format one line per metric for a terminal."""
    lines = [["", f"{rows:,} rows  95 %"]]
    for word, interval in intervals.items():
        bounds = "" if np.isnan(interval.low) else f"{number(interval.low)} … {number(interval.high)}"
        lines.append([word, f"{number(interval.value):>8}  {bounds}"])
    return text_table(lines, terminal_width(sys.stdout))


def predictions(finished: FinishedRun, evaluation: Evaluation) -> pa.Table:
    """Return a table with the number of each row, and label, prediction, set or interval, and loss."""
    columns: dict[str, Any] = {"row": evaluation.rows.rows}
    for head, target in evaluation.targets.items():
        encoded = evaluation.rows.labels[head]
        labels = np.asarray(evaluation.rows.numbers.get(head, target.decode(encoded)))
        several = labels.ndim > 1 and labels.shape[1] > 1
        columns[f"{head}_label"] = list(labels) if several else labels.reshape(-1)
        columns |= finished.columns[head].columns(head, evaluation.epoch.outputs[head])
        if head in evaluation.regions:
            names = finished.columns[head].names
            columns |= region_columns(head, names, evaluation.regions[head])
        columns[f"{head}_loss"] = evaluation.row_losses[head]
    return pa.table(columns)


def write_page(
    folder: Path,
    run: StoredRun,
    finished: FinishedRun,
    evaluation: Evaluation,
    intervals: Mapping[str, Interval],
    name: str,
    command: str,
    more: Sequence[Section] = (),
) -> None:
    """Write the page `evaluation.html`: the metrics, `more` sections, and each head as in a report."""
    record = record_of(run, finished, evaluation, f"Evaluation {name} of {run.name}", command)
    rows = [[word, *interval] for word, interval in intervals.items()]
    caption = "95 % bootstrap intervals: how much the metrics would vary with other rows of the same kind."
    if evaluation.together:
        said = TOGETHER.format(evaluation.together)
        caption += f" {said[:1].upper()}{said[1:]}."
    table = Table(["metric", "value", "low", "high"], rows, caption)
    count = len(evaluation.rows.rows)
    note = f"Run {run.run_id}. On this page, test rows are the {count:,} rows of the evaluation."
    if evaluation.note:
        note += f" {evaluation.note[:1].upper()}{evaluation.note[1:]}."
    report.write_heads(
        folder,
        Heading(record.title, note, command),
        record,
        [Section("Result", tables={"intervals": table}), *more],
        PAGE,
    )


def record_of(
    run: StoredRun, finished: FinishedRun, evaluation: Evaluation, title: str, command: str
) -> Record:
    """Return the content of a page on an evaluation."""
    heads = {head: _head_result(head, evaluation) for head in evaluation.heads}
    inputs = {
        source: InputExamples(
            finished.inputs[source].kind,
            in_words(
                {key: evaluation.rows.raw[key] for key in specs},
                time_forms(finished.facts.get(source, {})),
            ),
        )
        for source, specs in finished.specs.items()
    }
    return Record(
        title=title,
        facts=[],
        warnings=[],
        command=command,
        config_yaml="",
        run_url=run.url(),
        history={},
        best_epoch=0,
        ending=[],
        parts=[],
        heads=heads,
        inputs=inputs,
        phases={},
    )


def _head_result(name: str, evaluation: Evaluation) -> HeadResult:
    head, reference = evaluation.heads[name], evaluation.references[name]
    return HeadResult(
        kind=reference.kind,
        names=list(evaluation.targets[name].names),
        loss=type(head.loss).__name__,
        weight=float("nan"),
        baseline=float("nan") if reference.baseline_loss is None else reference.baseline_loss,
        val_baseline=float("nan"),
        test=evaluation.scores().heads[name],
        val={},
        labels=reference.labels,
        outputs=head.point(evaluation.epoch.outputs[name]),
        row_loss=evaluation.row_losses[name],
        rows=evaluation.rows.rows,
        **bands(head, evaluation.epoch.outputs[name]),
        thresholds=reference.thresholds,
    )
