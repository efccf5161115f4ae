"""The kept weights, measured: what a run reached, and what it tells its sweep and its user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pipeline.errors import ConfigError
from pipeline.insight import Contribution, contribution_metrics, contributions, sentences
from pipeline.job.calibration import calibrate
from pipeline.job.job import Job
from pipeline.metric_names import by_head
from pipeline.model.stand_in import stand_ins
from pipeline.page.text_table import text_table
from pipeline.tracking import Run
from pipeline.training.epoch import Epoch
from pipeline.training.fit import FitResult
from pipeline.training.measure import measure

Array = NDArray[Any]


@dataclass(frozen=True)
class Results:
    """The kept weights on validation and test rows.

    Args:
        numbers: best/…, val/… at the kept epoch, and test/….
        passes: split -> the pass over its rows.
        constants: head -> test loss of the best constant of the training rows.
        contributions: what each branch gives to each head; empty where nobody asked.
        words: what gradients and contributions say, in sentences.
        stand_ins: branch -> (1, width), what takes the place of its features where its input is missing.
    """

    numbers: dict[str, float]
    passes: dict[str, Epoch]
    constants: dict[str, float | None]
    contributions: list[Contribution]
    words: list[str]
    stand_ins: dict[str, Array]


def test_kept(job: Job, fitted: FitResult) -> Results:
    """Evaluate the kept weights once on the validation and the test rows."""
    temperatures = calibrate(job)
    passes = {split: job.trainer.evaluate(job.rows[split]) for split in ("val", "test")}
    best = fitted.best
    if temperatures:
        best = measure("val", passes["val"], job.references["val"], job.loss_weights).named("val")
    numbers = {f"best/{name.replace('/', '_')}": value for name, value in best.items()}
    numbers |= {"best/epoch": float(fitted.best_epoch), **best, **temperatures}
    numbers |= measure("test", passes["test"], job.references["test"], job.loss_weights).named("test")
    constants = {name: head.baseline_loss for name, head in job.references["test"].items()}
    vectors = stand_ins(job.model, job.rows["train"])
    found = _contributions(job, vectors)
    words = sentences(fitted.history, list(job.heads), list(job.dataset.inputs), found)
    return Results(numbers | contribution_metrics(found), passes, constants, found, words, vectors)


def objective(names: Any, results: Results) -> Any:
    """The metric, or list of metrics, that a sweep asked for."""
    wanted = [names] if isinstance(names, str) else list(names)
    for name in wanted:
        if name not in results.numbers:
            raise ConfigError(
                "objective", "this run has no such value", found=name, allowed=sorted(results.numbers)
            )
    values = [results.numbers[name] for name in wanted]
    return values[0] if isinstance(names, str) else tuple(values)


def ending(results: Results, tracked: Run, heads: Sequence[str]) -> str:
    """What is printed at the end: a table per head, and where to look."""
    table = result_table(by_head(results.numbers, "test", heads), results.constants)
    where = tracked.url() or f"run {tracked.run_id}\nlook: mlflow ui --backend-store-uri {tracked.uri}"
    return "\n".join([table, *results.words, where])


def result_table(heads: Mapping[str, Mapping[str, float]], constants: Mapping[str, float | None]) -> str:
    """A short table: per head its test metrics, skill, and the loss of the best constant."""
    lines = []
    for head, metrics in heads.items():
        words = [f"{word} {value:.4g}" for word, value in metrics.items() if word not in ("loss", "skill")]
        skill = f"{metrics['skill']:.3f}" if "skill" in metrics else "-"
        constant = constants[head]
        loss = f"{metrics['loss']:.4g}" if "loss" in metrics else "-"
        lines.append([head, skill, loss, "-" if constant is None else f"{constant:.4g}", "  ".join(words)])
    return text_table([["head", "skill", "test loss", "constant's", "test metrics"], *lines])


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
