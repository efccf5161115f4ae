"""Trains or evaluates whole epochs as TensorFlow graphs.

In small models a Python loop over batches, such as that of `fit` in Keras, takes longer than the arithmetic.
Here one call of a graph runs many steps: it gathers the rows, takes the step and sums up the losses. Python
sees the results once per epoch, or in long epochs about once per second.
"""

import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline import signals
from pipeline.balancers import Balancer
from pipeline.data.feed import Rows, Stream, weight_key
from pipeline.model import decode, encode, forward
from pipeline.model.stand_in import set_means
from pipeline.modulation import Modulation, Off
from pipeline.training.descent import Descent, ForwardPass, StepGradients
from pipeline.training.epoch import Epoch, KeptOutputs, NotFiniteError, skipped_sums, step_sums, zero_sums
from pipeline.training.fault import Fault, all_finite, find_fault
from pipeline.training.head_loss import HeadLoss
from pipeline.training.loop import loop_over, spans
from pipeline.training.updates import Updates
from pipeline.training.weight_average import WeightAverage

Array = NDArray[Any]
EVALUATION_BATCH = 256  # rows per step of an evaluation; has no effect on results
PIECE = 8_000_000  # float32 cells of the outputs of all heads that one call of the graph returns
LARGEST_OUTPUTS = 50_000_000  # float32 cells of the training outputs that are kept for metrics


