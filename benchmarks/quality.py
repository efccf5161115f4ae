"""The quality of what is trained by default, beside simple models of scikit-learn on the same rows.

    pip install 'multihead-pipeline[quality]'
    python -m benchmarks.quality --out quality.json
    python -m benchmarks.quality --table before.json quality.json
    python -m benchmarks.quality --untuned --seeds 2

Every data set is trained with `branches=auto heads=auto` and nothing else, from three seeds. A head's skill
is 1 - loss / loss of the best constant on the test rows: cross-entropy of classes, squared error of numbers
(of their logarithm where they span orders of magnitude, see `quality_data`). The reference of a head is the
simple model that is best on the validation rows, see `quality_references`. The standard error of a difference
comes from the test rows, whose losses are paired, and from the seeds.
"""

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import DictConfig

from benchmarks.machine import description
from benchmarks.quality_data import DATA_SETS, SHIPPED
from benchmarks.quality_references import features, predict
from benchmarks.quality_untuned import UNTUNED
from benchmarks.trained import trained_job
from pipeline.config import CONF
from pipeline.config.auto_parts import expand
from pipeline.job.job import Job

TINY = 1e-7  # smallest probability
Array = np.ndarray


def main() -> None:
    """Measure the data sets, or print the table of stored measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", help="names of data sets")
    parser.add_argument("--untuned", action="store_true", help="those that nobody tuned the program on")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="file for the measurements, one JSON line per head")
    parser.add_argument("--overrides", nargs="*", default=[], help="to try other settings")
    parser.add_argument("--table", type=Path, nargs="+", help="print stored measurements, oldest first")
    options = parser.parse_args()
    if options.table:
        print(table([load(path) for path in options.table]))
        return
    records = []
    for name in options.only or (UNTUNED if options.untuned else [*DATA_SETS, *SHIPPED]):
        records += measure(name, range(options.seeds), options.overrides)
        if options.out:
            options.out.write_text("".join(json.dumps(record) + "\n" for record in records))
        for record in records:
            if record["data"] == name:
                print(_line([record]), flush=True)
    print(description())


def measure(name: str, seeds: Sequence[int], overrides: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Train a data set from several seeds and fit its references; return one record per head."""
    logarithmic: Sequence[str] = ()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if name in DATA_SETS:
            data = DATA_SETS[name]()
            data.write(f"own_{name}", folder)  # penguins are among the shipped ones too
            logarithmic = data.logarithmic
        elif name in UNTUNED:
            UNTUNED[name].write(f"own_{name}", folder)
            logarithmic = UNTUNED[name].logarithmic
        rows: dict[str, list[Array]] = {}
        seconds = []
        for seed in seeds:
            started = time.perf_counter()
            job, outputs = _train(_config(name, seed, folder, overrides), folder)
            seconds.append(time.perf_counter() - started)
            for head in job.heads:
                losses = _losses(job, head, outputs[head], head in logarithmic)
                rows.setdefault(head, []).append(losses)
        started = time.perf_counter()
        references = {head: _reference(job, head, head in logarithmic) for head in job.heads}
        reference_seconds = time.perf_counter() - started
    return [
        head_record(name, head, rows[head], *references[head], seconds=float(np.median(seconds)))
        | {"reference_seconds": reference_seconds}
        for head in job.heads
    ]


def _config(name: str, seed: int, folder: Path, overrides: Sequence[str]) -> DictConfig:
    (folder / "conf").mkdir(exist_ok=True)
    # Insight only measures; without it the benchmark is quicker.
    option = f"own_{name}" if name in DATA_SETS or name in UNTUNED else name
    chosen = [f"data={option}", "branches=auto", "heads=auto", f"seed={seed}", "insight=off", *overrides]
    chosen.append(f"hydra.searchpath=[file://{folder / 'conf'}]")
    with initialize_config_dir(str(CONF)):
        return expand(hydra_compose("config", chosen))


def _train(cfg: DictConfig, folder: Path) -> tuple[Job, dict[str, Array]]:
    """Train as `pipeline.train` does; return the job and the outputs for the test rows."""
    job = trained_job(cfg, [folder])
    outputs = job.trainer.evaluate(job.rows["test"]).outputs
    return job, {head: job.heads[head].point(values) for head, values in outputs.items()}


def _labels(job: Job, head: str, split: str) -> Array:
    return np.asarray(job.references[split][head].labels)


def _losses(job: Job, head: str, outputs: Array, logarithmic: bool) -> Array:
    """Loss of each labelled test row and column, divided by the mean loss of the best constant."""
    labels, train = _labels(job, head, "test"), _labels(job, head, "train")
    return relative_losses(labels, train, outputs, logarithmic)


