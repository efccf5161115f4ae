"""What is kept of a run: its numbers, predictions, report, model and environment."""

import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from keras import Model
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from pipeline import overview, report
from pipeline.compose import Job, settings
from pipeline.config import flatten
from pipeline.errors import ConfigError
from pipeline.evaluation import measure
from pipeline.fit import Fitted
from pipeline.insight import (
    Contribution,
    contribution_metrics,
    contributions,
    insight_section,
    sentences,
)
from pipeline.model import export_model
from pipeline.progress import result_table
from pipeline.report.style import look
from pipeline.tracking import Run, source_tags
from pipeline.trainer import Epoch

Array = NDArray[Any]


@dataclass(frozen=True)
class Results:
    """The kept weights on validation and test rows.

    Args:
        numbers: best/…, val/… at the kept epoch, and test/….
        passes: split -> the pass over its rows.
        constants: head -> test loss of the best constant of the training rows.
        given: what each branch gives to each head; empty where nobody asked.
        words: what gradients and contributions say, in sentences.
    """

    numbers: dict[str, float]
    passes: dict[str, Epoch]
    constants: dict[str, float | None]
    given: list[Contribution]
    words: list[str]


def opening(
    cfg: DictConfig, overrides: Sequence[str], groups: Mapping[str, str], name: str
) -> dict[str, Any]:
    """How the run is opened in MLflow: its name, params and tags."""
    tracking = cfg.tracking
    return {
        "uri": tracking.uri,
        "experiment": tracking.experiment,
        "run_name": tracking.run_name or name,
        "params": {name: value for name, value in {**flatten(cfg), **groups}.items() if name != "resume"},
        "tags": {
            **source_tags(Path.cwd()),
            "pipeline.version": metadata.version("multihead-pipeline"),
            "pipeline.overrides": " ".join(overrides),
            **settings(tracking.tags),
        },
        "system_metrics": tracking.system_metrics,
    }


def test(job: Job, fitted: Fitted) -> Results:
    """Evaluate the kept weights once on the validation and the test rows."""
    passes = {split: job.trainer.evaluate(job.rows[split]) for split in ("val", "test")}
    numbers = {f"best/{name.replace('/', '_')}": value for name, value in fitted.best.items()}
    numbers |= {"best/epoch": float(fitted.best_epoch), **fitted.best}
    numbers |= measure("test", passes["test"], job.measured["test"], job.loss_weights)
    constants = {name: head.constant for name, head in job.measured["test"].items()}
    given = _given(job)
    words = sentences(fitted.history, list(job.heads), list(job.dataset.inputs), given)
    return Results(numbers | contribution_metrics(given), passes, constants, given, words)


def _given(job: Job) -> list[Contribution]:
    if not (job.insight.repeats and "val" in job.rows):
        return []
    return contributions(
        job.trainer,
        job.rows["val"],
        job.measured["val"],
        repeats=job.insight.repeats,
        number=job.insight.rows,
    )


def log_config(tracked: Run, cfg: DictConfig, job: Job, overrides: Sequence[str]) -> None:
    """Log what the run is made of, before it trains."""
    with tempfile.TemporaryDirectory() as name:
        _write_config(Path(name) / "config", cfg, overrides, job)
        _write_environment(Path(name) / "environment")
        overview.write(Path(name) / "data", job)
        tracked.log_folder(Path(name))


def log(
    tracked: Run,
    cfg: DictConfig,
    job: Job,
    fitted: Fitted,
    results: Results,
    *,
    overrides: Sequence[str],
    clock: Mapping[str, float],
) -> None:
    """Log everything that a finished training leaves behind."""
    kept = {name: value for name, value in results.numbers.items() if not name.startswith("val/")}
    tracked.log_metrics(kept, fitted.best_epoch)
    tracked.log_dataset(Path(str(next(iter(cfg.data.sources)))).name, job.dataset.fingerprint)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_predictions(folder / "predictions", job, results)
        report.write(folder / "report", _record(tracked, cfg, job, fitted, results, overrides, clock))
        tracked.log_folder(folder)
    if cfg.tracking.log_model:
        model = export_model(job.dataset.inputs, job.model, job.presenter)
        example = {name: values[:2] for name, values in job.dataset.splits["val"].raw.items()}
        tracked.log_model(model, example, cfg.tracking.register)


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