class Trainer:
    """Trains a model on the balanced losses of its heads with one optimizer.

    Args:
        model: prepared inputs -> raw outputs, both by name.
        presenter: raw outputs -> outputs in readable form: probabilities, or numbers in original units.
        losses: one per head.
        balancer: see `pipeline.balancers`; built for these heads.
        optimizer: any Keras optimizer; it does the clipping, accumulation and loss scaling.
        batch_size: rows per step; the last step of an epoch may have fewer.
        rates: layer name -> factor on the updates of its weights, 0 to freeze them; 1 for other layers.
        jit: compile each step with XLA.
        modulation: see `pipeline.modulation`; built for the model's branches.
        average: decay of `WeightAverage`, whose weights the model has after each epoch; None for none.
        on_nan: "stop" ends an epoch at the first step whose loss or gradient is not finite, with the weights
            before it; "skip" leaves out the updates of such steps.
    """

    def __init__(
        self,
        model: keras.Model,
        presenter: keras.Model,
        losses: Mapping[str, HeadLoss],
        balancer: Balancer,
        optimizer: keras.optimizers.Optimizer,
        *,
        batch_size: int,
        rates: Mapping[str, float] | None = None,
        jit: bool = False,
        modulation: Modulation | None = None,
        average: float | None = None,
        on_nan: str = "stop",
    ) -> None:
        self.model, self.presenter, self.losses = model, presenter, dict(losses)
        self.balancer, self.optimizer, self.batch_size = balancer, optimizer, batch_size
        self.modulation = modulation or Off()
        rates = rates or {}
        for layer, rate in rates.items():
            if rate == 0:
                model.get_layer(layer).trainable = False
        self.updates = Updates(model, optimizer, rates, self.modulation)
        self.variables: Sequence[keras.Variable] = model.trainable_variables
        self.average = None if average is None else WeightAverage(self.variables, average)
        self.descent = Descent(self.variables, list(losses), balancer)
        weights = {id(variable) for variable in model.weights}
        # Variables that are not weights: the random states of dropout.
        self.random_states = [variable for variable in model.variables if id(variable) not in weights]
        optimizer.build(self.variables)
        # Callbacks look for the optimizer on the model.
        model.optimizer = optimizer
        step = tf.function(self._step, jit_compile=True, autograph=False) if jit else self._step
        # A stream's last window is shorter than the others, so the traced number of rows is relaxed.
        graph = partial(tf.function, autograph=False, reduce_retracing=True)
        self._train_graph = graph(loop_over(step, model, presenter))
        self._evaluate_graph = graph(loop_over(self._evaluation_step, model, presenter))
        self.skips = on_nan == "skip"
        self.faulty = tf.Variable(False, trainable=False)  # whether the epoch had a step that is not finite
        self.width = sum(output.shape[-1] for output in model.output.values())  # of all outputs together
        self._zero_sums = zero_sums(len(self.losses))
        self._traced: dict[Any, tuple[Any, int, Any]] = {}

    def train(
        self,
        rows: Rows | Stream,
        order: Array,
        loss_weights: Array,
        watch: Callable[[int], None] | None = None,
    ) -> Epoch:
        """Train one epoch.

        Args:
            order: row numbers (rows,), in the order in which they are used.
            loss_weights: (heads,).
            watch: called about once per second with the number of rows done.

        Raises:
            NotFiniteError: a loss or gradient became NaN or infinite, in every step if those are skipped.
        """
        if self.average:
            self.average.hide()
        self.faulty.assign(False)
        output_rows = min(len(order), LARGEST_OUTPUTS // self.width)
        epoch = self._run(self._train_graph, rows, order, loss_weights, self.batch_size, watch, output_rows)
        means = [epoch.losses.get(name, float("nan")) for name in self.losses]
        self.balancer.on_epoch_end(tf.constant(means, tf.float32))
        if epoch.fault and not epoch.losses:
            raise NotFiniteError(
                f"every step of the epoch was skipped: {epoch.fault.sentence()}", epoch.fault
            )
        if self.average:
            self.average.show()
        set_means(self.model, rows)
        return epoch

    def evaluate(self, rows: Rows | Stream) -> Epoch:
        """Evaluate the model on the rows, in their order, without training.

        Raises:
            NotFiniteError: a head's loss is NaN or infinite.
        """
        weights = np.zeros(len(self.losses), np.float32)
        order = np.arange(len(rows))
        return self._run(self._evaluate_graph, rows, order, weights, EVALUATION_BATCH, None, len(rows))

    def training_losses(self, labels: Any, outputs: Any) -> list[Any]:
        """Return each head's training loss, with class factors and row weights."""
        return self._weighted(self._head_losses(labels, outputs)[0], labels, outputs)

    def _step(self, inputs: Any, labels: Any, loss_weights: Any, number: Any) -> tuple[Any, Any]:
        """Update the model on one batch, if all is finite; return its raw outputs and the step's sums."""
        states = [tf.identity(state.value) for state in self.random_states]
        with tf.GradientTape(persistent=True) as tape:
            features = encode(self.model, inputs, training=True)
            representations, outputs = decode(self.model, features, self.losses, training=True)
            losses, counts = self._head_losses(labels, outputs)
            training_losses = self._weighted(losses, labels, outputs)
            regularisation = self.model.losses  # computed here, so that the tape records it
        scale = tf.cast(self.optimizer.scale_loss(1.0), tf.float32)
        forward_pass = ForwardPass(tape, training_losses, representations, regularisation, scale)
        step = self.descent(forward_pass, tf.stack(counts) > 0, loss_weights)
        updates = keras.ops.convert_to_tensor(self.optimizer.iterations)
        factors = self.modulation.factors(self.model, self.losses, features, labels, loss_weights, updates)
        sums = step_sums(losses, counts, step.weights, self._regularisation(), training_losses)

        def update() -> tuple[Any, Any, Any]:
            self.updates.apply(step.gradients, self.variables, factors)
            if self.average:
                self.average.update()
            self._update_balancer(step, inputs, labels, states)
            return sums

        def leave_out() -> tuple[Any, Any, Any]:
            # The same dropout masks again, for whoever looks for the cause.
            for state, value in zip(self.random_states, states, strict=True):
                state.assign(value)
            return skipped_sums(len(self.losses), number, is_first)

        is_first = tf.logical_not(self.faulty)
        good = all_finite([*losses, *training_losses, *self._unscaled(step.gradients)])
        if not self.skips:
            good = tf.logical_and(good, is_first)
        sums = tf.cond(good, update, leave_out)
        self.faulty.assign(tf.logical_or(self.faulty, tf.logical_not(good)))
        return outputs, sums

    def _unscaled(self, gradients: list[Any]) -> list[Any]:
        """Return the gradients that must be finite: none with loss scaling, which deals with overflows."""
        return [] if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer) else gradients

    def _update_balancer(self, step: StepGradients, inputs: Any, labels: Any, states: list[Any]) -> None:
        """Update the balancer's state, unless half precision overflowed in this step."""
        losses_after = None
        if self.balancer.needs_losses_after:
            # The same dropout masks as before the step, so that only the update changes the losses.
            for state, value in zip(self.random_states, states, strict=True):
                state.assign(value)
            _, outputs = forward(self.model, inputs, self.losses, training=True)
            losses_after = tf.stack(self.training_losses(labels, outputs)) * step.factors

        def update() -> Any:
            self.balancer.update(*step.balancer_inputs, losses_after=losses_after)
            return tf.constant(True)

        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = [gradient for gradient in step.gradients if gradient is not None]
            finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
            tf.cond(finite, update, lambda: tf.constant(False))
        else:
            update()

    def _evaluation_step(self, inputs: Any, labels: Any, loss_weights: Any, number: Any) -> tuple[Any, Any]:
        _, outputs = forward(self.model, inputs, self.losses, training=False)
        losses, counts = self._head_losses(labels, outputs)
        return outputs, step_sums(losses, counts, loss_weights, self._regularisation(), losses)

    def _head_losses(self, labels: Any, outputs: Any) -> tuple[list[Any], list[Any]]:
        """Return each head's logged loss and number of labelled cells."""
        pairs = [loss(labels[head], outputs[head]) for head, loss in self.losses.items()]
        return [loss for loss, _ in pairs], [count for _, count in pairs]

    def _weighted(self, logged_losses: list[Any], labels: Any, outputs: Any) -> list[Any]:
        """Return the training losses; that of a head without weights is its logged loss."""
        weights = {head: labels.get(weight_key(head)) for head in self.losses}
        return [
            logged
            if loss.factors is None and weights[head] is None
            else loss.training_loss(labels[head], outputs[head], weights[head])
            for logged, (head, loss) in zip(logged_losses, self.losses.items(), strict=True)
        ]

    def _regularisation(self) -> Any:
        return tf.add_n(self.model.losses) if self.model.losses else tf.constant(0.0)

    def _run(
        self,
        graph: Any,
        rows: Rows | Stream,
        order: Array,
        loss_weights: Array,
        batch: int,
        watch: Callable[[int], None] | None,
        output_rows: int,
    ) -> Epoch:
        """Run a graph over the rows and keep the outputs of the first `output_rows` of them."""
        started = time.perf_counter()
        order = rows.arrange(order, batch)
        weights, size = tf.constant(loss_weights, tf.float32), tf.constant(batch)
        sums = self._zero_sums
        done, kept = 0, KeptOutputs(output_rows)
        fault: Fault | None = None
        for window, positions in rows.windows(order, batch):
            data = dict(window.inputs), dict(window.labels), tf.constant(positions, tf.int32)
            for first, last in spans(-(-len(positions) // batch), max(1, PIECE // (batch * self.width))):
                arguments = *data, weights, size, tf.constant(first), tf.constant(last), sums
                outputs, sums = self._concrete(graph, window, arguments)(*arguments)
                if fault is None and graph is self._train_graph and self.faulty:
                    start = int(sums[2][1]) * batch
                    fault = self._fault(
                        window, positions[start : start + batch], order[done:][start : start + batch]
                    )
                    if not self.skips:
                        raise NotFiniteError(fault.sentence(), fault)
                kept.add(*outputs)
                signals.check()
                if watch:
                    watch(done + min(last * batch, len(positions)))
            done += len(positions)
        used = order[:output_rows]
        try:
            return Epoch.of_sums(
                sums,
                list(self.losses),
                -(-done // batch),
                raw=kept.raw,
                outputs=kept.readable,
                order=used,
                seconds=time.perf_counter() - started,
                fault=fault,
            )
        except NotFiniteError as error:
            broken = ~np.all([np.isfinite(values).all(axis=1) for values in kept.raw.values()], axis=0)
            worst = used[broken][:batch]
            fault = self._fault(rows, worst, worst)
            raise NotFiniteError(f"{error}{fault.details()}", fault) from error

    def _fault(self, rows: Rows | Stream, taken: Array, in_split: Array) -> Fault:
        """Look for what is not finite in some rows, whose numbers in the split are `in_split`."""
        batch = rows.take(taken)
        return find_fault(self.model, self.training_losses, list(self.losses), batch, in_split)

    def _concrete(self, graph: Any, window: Rows, arguments: tuple[Any, ...]) -> Any:
        """Return the traced graph for these arguments; cached, as the look-up takes 10 % of a short epoch."""
        cached_window, count, concrete = self._traced.get(graph, (None, 0, None))
        if cached_window is None or cached_window() is not window or count != len(arguments[2]):
            concrete = graph.get_concrete_function(*arguments)
            self._traced[graph] = weakref.ref(window), len(arguments[2]), concrete
        return concrete
