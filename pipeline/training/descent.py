"""What one step descends: the heads' losses, weighted by the balancer, as gradients of every weight.

A balancer says what it needs (see `pipeline.balancers`); nothing here knows a method. Which weights heads
share is read off the graph: a weight is shared if the losses of two heads reach it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from pipeline.errors import ConfigError


@dataclass(frozen=True)
class StepGradients:
    """One step's gradients, in the order of the variables, and what the balancer was asked and answered."""

    gradients: list[Any]
    weights: Any  # (heads,) loss weight x balancer
    factors: Any  # (heads,) what the balancer's losses are multiplied by
    asked: tuple[Any, Any, Any]  # losses, labelled and gram as the balancer got them


@dataclass(frozen=True)
class ForwardPass:
    """A forward pass that a persistent tape has seen.

    Args:
        losses: one scalar per head.
        crossing: the tensors through which heads see what they share, by the layer they come from.
        regularisation: scalar tensors that are descended as they are.
        scale: factor on everything descended, for half precision.
    """

    tape: tf.GradientTape
    losses: Sequence[Any]
    crossing: Mapping[str, Any]
    regularisation: Sequence[Any]
    scale: Any


class Descent:
    """Gradients of the balanced losses.

    Args:
        variables: the trainable weights, in the order of the graph from inputs to heads.
        heads: names, in the order of the losses.
        balancer: built for these heads.
    """

    def __init__(self, variables: Sequence[keras.Variable], heads: Sequence[str], balancer: Any) -> None:
        self.variables, self.heads, self.balancer = list(variables), list(heads), balancer

    def __call__(self, passed: ForwardPass, labelled: Any, loss_weights: Any) -> StepGradients:
        """The step's gradients, times the scale.

        Args:
            labelled: (heads,) whether the batch has labels for a head.
            loss_weights: (heads,).

        Raises:
            ConfigError: while the graph is traced: a head shares nothing that could be balanced.
        """
        balancer = self.balancer
        factors = loss_weights if balancer.weighted else tf.ones_like(loss_weights)
        parts = self._parts(passed) if balancer.needs == "gram" else None
        gram = (
            None if parts is None else gram_of(parts) / passed.scale**2 * factors[:, None] * factors[None, :]
        )
        asked = tf.stack(passed.losses) * factors, tf.logical_and(labelled, loss_weights > 0), gram
        weights = loss_weights * tf.stop_gradient(balancer.weights(*asked))
        gradients = self._weighted(passed, parts, weights)
        if not balancer.scale_private:
            private = [i for i, heads in enumerate(self._reached(passed)) if len(heads) == 1]
            for i, gradient in zip(private, self._gradient(passed, private, loss_weights), strict=True):
                gradients[i] = gradient
        return StepGradients(gradients, weights, factors, asked)

    def _weighted(self, passed: ForwardPass, parts: list[list[Any]] | None, weights: Any) -> list[Any]:
        everything = list(range(len(self.variables)))
        if parts is None or self.balancer.level == "last_shared":
            return self._gradient(passed, everything, weights)
        if self.balancer.level == "representation":
            return self._through_crossing(passed, parts, weights)
        # The heads' own gradients are there already: added up, they spare a pass.
        shared = self._shared(passed)
        rest = [i for i in everything if i not in shared]
        gradients: list[Any] = [None] * len(everything)
        for i, gradient in zip(rest, self._gradient(passed, rest, weights), strict=True):
            gradients[i] = gradient
        for place, i in enumerate(shared):
            gradients[i] = tf.add_n([weights[k] * part[place] for k, part in enumerate(parts)])
        return self._regularised(passed, gradients, shared)

    def _through_crossing(self, passed: ForwardPass, parts: list[list[Any]], weights: Any) -> list[Any]:
        """One backward pass through what heads share, however many heads there are."""
        tensors = list(passed.crossing.values())
        sent = [tf.add_n([weights[k] * part[i] for k, part in enumerate(parts)]) for i in range(len(tensors))]
        below = passed.tape.gradient(tensors, self.variables, output_gradients=sent)
        above = [i for i, gradient in enumerate(below) if gradient is None]
        for i, gradient in zip(above, self._gradient(passed, above, weights), strict=True):
            below[i] = gradient
        return self._regularised(passed, below, [i for i in range(len(below)) if i not in above])

    def _gradient(self, passed: ForwardPass, places: Sequence[int], weights: Any) -> list[Any]:
        """Gradient of the weighted losses and the regularisation for the variables at these places."""
        targets = [*passed.losses, *passed.regularisation]
        sent = [weights[k] * passed.scale for k in range(len(passed.losses))]
        sent += [passed.scale * tf.ones_like(one) for one in passed.regularisation]
        return passed.tape.gradient(targets, [self.variables[i] for i in places], output_gradients=sent)

    def _regularised(self, passed: ForwardPass, gradients: list[Any], places: Sequence[int]) -> list[Any]:
        if not passed.regularisation:
            return gradients
        sent = [passed.scale * tf.ones_like(one) for one in passed.regularisation]
        more = passed.tape.gradient(
            list(passed.regularisation), [self.variables[i] for i in places], output_gradients=sent
        )
        for i, gradient in zip(places, more, strict=True):
            gradients[i] = gradients[i] if gradient is None else gradients[i] + gradient
        return gradients

    def _parts(self, passed: ForwardPass) -> list[list[Any]]:
        """Each head's gradients with respect to what the level names; unconnected ones are zeros."""
        if self.balancer.level == "representation":
            sources = list(passed.crossing.values())
        else:
            shared = self._shared(passed)
            places = shared if self.balancer.level == "parameters" else self._last_layer(shared)
            sources = [self.variables[i] for i in places]
        by_head = [
            passed.tape.gradient(loss, sources, output_gradients=passed.scale) for loss in passed.losses
        ]
        return [
            [tf.zeros_like(source) if one is None else one for one, source in zip(part, sources, strict=True)]
            for part in by_head
        ]

    def _shared(self, passed: ForwardPass) -> list[int]:
        """Places of the variables that more than one head reaches; of a single head, all that it reaches."""
        reached = self._reached(passed)
        if len(self.heads) == 1:
            return [i for i, heads in enumerate(reached) if heads]
        found = [i for i, heads in enumerate(reached) if len(heads) > 1]
        for k, name in enumerate(self.heads):
            if not any(k in reached[i] for i in found):
                raise ConfigError("balancer", f"head {name} shares no weights with another head", found=name)
        return found

    def _reached(self, passed: ForwardPass) -> list[set[int]]:
        # While a graph is traced an unconnected gradient is None; gradients that nobody uses are pruned.
        by_head = [passed.tape.gradient(loss, self.variables) for loss in passed.losses]
        return [
            {k for k, gradients in enumerate(by_head) if gradients[i] is not None}
            for i in range(len(self.variables))
        ]

    def _last_layer(self, shared: Sequence[int]) -> list[int]:
        layers = [self.variables[i].path.rsplit("/", 1)[0] for i in shared]
        return [i for i, layer in zip(shared, layers, strict=True) if layer == layers[-1]]


def gram_of(parts: Sequence[Sequence[Any]]) -> Any:
    """Products of the heads' gradients, (heads, heads) float32; each head's is a list of tensors."""
    flat = [tf.concat([tf.reshape(tf.cast(g, tf.float32), [-1]) for g in part], axis=0) for part in parts]
    return tf.matmul(tf.stack(flat), tf.stack(flat), transpose_b=True)
