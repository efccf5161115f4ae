"""The results of the kept weights: metrics, the objective of a sweep, and the summary on the terminal."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from numpy.typing import NDArray

from pipeline.errors import ConfigError
from pipeline.insight import Contribution, contribution_metrics, contributions, sentences
from pipeline.job.calibration import calibrate
from pipeline.job.decisions import Thresholds, choose_thresholds, threshold_sentences, with_thresholds
from pipeline.job.ending import best_epochs, ending
from pipeline.job.intervals import Intervals, fit_intervals
from pipeline.job.job import Job
from pipeline.metric_names import by_head, threshold_of
from pipeline.model.stand_in import stand_ins
from pipeline.page.style import prose
from pipeline.page.text_table import text_table
from pipeline.terminal import terminal_width
from pipeline.tracking import Run
from pipeline.training.epoch import Epoch
from pipeline.training.fit import FitResult
from pipeline.training.measure import measure

Array = NDArray[Any]
COLUMNS = ["head", "skill", "test loss", "baseline loss", "test metrics"]
LONGEST_TABLE = 6000  # bytes of the heads' results in the run's description
MOST_SENTENCES = 3  # of insight on the terminal; the report has them all


@dataclass(frozen=True)
class Results:
    """The results of the kept weights on the validation and test rows.

    Args:
        metrics: best/…, val/… of the kept epoch, and test/….
        epochs: "val" and "test", and if there are any "calibration" -> the evaluation of these rows.
        baseline_losses: head -> test loss of the best constant prediction for the training rows.
        contributions: what each branch contributes to each head; empty if the config asks for none.
        ending: sentences on the kept epoch, see `pipeline.job.ending`, and on the thresholds.
        sentences: the insight's sentences about gradients and contributions.
        stand_ins: branch -> (1, width), replaces the features of a missing input.
        intervals: sets of classes and intervals of numbers; None without calibration rows.
        thresholds: head -> probability above which each column is yes, of the heads with a threshold.
    """

    metrics: dict[str, float]
    epochs: dict[str, Epoch]
    baseline_losses: dict[str, float | None]
    contributions: list[Contribution]
    ending: list[str]
    sentences: list[str]
    stand_ins: dict[str, Array]
    intervals: Intervals | None = None
    thresholds: Thresholds = field(default_factory=dict)


def evaluate_kept(job: Job, fitted: FitResult) -> Results:
    """Calibrate the kept weights, and evaluate them on the validation and test rows."""
    calibration = calibrate(job)
    splits = [split for split in job.rows if split != "train"]
    epochs = {split: job.trainer.evaluate(job.rows[split]) for split in splits}
    thresholds = choose_thresholds(job, epochs["val"])
    references = with_thresholds(job.references, thresholds)
    best = fitted.best
    if calibration or thresholds:
        best = measure("val", epochs["val"], references["val"], job.loss_weights).named("val")
    metrics = {f"best/{name.replace('/', '_')}": value for name, value in best.items()}
    metrics |= {"best/epoch": float(fitted.best_epoch), **best_epochs(fitted), **best, **calibration}
    metrics |= measure("test", epochs["test"], references["test"], job.loss_weights).named("test")
    metrics |= {threshold_of(name): values[0] for name, values in thresholds.items() if len(values) == 1}
    intervals = fit_intervals(job, epochs)
    if intervals:
        metrics |= intervals.metrics
    vectors = stand_ins(job.model, job.rows["train"])
    branch_contributions = _contributions(job, vectors)
    return Results(
        metrics=metrics | contribution_metrics(branch_contributions),
        epochs=epochs,
        baseline_losses={name: head.baseline_loss for name, head in job.references["test"].items()},
        contributions=branch_contributions,
        ending=[*ending(fitted), *threshold_sentences(job, thresholds)],
        sentences=sentences(fitted.history, list(job.heads), list(job.dataset.inputs), branch_contributions),
        stand_ins=vectors,
        intervals=intervals,
        thresholds=thresholds,
    )


def objective(names: str | Sequence[str], results: Results) -> float | tuple[float, ...]:
    """Return the metric, or the metrics, that a sweep optimises.

    Raises:
        ConfigError: the run has no metric of such a name.
    """
    metrics = results.metrics
    for name in [names] if isinstance(names, str) else names:
        if name not in metrics:
            raise ConfigError("objective", "this run has no such metric", found=name, allowed=sorted(metrics))
    return metrics[names] if isinstance(names, str) else tuple(metrics[name] for name in names)


def summary(results: Results, run: Run, heads: Sequence[str], duration: str) -> str:
    """Return what a training prints at its end.

    The heads' results, how the training ended, what insight found first, how long it took, and where to look.

    Args:
        duration: a sentence.
    """
    width = terminal_width(sys.stdout)
    table = result_table(by_head(results.metrics, "test", heads), results.baseline_losses, width)
    more = len(results.sentences) - MOST_SENTENCES
    insight = results.sentences[:MOST_SENTENCES] + (
        [f"({more} more finding{'s' if more > 1 else ''} in the report)"] if more > 0 else []
    )
    where = run.url() or f"run {run.run_id}\nlook: python -m pipeline.ui"
    report = [f"report: {path}"] if (path := run.local_path("report/report.html")) else []
    held = results.intervals.sentences if results.intervals else []
    return "\n".join([table, *results.ending, *held, *insight, duration, *report, where])


def description(results: Results, run: Run, heads: Sequence[str]) -> str:
    """Return the run's description in MLflow: the heads' results, how it ended, and where the report is.

    Of hundreds of heads it has the first ones, because MLflow cuts long descriptions off.
    """
    cells = _result_cells(by_head(results.metrics, "test", heads), results.baseline_losses)
    lines = [f"| {' | '.join(row)} |" for row in (COLUMNS, ["---"] * len(COLUMNS), *cells)]
    lengths = accumulate(len(line.encode()) + 1 for line in lines)
    kept = [line for line, length in zip(lines, lengths, strict=True) if length <= LONGEST_TABLE]
    more = [f"{len(lines) - len(kept)} more heads are in the report.", ""] if len(kept) < len(lines) else []
    report = f"[Report]({run.artifact_url('report/report.html')})"
    return "\n".join([*kept, "", *more, prose(results.ending), "", report])


def result_table(
    heads: Mapping[str, Mapping[str, float]],
    baseline_losses: Mapping[str, float | None],
    width: int | None = None,
) -> str:
    """Format one row per head: skill, test loss, the best constant's loss, and the other test metrics.

    Args:
        width: characters of a line; None: of any length.
    """
    return text_table([COLUMNS, *_result_cells(heads, baseline_losses)], width)


def _result_cells(
    heads: Mapping[str, Mapping[str, float]], baseline_losses: Mapping[str, float | None]
) -> list[list[str]]:
    lines = []
    for head, metrics in heads.items():
        words = [f"{word} {value:.4g}" for word, value in metrics.items() if word not in ("loss", "skill")]
        skill = f"{metrics['skill']:.3f}" if "skill" in metrics else "-"
        baseline = baseline_losses[head]
        loss = f"{metrics['loss']:.4g}" if "loss" in metrics else "-"
        lines.append([head, skill, loss, "-" if baseline is None else f"{baseline:.4g}", "  ".join(words)])
    return lines


def _contributions(job: Job, vectors: Mapping[str, Array]) -> list[Contribution]:
    if not (job.insight.repeats and "val" in job.rows):
        return []
    return contributions(
        job.trainer,
        job.rows["val"],
        job.references["val"],
        repeats=job.insight.repeats,
        number=job.insight.rows,
        stand_ins=vectors,
    )