def by_head(numbers: Mapping[str, float], split: str, heads: Sequence[str]) -> dict[str, dict[str, float]]:
    """A split's numbers, head -> metric word -> value."""
    found: dict[str, dict[str, float]] = {head: {} for head in heads}
    for name, value in numbers.items():
        for head in heads:
            if name.startswith(f"{split}/{head}_"):
                found[head][name.removeprefix(f"{split}/{head}_")] = value
    return found


def first_metrics(heads: Mapping[str, Any]) -> dict[str, str | None]:
    """The metric of each head that is shown beside its loss while it trains."""
    return {
        name: next((metric for metric in head.metrics if isinstance(metric, str)), None)
        for name, head in heads.items()
    }


def _write_config(folder: Path, cfg: DictConfig, overrides: Sequence[str], job: Job) -> None:
    folder.mkdir()
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=True))
    (folder / "overrides.yaml").write_text(OmegaConf.to_yaml(list(overrides)))
    split = {name: len(rows.rows) for name, rows in job.dataset.splits.items()}
    _write_json(folder / "split.json", {"fingerprint": job.dataset.fingerprint, "rows": split})
    _write_json(
        folder / "labels.json",
        {name: head.names(job.dataset.targets[name].names) for name, head in job.heads.items()},
    )
    _write_json(folder / "heads.json", {name: _head_facts(name, job) for name in job.heads})


def _head_facts(name: str, job: Job) -> dict[str, Any]:
    """What must be known to evaluate a head on other rows: its labels' code, and its best constant."""
    target, guess = job.dataset.targets[name], job.measured["train"][name].guess
    facts = {"kind": target.kind, "names": list(target.names), "constant": np.asarray(guess).tolist()}
    if target.kind == "number":
        facts |= {"mean": np.asarray(target.mean).tolist(), "scale": np.asarray(target.scale).tolist()}
    return facts


def _write_environment(folder: Path) -> None:
    folder.mkdir()
    packages = sorted({f"{one.name}=={one.version}" for one in metadata.distributions()}, key=str.lower)
    (folder / "requirements.txt").write_text("\n".join(packages) + "\n")
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
    }
    _write_json(folder / "machine.json", machine)


def _write_predictions(folder: Path, job: Job, results: Results) -> None:
    folder.mkdir()
    for split, epoch in results.passes.items():
        rows = job.dataset.splits[split]
        columns: dict[str, Any] = {"row": rows.rows}
        for name in job.heads:
            columns |= _head_columns(name, job, split, epoch)
        pd.DataFrame(columns).to_parquet(folder / f"{split}.parquet", index=False)


def _head_columns(name: str, job: Job, split: str, epoch: Epoch) -> dict[str, Any]:
    target, labels, outputs = (
        job.dataset.targets[name],
        job.dataset.splits[split].labels[name],
        epoch.outputs[name],
    )
    columns: dict[str, Any] = {f"{name}_loss": job.trainer.losses[name].rows(labels, epoch.raw[name])}
    shown = target.decode(labels)
    if target.kind == "category":
        best = outputs.argmax(axis=1)
        columns[f"{name}_label"] = shown if labels.ndim == 1 else list(shown)
        columns[f"{name}_predicted"] = np.asarray(target.names, object)[best]
        columns[f"{name}_probability"] = outputs.max(axis=1)
        columns[f"{name}_probabilities"] = list(outputs)
        return columns
    head = job.heads[name]
    for quantile in getattr(head, "quantiles", ()):
        at = list(head.quantiles).index(quantile)
        columns[f"{name}_q{quantile:g}"] = _one_or_list(outputs[:, at :: len(head.quantiles)])
    columns |= {f"{name}_label": _one_or_list(np.asarray(shown))}
    columns |= {f"{name}_predicted": _one_or_list(head.point(outputs))}
    return columns


