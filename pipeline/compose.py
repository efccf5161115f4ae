"""Builds a job from a composed config: instantiates the parts and connects them."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from omegaconf import DictConfig

from pipeline import data
from pipeline.balancers import Balancer
from pipeline.config.auto_trainer import settle
from pipeline.config.make import Make, maker, settings
from pipeline.data import Dataset
from pipeline.data.feed import Rows, Stream
from pipeline.data.files.memory import available
from pipeline.errors import ConfigError
from pipeline.heads import Head
from pipeline.insight import Insight, Probe
from pipeline.job.job import Job
from pipeline.loss_weights import DEFAULT, LossWeight, logged_weights
from pipeline.model import Encoder, build_model, build_presenter
from pipeline.model.layer_names import branch_layer
from pipeline.modulation import Modulation
from pipeline.training.class_weights import class_factors
from pipeline.training.fit import FitResult, fit, reject_batch_hooks
from pipeline.training.gpus import fits
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import references
from pipeline.training.trainer import Trainer

logger = logging.getLogger(__name__)
# Of a split's outputs in memory at the same time: raw and readable ones, in pieces and as a whole, and what
# the metrics make of them.
OUTPUT_COPIES = 6
# Layers and graphs of a head. With 500 heads a run took 3.3 GB at most, of which TensorFlow takes 0.9 GB.
HEAD_BYTES = 5_000_000
MOST_PROBED = 50  # heads: the probe's memory and time grow with the heads squared


def compose_job(cfg: DictConfig, *, folders: Sequence[Path]) -> Job:
    """Load the data of a config and build its job; `train` and `check` take the same steps one by one.

    Args:
        folders: folders in which relative paths are looked up, in this order.
    """
    make = maker()
    dataset = load_data(cfg, make, folders=folders)
    rows, labelled = len(dataset.splits["train"].rows), dataset.labelled_shares()
    return build(settle(cfg, rows, labelled), dataset, make)


def fit_job(
    cfg: DictConfig, job: Job, *, callbacks: Sequence[keras.callbacks.Callback] | None = None, **options: Any
) -> FitResult:
    """Fit a job's model as the config's trainer says.

    Args:
        cfg: a config that `settle` has settled.
        callbacks: None: those of the job.
        options: further arguments of `pipeline.training.fit.fit`; `heads` in place of the job's references.
    """
    return fit(
        job.trainer,
        job.rows,
        options.pop("heads", job.references),
        loss_weights=job.schedules,
        epochs=cfg.trainer.epochs,
        shuffle=cfg.trainer.shuffle,
        seed=cfg.seed,
        early_stopping=settings(cfg.trainer).get("early_stopping"),
        refit=cfg.trainer.get("refit", False),
        callbacks=job.callbacks if callbacks is None else callbacks,
        **options,
    )


def load_data(cfg: DictConfig, make: Make, *, folders: Sequence[Path]) -> Dataset:
    """Load the data that the config's branches and heads use, look for leaks, set calibration rows aside.

    Raises:
        ConfigError: a leak that `data.leaks` does not allow, or too few validation rows.
    """
    node = make(cfg.data)
    policy = node.pop("leaks", "warn")
    used: dict[str, Any] = {"only_inputs": list(cfg.branches), "only_targets": list(cfg.heads)}
    dataset = data.load(**node, **used, folders=list(folders), seed=cfg.seed)
    leaks = data.leaks(dataset) if policy != "ignore" else []
    data.report_leaks(leaks, policy)
    dataset = replace(dataset, leaks=leaks)
    share = cfg.conformal.calibration if "conformal" in cfg else None  # runs of version 0.1 have no such node
    return data.set_aside(dataset, share) if share else dataset


def build(cfg: DictConfig, dataset: Dataset, make: Make) -> Job:
    """Build the model, the trainer and everything else that training needs.

    Args:
        cfg: a config without "auto" values, see `pipeline.config.auto_trainer.settle`.

    Raises:
        ConfigError: parts that do not fit the data or one another.
    """
    branches: dict[str, Encoder] = {name: make(node) for name, node in cfg.branches.items()}
    heads: dict[str, Head] = {name: make(node) for name, node in cfg.heads.items()}
    _check_calibrated(heads, dataset)
    _check_heads_fit(heads)
    rows = len(dataset.splits["train"].rows)
    model = _model(cfg, dataset, branches, heads, make)
    _check_memory(dataset, model)
    presenter = build_presenter(dataset.targets, heads)
    losses = {name: _head_loss(name, head, dataset) for name, head in heads.items()}
    optimizer, callbacks = _optimizer(cfg, rows, make)
    trainer = Trainer(
        model,
        presenter,
        losses,
        _balancer(cfg, dataset, heads, make),
        optimizer,
        batch_size=cfg.trainer.batch_size,
        rates={branch_layer(name): branch.learning_rate for name, branch in branches.items()},
        jit=cfg.trainer.jit,
        modulation=_modulation(cfg, list(branches), rows, make),
        average=cfg.trainer.get("average"),
        on_nan=cfg.trainer.get("on_nan", "stop"),
    )
    schedules = _schedules(cfg, list(heads), make)
    insight: Insight = make(cfg.insight)
    whole = _fit_on_gpu(dataset)
    rows_of = {split: dataset.feed(split, whole=whole) for split in dataset.splits}
    return Job(
        dataset=dataset,
        heads=heads,
        loss_weights=logged_weights(schedules, cfg.trainer.epochs),
        schedules=schedules,
        model=model,
        presenter=presenter,
        trainer=trainer,
        rows=rows_of,
        references=references(heads, dataset.targets, losses, dataset.splits),
        callbacks=callbacks,
        insight=insight,
        probe=probe(insight, trainer, rows_of["train"]),
        **({"level": cfg.conformal.level} if "conformal" in cfg else {}),
    )


def _check_heads_fit(heads: Collection[str]) -> None:
    """Refuse hundreds of heads whose layers and graphs do not fit into memory, before any is built."""
    need, free = HEAD_BYTES * len(heads), available()
    if need > free:
        raise ConfigError(
            "heads",
            f"a run of so many heads takes about {need / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} GB "
            "are free",
            found=f"{len(heads):,} heads of about {HEAD_BYTES / 1e6:g} MB each",
            allowed="fewer heads; or one head with many columns, {kind: number, column: [a, b]}",
        )


def _check_memory(dataset: Dataset, model: keras.Model) -> None:
    """Refuse heads whose outputs for the validation or test rows do not fit into memory together."""
    widths = {name: output.shape[-1] for name, output in model.output.items()}
    rows = max(len(dataset.splits[split].rows) for split in ("val", "test"))
    need, free = OUTPUT_COPIES * 4 * sum(widths.values()) * rows, available()
    if need > free:
        widest = max(widths, key=widths.__getitem__)
        raise ConfigError(
            "heads",
            f"evaluating {rows:,} rows takes about {need / 1e9:.1f} GB of memory, of which "
            f"{free / 1e9:.1f} GB are free",
            found=f"{len(widths)} heads with {sum(widths.values()):,} outputs, most of them of {widest}",
            allowed="fewer classes, fewer heads, or fewer validation and test rows",
        )


def _fit_on_gpu(dataset: Dataset) -> bool:
    """Whether the rows can stay on the GPU; if not, say that they go there in windows."""
    if dataset.streamed or fits(dataset.size()):
        return True
    logger.warning(
        "the data (%.1f GB) does not fit into the GPU's free memory: it goes there window by window",
        dataset.size() / 1e9,
    )
    return False


def probe(insight: Insight, trainer: Trainer, rows: Rows | Stream) -> Probe | None:
    """Return the probe that computes gradients after each epoch; None if the config wants none.

    There is none for hundreds of heads either, which is said.
    """
    if not insight.probe_rows:
        return None
    if len(trainer.losses) > MOST_PROBED:
        logger.warning(
            "the gradients between heads and branches are not measured: that is done for up to %d heads, and "
            "there are %d; insight.probe_rows=0 turns this message off",
            MOST_PROBED,
            len(trainer.losses),
        )
        return None
    return Probe(
        trainer,
        rows,
        number=insight.probe_rows,
        batches=insight.probe_batches,
        by_part=insight.by_part,
    )


def _model(
    cfg: DictConfig, dataset: Dataset, branches: Mapping[str, Encoder], heads: Mapping[str, Head], make: Make
) -> keras.Model:
    missing = {split: dataset.missing_inputs(split) for split in dataset.splits}
    return build_model(
        dataset.inputs,
        dataset.targets,
        branches,
        make(cfg.fusion),
        heads,
        missing=missing["train"],
        missing_later={*missing["val"], *missing["test"]} - {*missing["train"]},
    )


def _balancer(cfg: DictConfig, dataset: Dataset, heads: Collection[str], make: Make) -> Balancer:
    balancer: Balancer = make(cfg.balancer)
    if cfg.trainer.accumulate > 1 and (balancer.needs == "gram" or balancer.needs_losses_after):
        raise ConfigError(
            "trainer.accumulate",
            f"{type(balancer).__name__} balances each batch, so it cannot accumulate gradients",
            found=cfg.trainer.accumulate,
            allowed="1, with a larger trainer.batch_size",
        )
    balancer.build(list(heads), {name: dataset.targets[name].kind for name in heads})
    return balancer


def _modulation(cfg: DictConfig, branches: Sequence[str], rows: int, make: Make) -> Modulation:
    modulation: Modulation = make(cfg.modulation)
    modulation.build(branches, _updates(cfg, rows))
    return modulation


def _check_calibrated(heads: Mapping[str, Head], dataset: Dataset) -> None:
    for name, head in heads.items():
        calibrate = getattr(head, "calibrate", None)
        if calibrate and not dataset.is_labelled(name, "val"):
            problem = "no validation row has a label, so the temperature cannot be fitted"
            raise ConfigError(f"heads.{name}.calibrate", problem, found=calibrate, allowed="null")


def _schedules(cfg: DictConfig, heads: Sequence[str], make: Make) -> dict[str, LossWeight]:
    """Return head -> weight in the training loss: a number, or a function of the completed epochs."""
    nodes = {name: cfg.loss_weights.get(name, DEFAULT) for name in heads}
    return {name: make(node) if isinstance(node, DictConfig) else float(node) for name, node in nodes.items()}


def _optimizer(
    cfg: DictConfig, rows: int, make: Make
) -> tuple[keras.optimizers.Optimizer, list[keras.callbacks.Callback]]:
    """Return the optimizer, and the callbacks of the learning rate's schedule and of the config."""
    trainer = cfg.trainer
    rate, callbacks = make(cfg.schedule)(
        cfg.optimizer.learning_rate, steps=_updates(cfg, rows), epochs=trainer.epochs
    )
    options = {"learning_rate": rate}
    if trainer.gradient_clip is not None:
        options["global_clipnorm"] = trainer.gradient_clip
    if trainer.accumulate > 1:
        options["gradient_accumulation_steps"] = trainer.accumulate
    own_callbacks = make(trainer.callbacks)
    reject_batch_hooks(own_callbacks)
    optimizer = make(cfg.optimizer, **options)
    if trainer.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer, [*callbacks, *own_callbacks]


def _updates(cfg: DictConfig, rows: int) -> int:
    """Return the number of optimizer updates per epoch."""
    return int(max(1, -(-rows // cfg.trainer.batch_size) // cfg.trainer.accumulate))


def _head_loss(name: str, head: Head, dataset: Dataset) -> HeadLoss:
    target, factors = dataset.targets[name], None
    if (class_weight := getattr(head, "class_weight", None)) is not None:
        labels = dataset.splits["train"].labels[name]
        factors = class_factors(class_weight, target.kind, target.names, labels, f"heads.{name}.class_weight")
    return HeadLoss(loss=head.loss, kind=target.kind, complete=dataset.is_complete(name), factors=factors)
