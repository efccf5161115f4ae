"""The content of the report: the model's parts, the heads' results, and examples of the inputs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from keras import Model
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from pipeline import data, report
from pipeline.config.private import public
from pipeline.data.kinds import input_facts, time_forms
from pipeline.data.times import in_words
from pipeline.insight import insight_section
from pipeline.job.interval_section import interval_section
from pipeline.job.job import Job
from pipeline.job.results import Results
from pipeline.job.resume import Origin
from pipeline.metric_names import by_head
from pipeline.model.layer_names import FUSION, branch_layer, head_layer
from pipeline.page.elements import Section
from pipeline.page.style import look
from pipeline.report.record import bands
from pipeline.tracking import Run
from pipeline.training.fit import FitResult

Array = NDArray[Any]


def report_record(
    tracked: Run,
    cfg: DictConfig,
    job: Job,
    fitted: FitResult,
    results: Results,
    origin: Origin,
    seconds: Mapping[str, float],
) -> report.Record:
    """Collect the content of the report; `seconds` are the durations of the run's phases."""
    return report.Record(
        title=public(cfg)["tracking"]["run_name"] or _title(job, origin),
        facts=_facts(tracked, cfg, job),
        warnings=[leak.sentence for leak in job.dataset.leaks],
        command=origin.command(),
        config_yaml=OmegaConf.to_yaml(public(cfg)),
        run_url=tracked.url(),
        history=fitted.history,
        best_epoch=fitted.best_epoch,
        ending=[*results.ending, *(results.intervals.sentences if results.intervals else [])],
        parts=_parts(job),
        heads=_head_results(job, results),
        inputs=_examples(job),
        phases=dict(seconds),
        sections=_sections(job, fitted, results),
    )


def _title(job: Job, origin: Origin) -> str:
    """Return the data, the heads and the overrides that choose neither: "penguins: species · seed=1"."""
    heads, most = list(job.heads), 4
    names = ", ".join(heads[:most]) + (f" and {len(heads) - most} more" if len(heads) > most else "")
    others = [text for text in origin.overrides if not text.startswith(("data=", "branches=", "heads="))]
    return " · ".join([f"{origin.groups.get('data', 'data')}: {names}", *others])


def _facts(tracked: Run, cfg: DictConfig, job: Job) -> list[str]:
    """Return the run's id, the time, the seed, the rows of the splits, and the labels that are missing."""
    rows = {split: len(part.rows) for split, part in job.dataset.splits.items()}
    counted = ", ".join(f"{split} {count:,}" for split, count in rows.items())
    facts = [
        f"run {tracked.run_id}",
        f"{datetime.now():%Y-%m-%d %H:%M}",
        f"seed {cfg.seed}",
        f"rows: {counted}",
    ]
    shares = job.dataset.labelled_shares()
    lacking = [f"{name} {100 * shares[name]:.0f} %" for name in job.heads if shares[name] < 1]
    return facts + ([f"labelled training rows: {', '.join(lacking)}"] if lacking else [])


def _sections(job: Job, fitted: FitResult, results: Results) -> list[Section]:
    """Return sets and intervals first if there are any, else last, where it says how to get them."""
    others = [*_texts(job), *_insight(job, fitted, results)]
    held = [interval_section(job, results)]
    return [*held, *others] if results.intervals else [*others, *held]


def _texts(job: Job) -> list[Section]:
    sentences = data.unseen_sentences(job.dataset)
    return [Section("Texts", sentences)] if sentences else []


def _insight(job: Job, fitted: FitResult, results: Results) -> list[Section]:
    heads, branches = list(job.heads), list(job.dataset.inputs)
    with look([*heads, *branches]):
        section = insight_section(fitted.history, heads, branches, results.contributions, results.sentences)
    return [section] if section else []


def _head_results(job: Job, results: Results) -> dict[str, report.HeadResult]:
    test, val = (by_head(results.metrics, split, list(job.heads)) for split in ("test", "val"))
    return {name: _head_result(name, job, results, test[name], val[name]) for name in job.heads}