def _one_or_list(values: Array) -> Any:
    """Columns of a table: a single one flat, several as a list in each row."""
    return values[:, 0] if values.shape[1] == 1 else list(values)


def _record(
    tracked: Run,
    cfg: DictConfig,
    job: Job,
    fitted: Fitted,
    results: Results,
    overrides: Sequence[str],
    clock: Mapping[str, float],
) -> report.Record:
    return report.Record(
        title=f"{cfg.tracking.run_name or ' '.join(overrides) or 'defaults'}",
        command=" ".join(["python -m pipeline.train", *overrides]),
        config_yaml=OmegaConf.to_yaml(cfg, resolve=True),
        run_url=tracked.url(),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        parts=_parts(job),
        heads={name: _head_result(name, job, results) for name in job.heads},
        inputs=_examples(job),
        phases=dict(clock),
        sections=_insight(job, fitted, results),
    )


def _insight(job: Job, fitted: Fitted, results: Results) -> list[report.Section]:
    heads, branches = list(job.heads), list(job.dataset.inputs)
    with look([*heads, *branches]):
        section = insight_section(fitted.history, heads, branches, results.given, results.words)
    return [section] if section else []


def _head_result(name: str, job: Job, results: Results) -> report.HeadResult:
    target, rows, epoch = job.dataset.targets[name], job.dataset.splits["test"], results.passes["test"]
    return report.HeadResult(
        kind=target.kind,
        names=list(target.names),
        loss=type(job.heads[name].loss).__name__,
        weight=job.loss_weights[name],
        baseline=_or_nan(results.constants[name]),
        test=by_head(results.numbers, "test", list(job.heads))[name],
        val=by_head(results.numbers, "val", list(job.heads))[name],
        labels=job.measured["test"][name].labels,
        outputs=job.heads[name].point(epoch.outputs[name]),
        row_loss=job.trainer.losses[name].rows(rows.labels[name], epoch.raw[name]),
        rows=rows.rows,
    )


def _examples(job: Job) -> dict[str, report.InputExamples]:
    raw = job.dataset.splits["test"].raw
    return {
        name: report.InputExamples(source.kind, {key: raw[key] for key in source.specs()})
        for name, source in job.dataset.inputs.items()
    }


def _parts(job: Job) -> list[report.Part]:
    branches = [("branch", name, f"branch_{name}") for name in job.dataset.inputs]
    heads = [("head", name, f"head_{name}") for name in job.heads]
    return [
        report.Part(
            group,
            name,
            _layers(job.model.get_layer(layer)),
            loss=type(job.heads[name].loss).__name__ if group == "head" else None,
            weight=job.loss_weights[name] if group == "head" else None,
        )
        for group, name, layer in [*branches, ("fusion", "fusion", "fusion"), *heads]
    ]


def _layers(model: Model) -> list[tuple[str, str, int]]:
    """The layers of a part, and what it gives where bare operations such as a masked pooling come last."""
    found = [
        (_label(layer), _shape(layer.output), layer.count_params())
        for layer in model.layers
        if type(layer).__module__.startswith("keras.src.layers") and type(layer).__name__ != "InputLayer"
    ]
    given = _shape(model.output)
    return found if found and found[-1][1] == given else [*found, ("pooled", given, 0)]


def _shape(tensor: Any) -> str:
    return " × ".join("?" if size is None else str(size) for size in tensor.shape[1:])


def _label(layer: Any) -> str:
    size = getattr(layer, "kernel_size", None)
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    words = [type(layer).__name__]
    words += ["×".join(str(one) for one in size)] if size else []
    words += [activation] if activation != "linear" else []
    return " ".join(words)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
