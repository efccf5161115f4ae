"""The compiled training loop: whole epochs as one graph, per-head losses kept apart.

A Python loop over batches, or `fit` with its per-batch calls, spends most of the time of a small model
outside of the arithmetic. Here one call runs many steps: rows are gathered, the step is taken and sums are
kept in the graph. Python sees the numbers at the end of an epoch, or about once a second inside a long one.
"""

import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.data.feed import Rows, Stream, weight_key
from pipeline.model import decode, encode, forward
from pipeline.model.layer_names import branch_layer
from pipeline.model.stand_in import set_means
from pipeline.modulation import Off
from pipeline.training.descent import Descent, ForwardPass, StepGradients
from pipeline.training.head_loss import HeadLoss
from pipeline.training.loop import loop_over, spans

Array = NDArray[Any]
EVALUATION_BATCH = 256  # rows at a time where nothing is learned; changes no result
LARGEST_OUTPUTS = 50_000_000  # float32 cells of a stream's training outputs that are kept for metrics


class NotFiniteError(ArithmeticError):
    """A head's loss became NaN or infinite, so the weights are worthless from here on."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over a split gave.

    Args:
        losses: head -> mean loss over its labelled cells; a head without any is absent.
        regularisation: mean over the batches.
        weights: head -> mean weight in force (loss weight x balancer); empty where nothing was learned.
        shares: head -> its part of the loss that was descended.
        raw: head -> raw outputs (rows, width), as its loss wants them.
        outputs: head -> the same, presented.
        order: the row of the split that each row of the outputs belongs to: all rows, unless a stream was
            trained on whose outputs are too many to keep; then the first ones, drawn by the shuffling.
        seconds: how long it took.
    """

    losses: dict[str, float]
    regularisation: float
    weights: dict[str, float]
    shares: dict[str, float]
    raw: dict[str, Array]
    outputs: dict[str, Array]
    order: Array
    seconds: float


