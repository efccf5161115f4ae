"""Gradients of the balanced losses for one training step.

A balancer says what it needs, see `pipeline.balancers`; this module knows no particular method. It finds the
shared variables by tracing: a variable is shared if the losses of at least two heads depend on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from pipeline.balancers import Balancer
from pipeline.errors import ConfigError


@dataclass(frozen=True)
class StepGradients:
    """The gradients of one step, and the balancer's part in them.

    Args:
        gradients: one per variable; None for a variable on which no loss depends.
        weights: (heads,) loss weight x balancer weight.
        factors: (heads,) factors on the losses that the balancer gets.
        balancer_inputs: losses, labelled and gram, as the balancer got them.
    """

    gradients: list[Any]
    weights: Any
    factors: Any
    balancer_inputs: tuple[Any, Any, Any]


@dataclass(frozen=True)
class ForwardPass:
    """A forward pass that a persistent tape has recorded.

    Args:
        losses: the heads' training losses, scalars.
        representations: layer name -> the output of that layer which heads read.
        regularisation: scalars that are added to the training loss without any weight.
        scale: loss scale of half precision; all gradients are multiplied by it.
    """

    tape: tf.GradientTape
    losses: Sequence[Any]
    representations: Mapping[str, Any]
    regularisation: Sequence[Any]
    scale: Any


class Descent:
    """Computes the gradients of the balanced losses.

    Args:
        variables: the trainable variables, ordered from the model's inputs to its heads.
        heads: names of the heads, in the order of the losses.
        balancer: a balancer that was built for these heads.
    """

    def __init__(self, variables: Sequence[keras.Variable], heads: Sequence[str], balancer: Balancer) -> None:
        self.variables, self.heads, self.balancer = list(variables), list(heads), balancer

    def __call__(self, forward_pass: ForwardPass, labelled: Any, loss_weights: Any) -> StepGradients:
        """Return the step's gradients, multiplied by the loss scale.

        Args:
            forward_pass: the recorded losses.
            labelled: (heads,) whether the batch has labels for a head.
            loss_weights: (heads,).

        Raises:
            ConfigError: the balancer needs shared variables, but a head shares none; raised during tracing.
        """
        balancer = self.balancer
        factors = loss_weights if balancer.weighted else tf.ones_like(loss_weights)
        by_head = self._head_gradients(forward_pass) if balancer.needs == "gram" else None
        gram = (
            None
            if by_head is None
            else gram_of(by_head) / forward_pass.scale**2 * factors[:, None] * factors[None, :]
        )
        losses = tf.stack(forward_pass.losses) * factors
        balancer_inputs = losses, tf.logical_and(labelled, loss_weights > 0), gram
        weights = loss_weights * tf.stop_gradient(balancer.weights(*balancer_inputs))
        gradients = self._balanced(forward_pass, by_head, weights)
        if not balancer.scale_private:
            private = [i for i, heads in enumerate(self._dependent_heads(forward_pass)) if len(heads) == 1]
            plain = self._of_weighted_losses(forward_pass, private, loss_weights)
            for i, gradient in zip(private, plain, strict=True):
                gradients[i] = gradient
        return StepGradients(gradients, weights, factors, balancer_inputs)

    def _balanced(
        self, forward_pass: ForwardPass, by_head: list[list[Any]] | None, weights: Any
    ) -> list[Any]:
        indices = list(range(len(self.variables)))
        if by_head is None or self.balancer.level == "last_shared":
            return self._of_weighted_losses(forward_pass, indices, weights)
        if self.balancer.level == "representation":
            return self._through_representations(forward_pass, by_head, weights)
        # The shared variables' gradients are sums of the known gradients by head: no backward pass is needed.
        shared = self._shared(forward_pass)
        private = [i for i in indices if i not in shared]
        gradients: list[Any] = [None] * len(indices)
        for i, gradient in zip(
            private, self._of_weighted_losses(forward_pass, private, weights), strict=True
        ):
            gradients[i] = gradient
        for position, i in enumerate(shared):
            gradients[i] = tf.add_n([weights[k] * of_head[position] for k, of_head in enumerate(by_head)])
        return self._add_regularisation(forward_pass, gradients, shared)

    def _through_representations(
        self, forward_pass: ForwardPass, by_head: list[list[Any]], weights: Any
    ) -> list[Any]:
        """Backpropagate through the shared layers once, however many heads there are."""
        tensors = list(forward_pass.representations.values())
        upstream = [
            tf.add_n([weights[k] * of_head[i] for k, of_head in enumerate(by_head)])
            for i in range(len(tensors))
        ]
        gradients = forward_pass.tape.gradient(tensors, self.variables, output_gradients=upstream)
        private = [i for i, gradient in enumerate(gradients) if gradient is None]
        for i, gradient in zip(
            private, self._of_weighted_losses(forward_pass, private, weights), strict=True
        ):
            gradients[i] = gradient
        shared = [i for i in range(len(gradients)) if i not in private]
        return self._add_regularisation(forward_pass, gradients, shared)

    def _of_weighted_losses(
        self, forward_pass: ForwardPass, indices: Sequence[int], weights: Any
    ) -> list[Any]:
        """Return the gradients of the weighted losses plus the regularisation for some variables."""
        targets = [*forward_pass.losses, *forward_pass.regularisation]
        upstream = [weights[k] * forward_pass.scale for k in range(len(forward_pass.losses))]
        upstream += [forward_pass.scale * tf.ones_like(term) for term in forward_pass.regularisation]
        variables = [self.variables[i] for i in indices]
        gradients: list[Any] = forward_pass.tape.gradient(targets, variables, output_gradients=upstream)
        return gradients

    def _add_regularisation(
        self, forward_pass: ForwardPass, gradients: list[Any], indices: Sequence[int]
    ) -> list[Any]:
        if not forward_pass.regularisation:
            return gradients
        upstream = [forward_pass.scale * tf.ones_like(term) for term in forward_pass.regularisation]
        of_regularisation = forward_pass.tape.gradient(
            list(forward_pass.regularisation),
            [self.variables[i] for i in indices],
            output_gradients=upstream,
        )
        for i, gradient in zip(indices, of_regularisation, strict=True):
            gradients[i] = gradients[i] if gradient is None else gradients[i] + gradient
        return gradients

    def _head_gradients(self, forward_pass: ForwardPass) -> list[list[Any]]:
        """Return each head's gradients with respect to the balancer's level; zeros where independent."""
        if self.balancer.level == "representation":
            sources = list(forward_pass.representations.values())
        else:
            shared = self._shared(forward_pass)
            indices = shared if self.balancer.level == "parameters" else self._last_layer(shared)
            sources = [self.variables[i] for i in indices]
        by_head = [
            forward_pass.tape.gradient(loss, sources, output_gradients=forward_pass.scale)
            for loss in forward_pass.losses
        ]
        return [
            [
                tf.zeros_like(source) if gradient is None else gradient
                for gradient, source in zip(of_head, sources, strict=True)
            ]
            for of_head in by_head
        ]

    def _shared(self, forward_pass: ForwardPass) -> list[int]:
        """Return the indices of the variables that several heads share; with one head, all that it uses."""
        dependent_heads = self._dependent_heads(forward_pass)
        if len(self.heads) == 1:
            return [i for i, heads in enumerate(dependent_heads) if heads]
        shared = [i for i, heads in enumerate(dependent_heads) if len(heads) > 1]
        for k, name in enumerate(self.heads):
            if not any(k in dependent_heads[i] for i in shared):
                raise ConfigError("balancer", f"head {name} shares no weights with another head", found=name)
        return shared

    def _dependent_heads(self, forward_pass: ForwardPass) -> list[set[int]]:
        """Return for each variable the heads whose losses depend on it."""
        # In a traced graph the gradient of an independent variable is None; unused gradients are pruned.
        by_head = [forward_pass.tape.gradient(loss, self.variables) for loss in forward_pass.losses]
        return [
            {k for k, gradients in enumerate(by_head) if gradients[i] is not None}
            for i in range(len(self.variables))
        ]

    def _last_layer(self, shared: Sequence[int]) -> list[int]:
        layers = [self.variables[i].path.rsplit("/", 1)[0] for i in shared]
        return [i for i, layer in zip(shared, layers, strict=True) if layer == layers[-1]]


def gram_of(by_head: Sequence[Sequence[Any]]) -> Any:
    """Return the inner products of the heads' gradients, (heads, heads) float32.

    Args:
        by_head: for each head the same number of gradient tensors.
    """
    flat = [
        tf.concat([tf.reshape(tf.cast(gradient, tf.float32), [-1]) for gradient in of_head], axis=0)
        for of_head in by_head
    ]
    return tf.matmul(tf.stack(flat), tf.stack(flat), transpose_b=True)
