"""A composed config -> the objects it names. The verbs' common ground: nothing below them sees a config."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from omegaconf import DictConfig

from pipeline import data
from pipeline.config.auto_trainer import settle
from pipeline.config.make import Make, maker
from pipeline.data import Dataset
from pipeline.data.feed import Rows, Stream
from pipeline.errors import ConfigError
from pipeline.insight import Insight, Probe
from pipeline.job.job import Job
from pipeline.loss_weights import DEFAULT, LossWeight, logged_weights
from pipeline.model import build_model, build_presenter
from pipeline.model.layer_names import branch_layer
from pipeline.training.class_weights import class_factors
from pipeline.training.fit import reject_batch_hooks
from pipeline.training.head_loss import HeadLoss
from pipeline.training.measure import references
from pipeline.training.trainer import Trainer


def compose_job(cfg: DictConfig, *, folders: Sequence[Path]) -> Job:
    """The job that a config describes, with its data loaded: what `train` and `check` do step by step.

    Args:
        folders: where relative paths are looked for, in turn.
    """
    make = maker()
    dataset = load_data(cfg, make, folders=folders)
    return build(settle(cfg, len(dataset.splits["train"].rows)), dataset, make)


def load_data(cfg: DictConfig, make: Make, *, folders: Sequence[Path]) -> Dataset:
    """The data that the config's branches and heads use, looked through for leaks.

    Raises:
        ConfigError: a leak that `data.leaks` does not let pass.
    """
    node = make(cfg.data)
    policy = node.pop("leaks")
    used: dict[str, Any] = {"only_inputs": list(cfg.branches), "only_targets": list(cfg.heads)}
    dataset = data.load(**node, **used, folders=list(folders), seed=cfg.seed)
    found = data.leaks(dataset) if policy != "ignore" else []
    data.report_leaks(found, policy)
    return replace(dataset, leaks=found)


def build(cfg: DictConfig, dataset: Dataset, make: Make) -> Job:
    """Model, losses, optimizer and trainer for the data at hand.

    Args:
        cfg: settled, see `pipeline.config.auto_trainer.settle`.
    """
    branches = {name: make(node) for name, node in cfg.branches.items()}
    heads = {name: make(node) for name, node in cfg.heads.items()}
    _check_calibrated(heads, dataset)
    missing = {split: dataset.missing_inputs(split) for split in dataset.splits}
    model = build_model(
        dataset.inputs,
        dataset.targets,
        branches,
        make(cfg.fusion),
        heads,
        missing=missing["train"],
        missing_later={*missing["val"], *missing["test"]} - {*missing["train"]},
    )
    presenter = build_presenter(dataset.targets, heads)
    losses = {name: _head_loss(name, head, dataset) for name, head in heads.items()}
    optimizer, callbacks = _optimizer(cfg, len(dataset.splits["train"].rows), make)
    balancer = make(cfg.balancer)
    if cfg.trainer.accumulate > 1 and (balancer.needs == "gram" or balancer.needs_losses_after):
        raise ConfigError(
            "trainer.accumulate",
            f"{type(balancer).__name__} balances every batch: balanced, then averaged, is another method",
            found=cfg.trainer.accumulate,
            allowed="1, and a larger trainer.batch_size instead",
        )
    balancer.build(list(heads), {name: dataset.targets[name].kind for name in heads})
    modulation = make(cfg.modulation)
    modulation.build(list(branches), _updates(cfg, len(dataset.splits["train"].rows)))
    trainer = Trainer(
        model,
        presenter,
        losses,
        balancer,
        optimizer,
        batch_size=cfg.trainer.batch_size,
        rates={branch_layer(name): branch.learning_rate for name, branch in branches.items()},
        jit=cfg.trainer.jit,
        modulation=modulation,
    )
    schedules = _schedules(cfg, list(heads), make)
    insight = make(cfg.insight)
    rows = {split: dataset.feed(split) for split in dataset.splits}
    return Job(
        dataset=dataset,
        heads=heads,
        loss_weights=logged_weights(schedules, cfg.trainer.epochs),
        schedules=schedules,
        model=model,
        presenter=presenter,
        trainer=trainer,
        rows=rows,
        references=references(heads, dataset.targets, losses, dataset.splits),
        callbacks=callbacks,
        insight=insight,
        probe=probe(insight, trainer, rows["train"]),
    )


def probe(insight: Insight, trainer: Trainer, rows: Rows | Stream) -> Probe | None:
    """What looks at the gradients after each epoch; None where nobody asked."""
    if not insight.probe_rows:
        return None
    return Probe(
        trainer,
        rows,
        number=insight.probe_rows,
        batches=insight.probe_batches,
        by_part=insight.by_part,
    )


def _check_calibrated(heads: Mapping[str, Any], dataset: Dataset) -> None:
    for name, head in heads.items():
        if getattr(head, "calibrate", None) and not dataset.is_labelled(name, "val"):
            problem = "no validation row has a label to fit the temperature on"
            raise ConfigError(f"heads.{name}.calibrate", problem, found=head.calibrate, allowed="null")


def _schedules(cfg: DictConfig, heads: Sequence[str], make: Make) -> dict[str, LossWeight]:
    given = {name: cfg.loss_weights.get(name, DEFAULT) for name in heads}
    return {
        name: make(weight) if isinstance(weight, DictConfig) else float(weight)
        for name, weight in given.items()
    }


def _optimizer(cfg: DictConfig, rows: int, make: Make) -> tuple[Any, list[Any]]:
    trainer = cfg.trainer
    rate, callbacks = make(cfg.schedule)(
        cfg.optimizer.learning_rate, steps=_updates(cfg, rows), epochs=trainer.epochs
    )
    more = {"learning_rate": rate}
    if trainer.gradient_clip is not None:
        more["global_clipnorm"] = trainer.gradient_clip
    if trainer.accumulate > 1:
        more["gradient_accumulation_steps"] = trainer.accumulate
    reject_batch_hooks(made := make(trainer.callbacks))
    optimizer = make(cfg.optimizer, **more)
    if trainer.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer, [*callbacks, *made]


def _updates(cfg: DictConfig, rows: int) -> int:
    return max(1, -(-rows // cfg.trainer.batch_size) // cfg.trainer.accumulate)


def _head_loss(name: str, head: Any, dataset: Dataset) -> HeadLoss:
    target, factors = dataset.targets[name], None
    if (given := getattr(head, "class_weight", None)) is not None:
        labels = dataset.splits["train"].labels[name]
        factors = class_factors(given, target.kind, target.names, labels, f"heads.{name}.class_weight")
    return HeadLoss(loss=head.loss, kind=target.kind, complete=dataset.is_complete(name), factors=factors)