def _head_result(
    name: str, job: Job, results: Results, test: dict[str, float], val: dict[str, float]
) -> report.HeadResult:
    target, rows, epoch = job.dataset.targets[name], job.dataset.splits["test"], results.epochs["test"]
    return report.HeadResult(
        kind=target.kind,
        names=list(target.names),
        loss=type(job.heads[name].loss).__name__,
        weight=job.loss_weights[name],
        baseline=_or_nan(results.baseline_losses[name]),
        val_baseline=_or_nan(job.references["val"][name].baseline_loss),
        test=test,
        val=val,
        labels=job.references["test"][name].labels,
        outputs=job.heads[name].point(epoch.outputs[name]),
        row_loss=job.trainer.losses[name].row_losses(rows.labels[name], epoch.raw[name]),
        rows=rows.rows,
        **bands(job.heads[name], epoch.outputs[name]),
        thresholds=results.thresholds.get(name, ()),
    )


def _examples(job: Job) -> dict[str, report.InputExamples]:
    raw, facts = job.dataset.splits["test"].raw, input_facts(job.dataset.inputs)
    return {
        name: report.InputExamples(source.kind, in_words(_of(source, raw), time_forms(facts.get(name, {}))))
        for name, source in job.dataset.inputs.items()
    }


def _of(source: Any, raw: Mapping[str, Any]) -> dict[str, Array]:
    return {key: cast(Array, raw[key]) for key in source.specs()}


def _parts(job: Job) -> list[report.Part]:
    branches = [("branch", name, branch_layer(name)) for name in job.dataset.inputs]
    heads = [("head", name, head_layer(name)) for name in job.heads]
    return [
        report.Part(
            group,
            name,
            _layers(job.model.get_layer(layer)),
            loss=type(job.heads[name].loss).__name__ if group == "head" else None,
            weight=job.loss_weights[name] if group == "head" else None,
            **(_source(job, name) if group == "branch" else {}),
        )
        for group, name, layer in [*branches, ("fusion", "fusion", FUSION), *heads]
    ]


def _source(job: Job, name: str) -> dict[str, Any]:
    """Return the kind of an input, and its columns or its shape."""
    source = job.dataset.inputs[name]
    columns = [key.removeprefix(f"{name}.") for key in source.specs()]
    details = columns if source.kind == "table" else [_shape(job.model.input[name])]
    return {"source": source.kind, "details": details}


def _layers(model: Model) -> list[tuple[str, str, int]]:
    """Return (label, output shape, number of weights) of the layers of a part.

    Layers that are side by side are one entry. A last one shows the part's output if it comes from a plain
    operation, such as masked pooling.
    """
    depths: dict[int, int] = {}
    rows: dict[int, list[Any]] = {}
    for layer in filter(_is_shown, model.layers):
        rows.setdefault(_depth(layer, depths), []).append(layer)
    layers = [_entry(rows[depth]) for depth in sorted(rows)]
    output = _shape(model.output)
    return layers if layers and layers[-1][1] == output else [*layers, ("pooled", output, 0)]


def _is_shown(operation: Any) -> bool:
    name = type(operation).__name__
    return type(operation).__module__.startswith("keras.src.layers") and name != "InputLayer"


def _depth(operation: Any, known: dict[int, int]) -> int:
    """Return the number of layers on the longest way from an input to the operation's output."""
    if id(operation) not in known:
        tensors = [tensor for node in operation._inbound_nodes for tensor in node.input_tensors]
        before = [_depth(tensor._keras_history.operation, known) for tensor in tensors]
        known[id(operation)] = max(before, default=0) + _is_shown(operation)
    return known[id(operation)]


def _entry(layers: Sequence[Any]) -> tuple[str, str, int]:
    """Return one entry for layers that are side by side: 3 × Embedding, 8 | 8 | 4."""
    labels = Counter(map(_label, layers))
    label = " | ".join(f"{count} × {name}" if count > 1 else name for name, count in labels.items())
    shapes = dict.fromkeys(_shape(layer.output) for layer in layers)
    return label, " | ".join(shapes), sum(layer.count_params() for layer in layers)


def _shape(tensor: Any) -> str:
    return " × ".join("?" if size is None else str(size) for size in tensor.shape[1:])


def _label(layer: Any) -> str:
    size = getattr(layer, "kernel_size", None)
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    words = [type(layer).__name__]
    words += ["×".join(map(str, size))] if size else []
    words += [activation] if activation != "linear" else []
    return " ".join(words)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
