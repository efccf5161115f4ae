"""What a run logs to MLflow: its config, metrics, predictions, report, model and environment."""

import json
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from pipeline import flow_names, report
from pipeline.config import run_name
from pipeline.config.nodes import logs_machine_use
from pipeline.config.private import public
from pipeline.conformal.columns import region_columns
from pipeline.data import drift
from pipeline.data.kinds import input_facts, time_forms
from pipeline.data.times import in_words
from pipeline.job import card, label_overview, why
from pipeline.job.data_identity import class_names, digest
from pipeline.job.job import Job
from pipeline.job.metric_intervals import metric_intervals
from pipeline.job.params import params
from pipeline.job.prediction_columns import PredictionColumns, as_arrow, squeezed
from pipeline.job.report_record import report_record
from pipeline.job.results import Results, description
from pipeline.job.resume import Origin
from pipeline.model import export_model, raw_specs
from pipeline.notices import Clock
from pipeline.tracking import Run, source_tags
from pipeline.training.epoch import Epoch
from pipeline.training.fit import FitResult

Array = NDArray[Any]
CELLS = 8_000_000  # of predictions that are encoded together


def run_arguments(cfg: DictConfig, origin: Origin) -> dict[str, Any]:
    """Return the arguments of `pipeline.tracking.open_run`: name, params, tags and so on."""
    tracking = public(cfg)["tracking"]
    return {
        "run_name": tracking["run_name"] or run_name(origin.overrides),
        "params": params(cfg, origin),
        "is_logged": _is_logged(cfg),
        "tags": {
            **source_tags(Path.cwd()),
            "pipeline.version": metadata.version("multihead-pipeline"),
            "pipeline.command": origin.command(),
            **({"pipeline.overrides": " ".join(origin.overrides)} if origin.overrides else {}),
            **tracking["tags"],
        },
        "system_metrics": logs_machine_use(cfg.tracking.system_metrics),
    }


def _is_logged(cfg: DictConfig) -> Callable[[str], bool]:
    """Return whether a metric is logged: of the flow all only if the config says so, see docs/insight.md."""
    if cfg.insight.get("all_metrics"):
        return lambda name: True
    shown = flow_names.essential(list(cfg.heads), list(cfg.branches))
    return lambda name: not name.startswith(flow_names.PREFIX) or name in shown


def log_config(run: Run, cfg: DictConfig, job: Job, overrides: Sequence[str]) -> None:
    """Log the config, the environment and the labels, before the training."""
    with tempfile.TemporaryDirectory() as name:
        _write_config(Path(name) / "config", cfg, overrides, job)
        _write_environment(Path(name) / "environment")
        label_overview.write(Path(name) / "data", job)
        run.log_folder(Path(name))


def log_results(
    run: Run,
    cfg: DictConfig,
    job: Job,
    fitted: FitResult,
    results: Results,
    *,
    origin: Origin,
    clock: Clock,
) -> None:
    """Log the metrics, predictions, report and model of a finished training.

    Args:
        clock: of the run; saving the model and writing the report are phases too.
    """
    metrics = {name: value for name, value in results.metrics.items() if not name.startswith("val/")}
    # MLflow shows single values at step 0 as bars; at any other step they would be points of a curve.
    run.log_metrics(metrics, step=0)
    run.describe(description(results, run, list(job.heads)))
    run.log_dataset(*_data_facts(cfg, job, origin))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_predictions(folder / "predictions", job, results)
        _write_seen(folder / "data", job)
        if results.thresholds:
            (folder / "config").mkdir()
            _write_json(folder / "config" / "thresholds.json", results.thresholds)
        if results.intervals:
            (folder / "conformal").mkdir()
            _write_json(folder / "conformal" / "calibration.json", results.intervals.calibration.facts())
        run.log_folder(folder)
    exported = export_model(job.dataset.inputs, job.model, job.presenter, results.stand_ins)
    explained = why.copied(exported)
    means = why.means(job, explained)
    if cfg.tracking.log_model:
        with clock.phase("saving the model"), tempfile.TemporaryDirectory() as name:
            why.write_means(Path(name) / why.MEANS, means)
            run.log_folder(Path(name))
            _log_model(run, cfg, job, exported, results)
    # The last one, because it is drawn while the model is on its way to the store.
    with tempfile.TemporaryDirectory() as name, clock.phase("writing the report"):
        folder = Path(name)
        record = report_record(run, cfg, job, fitted, results, origin, clock.seconds)
        if job.insight.repeats:
            explain = partial(why.explained_worst, job, explained, results, means)
            record = replace(record, explain=explain)
        report.write(folder / "report", record)
        _write_card(folder / "report", cfg, record, exported, origin, job, results)
        run.log_folder(folder)
    run.log_metrics({"time/total_s": clock.total()}, step=0)


def _write_card(
    folder: Path,
    cfg: DictConfig,
    record: report.Record,
    model: keras.Model,
    origin: Origin,
    job: Job,
    results: Results,
) -> None:
    folder.mkdir(exist_ok=True)
    specs = {key: spec for name in record.inputs for key, spec in raw_specs(model, name).items()}
    text = card.card(record, public(cfg), specs, origin.folders, metric_intervals(job, results))
    (folder / card.FILE).write_text(text, encoding="utf-8")