def relative_losses(labels: Array, train: Array, outputs: Array, logarithmic: bool) -> Array:
    """Return each labelled cell's loss divided by the mean loss of the best constant of the training rows.

    Args:
        labels, train: class codes (rows,), -1 where missing; or (rows, columns), NaN where missing.
        outputs: probabilities (rows, classes), or (rows, columns).
        logarithmic: compare log(1 + y).
    """
    if labels.dtype.kind == "i":
        shares = np.bincount(train[train >= 0], minlength=outputs.shape[1]) / (train >= 0).sum()
        labelled = labels >= 0
        baseline = row_losses(labels[labelled], np.tile(shares, (labelled.sum(), 1)))
        return row_losses(labels[labelled], outputs[labelled]) / baseline.mean()
    binary = set(np.unique(train[~np.isnan(train)])) <= {0.0, 1.0}
    if logarithmic:
        labels, train, outputs = (np.log1p(np.maximum(values, 0)) for values in (labels, train, outputs))
    labelled = ~np.isnan(labels)
    constant = np.broadcast_to(np.nanmean(train, axis=0), labels.shape)
    losses = _binary_losses if binary else lambda truth, output: (truth - output) ** 2
    baseline = losses(labels[labelled], constant[labelled])
    return np.asarray(losses(labels[labelled], outputs[labelled]) / baseline.mean())


def row_losses(labels: Array, outputs: Array) -> Array:
    """Cross-entropy of class codes, or squared error of numbers; (rows,)."""
    if outputs.ndim == 1:
        return np.asarray((labels - outputs) ** 2)
    chosen = outputs[np.arange(len(labels)), labels.astype(int)]
    return np.asarray(-np.log(np.clip(chosen, TINY, 1)))


def _binary_losses(labels: Array, outputs: Array) -> Array:
    chosen = np.where(labels > 0.5, outputs, 1 - outputs)
    return np.asarray(-np.log(np.clip(chosen, TINY, 1)))


def _reference(job: Job, head: str, logarithmic: bool) -> tuple[Array, str]:
    """The relative losses of the best simple model, and its name."""
    wide, dense = features(job.dataset)
    labels = {split: _labels(job, head, split) for split in job.dataset.splits}
    columns = []
    kind = job.dataset.targets[head].kind
    if kind == "category":
        classes = len(job.dataset.targets[head].names)
        outputs, name = predict(wide, dense, labels, classes, row_losses)
        return relative_losses(labels["test"], labels["train"], outputs, False), name
    for column in range(labels["test"].shape[1]):
        values = {split: array[:, column].astype(float) for split, array in labels.items()}
        if kind in ("binary", "labels"):
            codes = {s: np.where(np.isnan(v), -1, np.nan_to_num(v)).astype(int) for s, v in values.items()}
            outputs, name = predict(wide, dense, codes, 2, row_losses)
            columns.append(outputs[:, 1])
        else:
            values = {s: np.log1p(np.maximum(v, 0)) if logarithmic else v for s, v in values.items()}
            outputs, name = predict(wide, dense, values, None, row_losses)
            columns.append(np.expm1(outputs) if logarithmic else outputs)
    return relative_losses(labels["test"], labels["train"], np.column_stack(columns), logarithmic), name


def head_record(
    data: str, head: str, losses: Sequence[Array], reference: Array, model: str, *, seconds: float
) -> dict[str, Any]:
    """Skill of the default and of the reference, and the standard error of their difference."""
    by_seed = [1 - values.mean() for values in losses]
    paired = np.mean(losses, axis=0) - reference
    rows_error = paired.std(ddof=1) / np.sqrt(len(paired)) if len(paired) > 1 else np.nan
    seeds_error = np.std(by_seed, ddof=1) / np.sqrt(len(by_seed)) if len(by_seed) > 1 else 0.0
    return {
        "data": data,
        "head": head,
        "rows": len(reference),
        "skill": float(np.mean(by_seed)),
        "by_seed": [float(value) for value in by_seed],
        "reference": float(1 - reference.mean()),
        "model": model,
        "difference": float(-paired.mean()),
        "error": float(np.hypot(rows_error, seeds_error)),
        "seconds": seconds,
    }


def load(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(measurements: Sequence[Sequence[Mapping[str, Any]]]) -> str:
    """Return the measurements as a Markdown table: skill of each, and the difference of the last one."""
    named = [{(record["data"], record["head"]): record for record in records} for records in measurements]
    versions = [f"skill {number}" for number in range(1, len(named))] + ["skill"]
    columns = ["data: head", "test labels", *versions, "reference", "difference ± s.e.", "seconds", "(ref.)"]
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    lines += [_line([records.get(key) for records in named]) for key in named[-1]]
    return "\n".join([*lines, "", _summary(list(named[-1].values()))])


def _line(records: Sequence[Mapping[str, Any] | None]) -> str:
    last = records[-1]
    assert last is not None
    skills = [f"{record['skill']:.3f}" if record else "" for record in records]
    return (
        f"| {last['data']}: {last['head']} | {last['rows']:,} | {' | '.join(skills)} "
        f"| {last['reference']:.3f} ({last['model']}) | {last['difference']:+.3f} ± {last['error']:.3f} "
        f"| {last['seconds']:.0f} | {last['reference_seconds']:.0f} |"
    )


def _summary(records: Sequence[Mapping[str, Any]]) -> str:
    differences = np.array([record["difference"] for record in records])
    behind = [r for r in records if r["difference"] < -0.02 and r["difference"] < -2 * r["error"]]
    names = ", ".join(f"{record['data']}: {record['head']}" for record in behind) or "none"
    return (
        f"{len(records)} heads: mean difference {differences.mean():+.3f}, median "
        f"{np.median(differences):+.3f}; {(differences > 0).sum()} above their reference; more than 0.02 "
        f"below it beyond two standard errors: {names}."
    )


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main()
