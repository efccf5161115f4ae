"""What is kept of an evaluation: its numbers with their intervals, a page, and a table of all rows."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from omegaconf import OmegaConf

from pipeline import report
from pipeline.comparison.bootstrap import Interval
from pipeline.finished.evaluation import Evaluation
from pipeline.finished.run import FinishedRun
from pipeline.page.elements import Heading, Section, Table
from pipeline.page.style import number
from pipeline.page.text_table import text_table
from pipeline.report.record import HeadResult, InputExamples, Record
from pipeline.tracking import StoredRun

PAGE = "evaluation.html"


def log(
    run: StoredRun, finished: FinishedRun, found: Evaluation, name: str, *, resamples: int, command: str
) -> str:
    """Log an evaluation to its run, as metrics `eval_<name>/…` and artifacts `evaluations/<name>/`.

    Returns:
        What a terminal shows: a line per number, and where to look.
    """
    intervals = found.intervals(resamples)
    metrics = {f"eval_{name}/rows": float(len(found.rows.rows))}
    for word, one in intervals.items():
        metrics[f"eval_{name}/{word}"] = one.value
        metrics |= {f"eval_{name}/{word}_low": one.low, f"eval_{name}/{word}_high": one.high}
    with tempfile.TemporaryDirectory() as folder:
        write_page(Path(folder), run, finished, found, intervals, name, command)
        pq.write_table(predictions(finished, found), Path(folder) / "predictions.parquet")
        facts = {
            "run": run.run_id,
            "command": command,
            "at": datetime.now(UTC).isoformat(),
            "rows": len(found.rows.rows),
        }
        (Path(folder) / "evaluation.yaml").write_text(OmegaConf.to_yaml(facts))
        run.log(metrics, Path(folder), f"evaluations/{name}")
    where = run.url() or f"run {run.run_id}"
    shown = text(intervals, len(found.rows.rows))
    return f"{shown}\n{where}, metrics eval_{name}/…, artifacts evaluations/{name}/"


def text(intervals: Mapping[str, Interval], rows: int) -> str:
    """A line per number for a terminal."""
    lines = [["", f"{rows:,} rows  95 %"]]
    for word, one in intervals.items():
        ends = "" if one.low != one.low else f"{number(one.low)} … {number(one.high)}"
        lines.append([word, f"{number(one.value):>8}  {ends}"])
    return text_table(lines)


def predictions(finished: FinishedRun, found: Evaluation) -> pa.Table:
    """One row per row that was evaluated: its number, and per head label, answer and loss."""
    columns: dict[str, Any] = {"row": found.rows.rows}
    for head, target in found.targets.items():
        shown = np.asarray(target.decode(found.rows.labels[head]))
        columns[f"{head}_label"] = list(shown) if shown.ndim > 1 and shown.shape[1] > 1 else shown.reshape(-1)
        columns |= finished.answers[head].columns(head, found.passed.outputs[head])
        columns[f"{head}_loss"] = found.row_loss[head]
    return pa.table(columns)


def write_page(
    folder: Path,
    run: StoredRun,
    finished: FinishedRun,
    found: Evaluation,
    intervals: Mapping[str, Interval],
    name: str,
    command: str,
) -> None:
    """Write the figures and tables of a report's heads, and a page of them."""
    heads = {head: _head_result(head, finished, found) for head in found.parts}
    inputs = {
        one: InputExamples(finished.inputs[one].kind, {key: found.rows.raw[key] for key in specs})
        for one, specs in finished.specs.items()
    }
    record = Record(
        title=f"Evaluation {name} of {run.name}",
        command=command,
        config_yaml="",
        run_url=run.url(),
        history={},
        best_epoch=0,
        parts=[],
        heads=heads,
        inputs=inputs,
        phases={},
    )
    rows = [[word, one.value, one.low, one.high] for word, one in intervals.items()]
    caption = (
        "Intervals hold what other rows of the same kind would give in 95 of 100 cases (bootstrap over rows)."
    )
    table = Table(["metric", "value", "low", "high"], rows, caption)
    note = f"Run {run.run_id}. Test rows mean here the {len(found.rows.rows):,} rows of this evaluation."
    report.write_heads(
        folder,
        Heading(record.title, note, command),
        record,
        Section("Result", tables={"intervals": table}),
        PAGE,
    )


def _head_result(head: str, finished: FinishedRun, found: Evaluation) -> HeadResult:
    part, reference = found.parts[head], found.heads[head]
    return HeadResult(
        kind=reference.kind,
        names=list(found.targets[head].names),
        loss=type(part.loss).__name__,
        weight=float("nan"),
        baseline=float("nan") if reference.baseline_loss is None else reference.baseline_loss,
        test=found.scores().heads[head],
        val={},
        labels=reference.labels,
        outputs=part.point(found.passed.outputs[head]),
        row_loss=found.row_loss[head],
        rows=found.rows.rows,
    )
