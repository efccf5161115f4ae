"""The loop over epochs: train, validate, call the callbacks, keep the best weights, stop early."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import keras
import numpy as np
from keras.callbacks import Callback, CallbackList
from numpy.typing import NDArray

from pipeline import signals
from pipeline.data.feed import Rows, Stream
from pipeline.errors import ConfigError
from pipeline.loss_weights import LossWeight, logged_weights, weights_at
from pipeline.metric_names import direction, share_of, weight_of
from pipeline.notices import announced
from pipeline.training.epoch import NotFiniteError
from pipeline.training.fault import Fault
from pipeline.training.head_progress import HeadProgress
from pipeline.training.measure import Reference, measure
from pipeline.training.refit import Refit, refit_heads
from pipeline.training.trainer import Trainer

Array = NDArray[Any]
logger = logging.getLogger(__name__)


class Probe(Protocol):
    """Inspects the model after each epoch; `pipeline.insight.Probe` is one."""

    def remember(self) -> None:
        """Store the current weights, with which those after the next epoch are compared."""

    def __call__(self, weights: Mapping[str, float]) -> Mapping[str, float]:
        """Return metrics of the last epoch.

        Args:
            weights: head -> loss weight x balancer weight, mean over the epoch.
        """


@dataclass
class KeptEpoch:
    """The epoch whose weights are kept: the best one by `monitor`, or the last one if `monitor` is None.

    The weights of the last one are kept too, in case that those of the next one are not finite.
    """

    monitor: str | None
    patience: int
    epoch: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    weights: list[Any] = field(default_factory=list)

    def offer(self, epoch: int, metrics: Mapping[str, float], model: keras.Model) -> None:
        """Keep this epoch if it is the first one or better than the kept one.

        Raises:
            ConfigError: the epoch has no metric `monitor`.
        """
        if self.monitor and self.monitor not in metrics:
            raise ConfigError(
                "trainer.early_stopping.monitor",
                "the training has no such metric",
                found=self.monitor,
                allowed=sorted(metrics),
            )
        if self.monitor and self.weights:
            gain = metrics[self.monitor] - self.metrics[self.monitor]
            if gain >= 0 if direction(self.monitor) == "min" else gain <= 0:
                return
        self.epoch, self.metrics = epoch, dict(metrics)
        self.weights = model.get_weights()

    def exhausted(self, epoch: int) -> bool:
        """Return whether the last `patience` epochs were not better than the kept one."""
        return self.monitor is not None and epoch - self.epoch >= max(self.patience, 1)


@dataclass
class TrainingState:
    """The state of `fit` after an epoch: number of epochs, their metrics, the kept epoch, the heads' own."""

    epoch: int
    history: dict[str, list[float]]
    kept: KeptEpoch
    heads: HeadProgress = field(default_factory=HeadProgress)


@dataclass(frozen=True)
class FitResult:
    """The metrics of a training.

    Args:
        history: metric -> value per epoch, NaN in epochs without the metric.
        best_epoch: number of the kept epoch.
        best: validation metrics of the kept weights.
        heads: each head's own best epoch.
        monitor: the metric that chose the kept epoch; None if the last one is kept.
        limit: the number of epochs without early stopping.
        failure: what ended the training, if a loss or gradient was not finite. The model has the kept weights
            nevertheless, unless this was in the first epoch: then `best_epoch` is 0.
        skipped: the first batch that was left out because its loss or gradient was not finite.
        refits: head -> what a refit of its own layers changed, see `pipeline.training.refit`.
    """

    history: dict[str, list[float]]
    best_epoch: int
    best: dict[str, float]
    heads: HeadProgress = field(default_factory=HeadProgress)
    monitor: str | None = None
    limit: int = 0
    failure: NotFiniteError | None = None
    skipped: Fault | None = None
    refits: Mapping[str, Refit] = field(default_factory=dict)


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
    refit: bool = False,
    callbacks: Sequence[Callback] = (),
    watch: Callable[[int], None] | None = None,
    probe: Probe | None = None,
    start: TrainingState | None = None,
    save: Callable[[TrainingState], None] | None = None,
) -> FitResult:
    """Train for up to `epochs` epochs and leave the kept weights in the model.

    Args:
        rows, heads: by split; "train" is required, "val" is optional, other splits are not used.
        loss_weights: numbers, or functions of the number of completed epochs; the logged combined losses use
            the weights of the last epoch, see `pipeline.loss_weights`.
        shuffle: use the rows in a random order, which depends only on the seed and the epoch's number.
        callbacks: only their methods for the training and for epochs are called, see `reject_batch_hooks`.
        watch: called about once per second with the number of rows done in the epoch.
        probe: its metrics are added to those of the epoch.
        early_stopping: monitor, patience, and head_patience (see `HeadProgress`); None trains all epochs and
            keeps the last one.
        refit: train each head's own layers on from the kept epoch, see `pipeline.training.refit`; needs early
            stopping.
        start: state after the last epoch of an interrupted training, whose weights the model already has.
        save: called with the state after each epoch.

    Raises:
        ConfigError: the training has no metric of the monitor's name.
    """
    state = start or _first_state(early_stopping)
    kept, progress, model = state.kept, state.heads, trainer.model
    callback_list = CallbackList(list(callbacks), model=model, epochs=epochs)
    model.stop_training = False
    failure: NotFiniteError | None = None
    skipped: Fault | None = None
    objective_weights = logged_weights(loss_weights, epochs)
    callback_list.on_train_begin()
    if probe:
        probe.remember()
    while state.epoch < epochs and not kept.exhausted(state.epoch) and not model.stop_training:
        weights = progress.trained(weights_at(loss_weights, state.epoch))
        if not any(weights.values()):
            break
        signals.check()
        state.epoch += 1
        callback_list.on_epoch_begin(state.epoch - 1)
        order = order_of(state.epoch, len(rows["train"]), seed, shuffle)
        try:
            metrics, fault = _one_epoch(trainer, rows, heads, weights, objective_weights, order, watch)
        except NotFiniteError as error:
            failure = NotFiniteError(f"epoch {state.epoch}: {error}", error.fault)
            break
        if fault:
            skipped = skipped or fault
            logger.warning(
                "epoch %d: steps were skipped, see trainer.on_nan: %s", state.epoch, fault.sentence()
            )
        if probe:
            metrics |= probe({name: metrics[weight_of(name)] for name in trainer.losses})
        _append(state.history, state.epoch, metrics)
        kept.offer(state.epoch, metrics, model)
        progress.offer(state.epoch, metrics, list(trainer.losses))
        callback_list.on_epoch_end(state.epoch - 1, metrics)
        if save:
            save(state)
    if kept.weights and (kept.monitor or failure):
        model.set_weights(kept.weights)
    refits: Mapping[str, Refit] = {}
    if refit and kept.monitor and kept.weights and not failure and "val" in rows:
        weighted = [head for head, weight in objective_weights.items() if weight]
        with announced("training the heads' own layers"):
            constants = {head: reference.baseline for head, reference in heads["val"].items()}
            refits = refit_heads(model, trainer.losses, rows, weighted, constants)
    best = {name: value for name, value in kept.metrics.items() if name.startswith("val/")}
    if refits:
        best = measure("val", trainer.evaluate(rows["val"]), heads["val"], objective_weights).named("val")
    callback_list.on_train_end()
    return FitResult(
        state.history, kept.epoch, best, progress, kept.monitor, epochs, failure, skipped, refits
    )


