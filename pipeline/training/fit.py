"""Epoch after epoch: train, validate, tell the callbacks, keep the best weights, stop in time."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from keras.callbacks import Callback, CallbackList

from pipeline.data.feed import Rows, Stream
from pipeline.errors import ConfigError
from pipeline.loss_weights import LossWeight, logged_weights, weights_at
from pipeline.metric_names import direction, share_of, weight_of
from pipeline.training.measure import Reference, measure
from pipeline.training.trainer import Trainer


class Probe(Protocol):
    """Looks at the model after each epoch, as `pipeline.insight.Probe` does."""

    def remember(self) -> None:
        """Take the weights as they are for those from which the next epoch's change is counted."""

    def __call__(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        """Metrics of the epoch that has just ended; weights: head -> the weight in force."""


@dataclass
class Kept:
    """The epoch whose weights are kept: the best by `monitor`, or the last one where nothing is monitored."""

    monitor: str | None
    patience: int
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: list[Any] = field(default_factory=list)

    def offer(self, epoch: int, metrics: Mapping[str, float], model: Any) -> None:
        """Keep this epoch if it is the first, or better than the one kept."""
        if self.monitor and self.monitor not in metrics:
            raise ConfigError(
                "trainer.early_stopping.monitor",
                "no such value was measured",
                found=self.monitor,
                allowed=sorted(metrics),
            )
        if self.monitor and self.weights:
            gain = metrics[self.monitor] - self.metrics[self.monitor]
            if gain >= 0 if direction(self.monitor) == "min" else gain <= 0:
                return
        self.epoch, self.metrics = epoch, dict(metrics)
        self.weights = model.get_weights() if self.monitor else []

    def exhausted(self, epoch: int) -> bool:
        """Whether `patience` epochs have gone by without a better one."""
        return self.monitor is not None and epoch - self.epoch >= max(self.patience, 1)


@dataclass
class TrainingState:
    """How far a training has come: epochs completed, their metrics, and the epoch that is kept."""

    epoch: int
    history: dict[str, list[float]]
    kept: Kept


@dataclass(frozen=True)
class FitResult:
    """How the training went: `history` has one value per epoch and metric, NaN where one was absent."""

    history: dict[str, list[float]]
    best_epoch: int
    best: dict[str, float]


def fit(
    trainer: Trainer,
    rows: Mapping[str, Rows | Stream],
    heads: Mapping[str, Mapping[str, Reference]],
    *,
    loss_weights: Mapping[str, LossWeight],
    epochs: int,
    shuffle: bool,
    seed: int,
    early_stopping: Mapping[str, Any] | None,
    callbacks: Sequence[Callback] = (),
    watch: Callable[[int], None] | None = None,
    probe: Probe | None = None,
    start: TrainingState | None = None,
    save: Callable[[TrainingState], None] | None = None,
) -> FitResult:
    """Train for up to `epochs` epochs and leave the model with the kept weights.

    Args:
        rows, heads: by split; those of "train" are used, and of "val" where given.
        loss_weights: numbers, or functions of the epochs completed; the combined losses are logged with those
            of the last epoch, see `pipeline.loss_weights`.
        shuffle: draw the order of the rows anew each epoch, from the seed and the number of the epoch.
        callbacks: told of each epoch and its metrics; nothing is called per batch, see `reject_batch_hooks`.
        watch: told the rows done inside an epoch, about every second.
        probe: looks at the model after each epoch; its numbers join the epoch's metrics.
        early_stopping: monitor and patience; None trains all epochs and keeps the last.
        start: how far an earlier process came; the weights it left are in place already.
        save: told after each epoch how far this one has come.

    Raises:
        NotFiniteError: a head's loss became NaN or infinite.
    """
    done = start or TrainingState(0, {}, Kept(**(early_stopping or {"monitor": None, "patience": 0})))
    kept, model = done.kept, trainer.model
    told = CallbackList(list(callbacks), model=model, epochs=epochs)
    model.stop_training = False
    meant = logged_weights(loss_weights, epochs)
    told.on_train_begin()
    if probe:
        probe.remember()
    while done.epoch < epochs and not kept.exhausted(done.epoch) and not model.stop_training:
        done.epoch += 1
        told.on_epoch_begin(done.epoch - 1)
        order = order_of(done.epoch, len(rows["train"]), seed, shuffle)
        weights = weights_at(loss_weights, done.epoch - 1)
        metrics = _one_epoch(trainer, rows, heads, weights, meant, order, watch)
        if probe:
            metrics |= probe({name: metrics[weight_of(name)] for name in trainer.losses})
        _remember(done.history, done.epoch, metrics)
        kept.offer(done.epoch, metrics, model)
        told.on_epoch_end(done.epoch - 1, metrics)
        if save:
            save(done)
    if kept.monitor:
        model.set_weights(kept.weights)
    told.on_train_end()
    return FitResult(
        done.history, kept.epoch, {k: v for k, v in kept.metrics.items() if k.startswith("val/")}
    )


def reject_batch_hooks(callbacks: Sequence[Callback]) -> None:
    """Raise a ConfigError for a callback that waits for batches: an epoch is one graph and calls none."""
    for i, callback in enumerate(callbacks):
        for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"):
            if getattr(type(callback), hook) is not getattr(Callback, hook):
                raise ConfigError(
                    f"trainer.callbacks[{i}]",
                    f"{type(callback).__name__} waits for {hook}, but an epoch runs as one graph",
                    found=hook,
                    allowed="callbacks that act on epochs",
                )


def order_of(epoch: int, rows: int, seed: int, shuffle: bool) -> Any:
    """The rows' order in an epoch, from the arguments alone, so that a resumed run draws the same."""
    return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)


def _one_epoch(
    trainer: Trainer, rows: Any, heads: Any, descended: Any, meant: Any, order: Any, watch: Any
) -> dict[str, float]:
    started = time.perf_counter()
    weights = np.array([descended[name] for name in trainer.losses], np.float32)
    trained = trainer.train(rows["train"], order, weights, watch)
    metrics = measure("train", trained, heads["train"], meant).named("train")
    if "val" in rows:
        metrics |= measure("val", trainer.evaluate(rows["val"]), heads["val"], meant).named("val")
    metrics |= {weight_of(head): float(value) for head, value in trained.weights.items()}
    metrics |= {share_of(head): float(value) for head, value in trained.shares.items()}
    metrics["time/epoch_s"] = time.perf_counter() - started
    metrics["time/examples_per_s"] = len(order) / trained.seconds
    return metrics


def _remember(history: dict[str, list[float]], epoch: int, metrics: Mapping[str, float]) -> None:
    for name in {**history, **metrics}:
        values = history.setdefault(name, [float("nan")] * (epoch - 1))
        values.append(metrics.get(name, float("nan")))