def _log_model(run: Run, cfg: DictConfig, job: Job, model: keras.Model, results: Results) -> None:
    facts = input_facts(job.dataset.inputs).values()
    forms = {key: form for one in facts for key, form in time_forms(one).items()}
    example = {name: values[:2] for name, values in job.dataset.splits["val"].raw.items()}
    specs = {key: spec for name in job.model.input for key, spec in raw_specs(model, name).items()}
    run.log_model(
        model,
        specs,
        in_words(example, forms),
        cfg.tracking.register,
        forms,
        _classes(job),
        results.thresholds,
    )


def _classes(job: Job) -> dict[str, dict[str, list[str]]]:
    """Return the names of each head's probabilities, of all heads and of those with one true class."""
    kinds = {name: job.dataset.targets[name].kind for name in job.heads}
    named = class_names(job)
    return {
        "all": {name: named[name] for name, kind in kinds.items() if kind in ("category", "labels")},
        "one": {name: named[name] for name, kind in kinds.items() if kind == "category"},
    }


def _data_facts(cfg: DictConfig, job: Job, origin: Origin) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """Return what MLflow shows of the data: its name, its digest, its files and its rows."""
    places = map(_place, public(cfg)["data"]["sources"].values())
    rows = {f"{split} rows": len(rows.rows) for split, rows in job.dataset.splits.items()}
    return origin.groups.get("data", "data"), digest(job), {"uri": ", ".join(places)}, rows


def _place(source: Any) -> str:
    """Return where a source comes from: its file, its files, or what makes it."""
    if isinstance(source, dict):
        source = source.get("path") or source.get("_target_")
    return source if isinstance(source, str) else ", ".join(map(str, source))


def _write_config(folder: Path, cfg: DictConfig, overrides: Sequence[str], job: Job) -> None:
    folder.mkdir()
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(public(cfg)), encoding="utf-8")
    (folder / "overrides.yaml").write_text(OmegaConf.to_yaml(list(overrides)), encoding="utf-8")
    split = {name: len(rows.rows) for name, rows in job.dataset.splits.items()}
    _write_json(folder / "split.json", {"fingerprint": job.dataset.fingerprint, "rows": split})
    _write_json(
        folder / "labels.json",
        {name: head.names(job.dataset.targets[name].names) for name, head in job.heads.items()},
    )
    _write_json(folder / "inputs.json", input_facts(job.dataset.inputs))
    _write_json(folder / "heads.json", {name: _head_facts(name, job) for name in job.heads})


def _head_facts(name: str, job: Job) -> dict[str, Any]:
    """Return what is needed to evaluate a head on other rows: how labels are encoded, and the baseline."""
    target: Any = job.dataset.targets[name]
    baseline = np.asarray(job.references["train"][name].baseline)
    facts = {"kind": target.kind, "names": list(target.names), "constant": baseline.tolist()}
    if target.kind == "number":
        facts |= {"mean": np.asarray(target.mean).tolist(), "scale": np.asarray(target.scale).tolist()}
    return facts | (target.facts() if hasattr(target, "facts") else {})


def _write_environment(folder: Path) -> None:
    folder.mkdir()
    (folder / "requirements.txt").write_text("\n".join(_packages()) + "\n", encoding="utf-8")
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
    }
    _write_json(folder / "machine.json", machine)


@cache
def _packages() -> list[str]:
    """Return the installed packages; cached, because this reads hundreds of small files."""
    return sorted(
        {f"{package.name}=={package.version}" for package in metadata.distributions()}, key=str.lower
    )


def _write_predictions(folder: Path, job: Job, results: Results) -> None:
    folder.mkdir()
    for split, epoch in results.epochs.items():
        arrays, width = {"row": pa.array(job.dataset.splits[split].rows)}, 1
        for name in job.heads:
            values = _head_columns(name, job, split, epoch, results.thresholds.get(name, ()))
            width += sum(map(_width, values.values()))
            arrays |= {
                # Lists share the memory of the outputs; NaN in a column of single values is null.
                column: as_arrow(cells) if cells.ndim > 1 else pa.array(cells, from_pandas=True)
                for column, cells in values.items()
            }
            region = results.intervals.regions[split].get(name) if results.intervals else None
            if region is not None:
                arrays |= region_columns(name, job.dataset.targets[name].names, region)
        rows = max(1, CELLS // width)
        pq.write_table(pa.table(arrays), folder / f"{split}.parquet", row_group_size=rows)


def _write_seen(folder: Path, job: Job) -> None:
    """Write what later rows are compared with: counts of the training rows' values, and no row."""
    folder.mkdir()
    measured = drift.training_measures(job.dataset)
    rows = len(measured[0].values) if measured else 0
    _write_json(folder / "seen.json", {"rows": rows, "columns": drift.Summary.of(measured).as_json()})


def _width(values: Array) -> int:
    return 1 if values.ndim == 1 else values.shape[1]


def _head_columns(
    name: str, job: Job, split: str, epoch: Epoch, thresholds: Sequence[float] = ()
) -> dict[str, Array]:
    target, head, outputs = job.dataset.targets[name], job.heads[name], epoch.outputs[name]
    encoded = job.dataset.splits[split].labels[name]
    labels = np.asarray(job.dataset.splits[split].numbers.get(name, target.decode(encoded)))
    columns = PredictionColumns(target.kind, target.names, getattr(head, "quantiles", ()), thresholds)
    return {
        f"{name}_loss": job.trainer.losses[name].row_losses(encoded, epoch.raw[name]),
        f"{name}_label": labels if target.kind == "category" else squeezed(labels),
        **columns.values(name, outputs),
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