def _first_state(early_stopping: Mapping[str, Any] | None) -> TrainingState:
    options = {"monitor": None, "patience": 0, **(early_stopping or {})}
    heads = HeadProgress(options.pop("head_patience", None))
    return TrainingState(0, {}, KeptEpoch(**options), heads)


def reject_batch_hooks(callbacks: Sequence[Callback]) -> None:
    """Check that no callback has a method for batches, because an epoch runs as one graph.

    Raises:
        ConfigError: a callback has such a method.
    """
    for i, callback in enumerate(callbacks):
        for hook in ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"):
            if getattr(type(callback), hook) is not getattr(Callback, hook):
                raise ConfigError(
                    f"trainer.callbacks[{i}]",
                    f"{type(callback).__name__} has {hook}, but an epoch is one graph and never calls it",
                    found=hook,
                    allowed="callbacks with methods for epochs only",
                )


def order_of(epoch: int, rows: int, seed: int, shuffle: bool) -> Array:
    """Return the order of the rows in an epoch; a resumed run gets the same one."""
    return np.random.default_rng((seed, epoch)).permutation(rows) if shuffle else np.arange(rows)


def _one_epoch(
    trainer: Trainer,
    rows: Mapping[str, Rows | Stream],
    heads: Mapping[str, Mapping[str, Reference]],
    loss_weights: Mapping[str, float],
    objective_weights: Mapping[str, float],
    order: Array,
    watch: Callable[[int], None] | None,
) -> tuple[dict[str, float], Fault | None]:
    """Train and validate one epoch; return its metrics, and the first batch that was left out.

    Args:
        loss_weights: those of the training loss in this epoch.
        objective_weights: those of the logged combined losses, the same in every epoch.
    """
    started = time.perf_counter()
    weights = np.array([loss_weights[name] for name in trainer.losses], np.float32)
    trained = trainer.train(rows["train"], order, weights, watch)
    metrics = measure("train", trained, heads["train"], objective_weights).named("train")
    if "val" in rows:
        try:
            validated = trainer.evaluate(rows["val"])
        except NotFiniteError as error:
            fault = error.fault and replace(error.fault, split="val")
            raise NotFiniteError(f"validation: {error}", fault) from error
        metrics |= measure("val", validated, heads["val"], objective_weights).named("val")
    metrics |= {weight_of(head): float(value) for head, value in trained.weights.items()}
    metrics |= {share_of(head): float(value) for head, value in trained.shares.items()}
    metrics["time/epoch_s"] = time.perf_counter() - started
    metrics["time/examples_per_s"] = len(order) / trained.seconds
    return metrics, trained.fault


def _append(history: dict[str, list[float]], epoch: int, metrics: Mapping[str, float]) -> None:
    for name in {**history, **metrics}:
        values = history.setdefault(name, [float("nan")] * (epoch - 1))
        values.append(metrics.get(name, float("nan")))
