"""A finished job as the report tells it: the model's picture, the heads' results, examples to draw."""

from collections.abc import Mapping, Sequence
from typing import Any

from keras import Model
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from pipeline import report
from pipeline.insight import insight_section
from pipeline.job.job import Job
from pipeline.job.results import Results
from pipeline.metric_names import by_head
from pipeline.model.layer_names import FUSION, branch_layer, head_layer
from pipeline.page.elements import Section
from pipeline.page.style import look
from pipeline.tracking import Run
from pipeline.training.fit import FitResult

Array = NDArray[Any]


def reported(
    tracked: Run,
    cfg: DictConfig,
    job: Job,
    fitted: FitResult,
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


def _insight(job: Job, fitted: FitResult, results: Results) -> list[Section]:
    heads, branches = list(job.heads), list(job.dataset.inputs)
    with look([*heads, *branches]):
        section = insight_section(fitted.history, heads, branches, results.contributions, results.words)
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
        labels=job.references["test"][name].labels,
        outputs=job.heads[name].point(epoch.outputs[name]),
        row_loss=job.trainer.losses[name].row_losses(rows.labels[name], epoch.raw[name]),
        rows=rows.rows,
    )


def _examples(job: Job) -> dict[str, report.InputExamples]:
    raw = job.dataset.splits["test"].raw
    return {
        name: report.InputExamples(source.kind, {key: raw[key] for key in source.specs()})
        for name, source in job.dataset.inputs.items()
    }


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
        )
        for group, name, layer in [*branches, ("fusion", "fusion", FUSION), *heads]
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