class Trainer:
    """Trains a model head by head's loss, weighted, by one optimizer.

    Args:
        model: prepared inputs to raw outputs, both by name.
        presenter: raw outputs to what people read.
        losses: one per head.
        balancer: see `pipeline.balancers`.
        optimizer: any Keras optimizer; clipping, accumulation and loss scaling are its own.
        batch_size: rows per step; the last step of an epoch takes what is left.
        rates: part name -> factor on the updates of its weights; 1 where not named.
        jit: compile each step with XLA.
        modulation: holds back branches that are ahead, see `pipeline.modulation`.
    """

    def __init__(
        self,
        model: keras.Model,
        presenter: keras.Model,
        losses: Mapping[str, HeadLoss],
        balancer: Any,
        optimizer: keras.optimizers.Optimizer,
        *,
        batch_size: int,
        rates: Mapping[str, float] | None = None,
        jit: bool = False,
        modulation: Any = None,
    ) -> None:
        self.model, self.presenter, self.losses = model, presenter, dict(losses)
        self.balancer, self.optimizer, self.batch_size = balancer, optimizer, batch_size
        rates = rates or {}
        for part, rate in rates.items():
            if rate == 0:
                model.get_layer(part).trainable = False
        self.modulation: Any = modulation or Off()
        branches = [branch_layer(name) for name in model.input] if self.modulation.modulates else []
        self.slowed = [
            (rates.get(part, 1.0), part, variable)
            for part in dict.fromkeys([*rates, *branches])
            if part in branches or rates[part] not in (0, 1)
            for variable in model.get_layer(part).trainable_variables
        ]
        self.variables = model.trainable_variables
        self.descent = Descent(self.variables, list(losses), balancer)
        # What dropout draws from: the variables that are no weights.
        weights = {id(variable) for variable in model.weights}
        self.noise = [variable for variable in model.variables if id(variable) not in weights]
        optimizer.build(self.variables)
        # Callbacks look for the optimizer on the model.
        model.optimizer = optimizer
        step = tf.function(self._step, jit_compile=True, autograph=False) if jit else self._step
        # A stream's last window is shorter than the others: the second length of all is traced for any.
        graph = partial(tf.function, autograph=False, reduce_retracing=True)
        self._train_graph = graph(loop_over(step, model, presenter))
        self._evaluate_graph = graph(loop_over(self._look, model, presenter))
        self._nothing = tf.zeros((4, len(self.losses)), tf.float64), tf.zeros((), tf.float64)
        self._traced: dict[Any, tuple[Any, int, Any]] = {}

    def train(
        self,
        rows: Rows | Stream,
        order: Array,
        loss_weights: Array,
        watch: Callable[[int], None] | None = None,
    ) -> Epoch:
        """One epoch over `rows` in an order of (rows,) ints; `watch` hears of the rows done, each second."""
        keep = LARGEST_OUTPUTS // sum(x.shape[-1] for x in self.model.output.values())
        kept = keep if isinstance(rows, Stream) else len(order)
        epoch = self._run(self._train_graph, rows, order, loss_weights, self.batch_size, watch, kept)
        means = [epoch.losses.get(name, float("nan")) for name in self.losses]
        self.balancer.on_epoch_end(tf.constant(means, tf.float32))
        set_means(self.model, rows)
        return epoch

    def evaluate(self, rows: Rows | Stream) -> Epoch:
        """One pass without learning, in the order of the rows."""
        weights = np.zeros(len(self.losses), np.float32)
        order = np.arange(len(rows))
        return self._run(self._evaluate_graph, rows, order, weights, EVALUATION_BATCH, None, len(rows))

    def _step(self, inputs: Any, labels: Any, loss_weights: Any) -> tuple[Any, Any]:
        """One update; returns the raw outputs and what is summed over the steps."""
        states = [tf.identity(state.value) for state in self.noise]
        with tf.GradientTape(persistent=True) as tape:
            features = encode(self.model, inputs, training=True)
            crossing, outputs = decode(self.model, features, self.losses, training=True)
            losses, numbers = self._head_losses(labels, outputs)
            sent = self._weighted(losses, labels, outputs)
        scale = tf.cast(self.optimizer.scale_loss(1.0), tf.float32)
        passed = ForwardPass(tape, sent, crossing, self.model.losses, scale)
        descended = self.descent(passed, tf.stack(numbers) > 0, loss_weights)
        step = self.optimizer.iterations
        factors = self.modulation.factors(
            self.model, self.losses, features, labels, loss_weights, keras.ops.convert_to_tensor(step)
        )
        self._apply(descended.gradients, {branch_layer(name): factor for name, factor in factors.items()})
        self._move_balancer(descended, inputs, labels, states)
        return outputs, _sums(losses, numbers, descended.weights, self._regularisation(), sent)

    def _move_balancer(self, descended: StepGradients, inputs: Any, labels: Any, states: list[Any]) -> None:
        """Let the balancer move its state on, unless half precision overflowed in this step."""
        after = None
        if self.balancer.needs_losses_after:
            # The same dropout as before the step: else its noise would pass for progress.
            for state, value in zip(self.noise, states, strict=True):
                state.assign(value)
            _, outputs = forward(self.model, inputs, self.losses, training=True)
            after = tf.stack(self.descended_losses(labels, outputs)) * descended.factors

        def move() -> Any:
            self.balancer.update(*descended.asked, losses_after=after)
            return tf.constant(True)

        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            known = [gradient for gradient in descended.gradients if gradient is not None]
            finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in known])
            tf.cond(finite, move, lambda: tf.constant(False))
        else:
            move()

    def _look(self, inputs: Any, labels: Any, loss_weights: Any) -> tuple[Any, Any]:
        _, outputs = forward(self.model, inputs, self.losses, training=False)
        losses, numbers = self._head_losses(labels, outputs)
        return outputs, _sums(losses, numbers, loss_weights, self._regularisation(), losses)

    def _head_losses(self, labels: Any, outputs: Any) -> tuple[Any, Any]:
        pairs = [loss(labels[head], outputs[head]) for head, loss in self.losses.items()]
        return [mean for mean, _ in pairs], [number for _, number in pairs]

    def descended_losses(self, labels: Any, outputs: Any) -> list[Any]:
        """Each head's loss as training descends it: with the weights of classes and rows."""
        return self._weighted(self._head_losses(labels, outputs)[0], labels, outputs)

    def _weighted(self, means: list[Any], labels: Any, outputs: Any) -> list[Any]:
        weights = {head: labels.get(weight_key(head)) for head in self.losses}
        return [
            mean
            if loss.factors is None and weights[head] is None
            else loss.descended(labels[head], outputs[head], weights[head])
            for mean, (head, loss) in zip(means, self.losses.items(), strict=True)
        ]

    def _regularisation(self) -> Any:
        return tf.add_n(self.model.losses) if self.model.losses else tf.constant(0.0)

    def _apply(self, gradients: list[Any], factors: Mapping[str, Any]) -> None:
        before = [tf.identity(variable.value) for _, _, variable in self.slowed]
        self.optimizer.apply(gradients, self.variables)
        # The factor scales the update: scaling a gradient would do nothing under Adam.
        for place, ((rate, part, variable), old) in enumerate(zip(self.slowed, before, strict=True)):
            change = rate * (variable.value - old)
            if part in factors:
                step = self.optimizer.iterations
                change = self.modulation.modulate(
                    change, factors[part], place, keras.ops.convert_to_tensor(step)
                )
            variable.assign(old + change)

    def _run(
        self,
        graph: Any,
        rows: Rows | Stream,
        order: Array,
        loss_weights: Array,
        batch: int,
        watch: Callable[[int], None] | None,
        kept: int,
    ) -> Epoch:
        started = time.perf_counter()
        order = rows.arrange(order, batch)
        weights, size = tf.constant(loss_weights, tf.float32), tf.constant(batch)
        sums = self._nothing
        done, pieces = 0, []
        for window, here in rows.windows(order, batch):
            data = dict(window.inputs), dict(window.labels), tf.constant(here, tf.int32)
            for first, last in spans(-(-len(here) // batch)):
                given = *data, weights, size, tf.constant(first), tf.constant(last), sums
                outputs, sums = self._graph_of(graph, window, given)(*given)
                if done + first * batch < kept:
                    pieces.append(outputs)
                if watch:
                    watch(done + min(last * batch, len(here)))
            done += len(here)
        raw, outputs = (
            {head: np.concatenate([piece[kind][head].numpy() for piece in pieces]) for head in self.losses}
            for kind in (0, 1)
        )
        order = order[: len(next(iter(raw.values())))]
        return self._epoch(raw, outputs, order, sums, -(-done // batch), time.perf_counter() - started)

    def _graph_of(self, graph: Any, window: Rows, given: tuple[Any, ...]) -> Any:
        """What is traced for these arguments; to look that up anew takes a tenth of a short epoch."""
        rows, number, traced = self._traced.get(graph, (None, 0, None))
        if rows is None or rows() is not window or number != len(given[2]):
            traced = graph.get_concrete_function(*given)
            self._traced[graph] = weakref.ref(window), len(given[2]), traced
        return traced

    def _epoch(
        self,
        raw: dict[str, Array],
        outputs: dict[str, Array],
        order: Array,
        sums: Any,
        steps: int,
        seconds: float,
    ) -> Epoch:
        (totals, numbers, weights, descended), regularisation = sums[0].numpy(), float(sums[1].numpy())
        names = list(self.losses)
        for name, total in zip(names, totals, strict=True):
            if not np.isfinite(total):
                raise NotFiniteError(f"the loss of head {name} is {total}")
        shares = descended / max(descended.sum(), np.finfo(float).tiny)
        return Epoch(
            losses={name: total / n for name, total, n in zip(names, totals, numbers, strict=True) if n},
            regularisation=regularisation / steps,
            weights=dict(zip(names, weights / steps, strict=True)),
            shares=dict(zip(names, shares, strict=True)),
            raw=raw,
            outputs=outputs,
            order=order,
            seconds=seconds,
        )


def _sums(
    means: list[Any], counts: list[Any], weights: Any, regularisation: Any, descended: list[Any]
) -> tuple[Any, Any]:
    """What is added up: (loss x labelled cells, labelled cells, weight, weight x descended loss)."""
    losses, numbers = tf.stack(means), tf.stack(counts)
    return (
        tf.cast(tf.stack([losses * numbers, numbers, weights, weights * tf.stack(descended)]), tf.float64),
        tf.cast(regularisation, tf.float64),
    )
