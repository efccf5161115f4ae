"""What is kept of a run: its numbers, predictions, report, model and environment."""

import json
import platform
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from pipeline import report
from pipeline.config import flatten, run_name
from pipeline.config.make import settings
from pipeline.job import label_overview
from pipeline.job.job import Job
from pipeline.job.report_record import reported
from pipeline.job.results import Results
from pipeline.job.resume import Origin
from pipeline.model import export_model, raw_specs
from pipeline.tracking import Run, source_tags
from pipeline.training.epoch import Epoch
from pipeline.training.fit import FitResult

Array = NDArray[Any]


def opening(cfg: DictConfig, origin: Origin) -> dict[str, Any]:
    """The arguments with which the run is opened in MLflow: its name, params and tags."""
    tracking = cfg.tracking
    return {
        "uri": tracking.uri,
        "experiment": tracking.experiment,
        "run_name": tracking.run_name or run_name(origin.overrides),
        "params": _params(cfg, origin.groups),
        "tags": {
            **source_tags(Path.cwd()),
            "pipeline.version": metadata.version("multihead-pipeline"),
            "pipeline.overrides": " ".join(origin.overrides),
            **settings(tracking.tags),
        },
        "system_metrics": tracking.system_metrics,
    }


def _params(cfg: DictConfig, groups: Mapping[str, str]) -> dict[str, Any]:
    """Leaves and choices; what a choice stands for is not said twice, so that a comparison shows it once."""
    told = {"resume", *(f"{group}._target_" for group in groups)}
    return {name: value for name, value in {**flatten(cfg), **groups}.items() if name not in told}


def log_config(tracked: Run, cfg: DictConfig, job: Job, overrides: Sequence[str]) -> None:
    """Log what the run is made of, before it trains."""
    with tempfile.TemporaryDirectory() as name:
        _write_config(Path(name) / "config", cfg, overrides, job)
        _write_environment(Path(name) / "environment")
        label_overview.write(Path(name) / "data", job)
        tracked.log_folder(Path(name))


def log(
    tracked: Run,
    cfg: DictConfig,
    job: Job,
    fitted: FitResult,
    results: Results,
    *,
    overrides: Sequence[str],
    clock: Mapping[str, float],
) -> None:
    """Log everything that a finished training leaves behind."""
    kept = {name: value for name, value in results.numbers.items() if not name.startswith("val/")}
    # At step 0 MLflow compares single values as bars, at any other as lost points of a curve.
    tracked.log_metrics(kept, step=0)
    tracked.log_dataset(Path(str(next(iter(cfg.data.sources)))).name, job.dataset.fingerprint)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_predictions(folder / "predictions", job, results)
        report.write(folder / "report", reported(tracked, cfg, job, fitted, results, overrides, clock))
        tracked.log_folder(folder)
    if cfg.tracking.log_model:
        model = export_model(job.dataset.inputs, job.model, job.presenter, results.stand_ins)
        example = {name: values[:2] for name, values in job.dataset.splits["val"].raw.items()}
        specs = {key: spec for name in job.model.input for key, spec in raw_specs(model, name).items()}
        tracked.log_model(model, specs, example, cfg.tracking.register)


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
    target, guess = job.dataset.targets[name], job.references["train"][name].baseline
    facts = {"kind": target.kind, "names": list(target.names), "constant": np.asarray(guess).tolist()}
    if target.kind == "number":
        facts |= {"mean": np.asarray(target.mean).tolist(), "scale": np.asarray(target.scale).tolist()}
    return facts


def _write_environment(folder: Path) -> None:
    folder.mkdir()
    (folder / "requirements.txt").write_text("\n".join(_packages()) + "\n")
    machine = {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
    }
    _write_json(folder / "machine.json", machine)


@cache
def _packages() -> list[str]:
    """What is installed; hundreds of small files are read for it, so once in a process of many runs."""
    return sorted({f"{one.name}=={one.version}" for one in metadata.distributions()}, key=str.lower)


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
    columns: dict[str, Any] = {f"{name}_loss": job.trainer.losses[name].row_losses(labels, epoch.raw[name])}
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


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
