"""Modulations slow down the branch that is ahead, so that the others can catch up.

All branches learn from the same residual, the difference between the heads' outputs and the labels. Once a
fast branch has made it small, a slow branch has little left to learn from.

A modulation has these members:

modulates: bool             whether it ever changes an update.
build(branches, steps)      called once; `steps` is the number of optimizer updates per epoch.
factors(model, losses, features, labels, loss_weights, step) -> {branch: scalar}
                            runs inside a graph and must not change any state; `step`: updates so far.
modulate(change, factor, index, step) -> the modulated change of a weight; `index` numbers the weights.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.model import decode
from pipeline.model.layer_names import FUSION, head_layer


class Modulation(Protocol):
    """The interface of a modulation; the module's docstring describes it."""

    modulates: ClassVar[bool]

    def build(self, branches: Sequence[str], steps: int) -> None: ...

    def factors(
        self, model: Any, losses: Any, features: Any, labels: Any, loss_weights: Any, step: Any
    ) -> dict[str, Any]: ...

    def modulate(self, change: Any, factor: Any, index: int, step: Any) -> Any: ...


@dataclass(kw_only=True)
class Off:
    """Does not modulate any branch."""

    modulates: ClassVar[bool] = False

    def build(self, branches: Sequence[str], steps: int) -> None:
        return

    def factors(
        self, model: Any, losses: Any, features: Any, labels: Any, loss_weights: Any, step: Any
    ) -> dict[str, Any]:
        return {}

    def modulate(self, change: Any, factor: Any, index: int, step: Any) -> Any:
        return change


@dataclass(kw_only=True)
class OGMGE:
    """On-the-fly gradient modulation with generalisation enhancement.

    Peng, Wei, Deng, Wang & Hu 2022, arXiv:2203.15332: with s_m the summed probability of the true class from
    branch m alone and ρ_m = s_m / s_other, k_m = 1 - tanh(α ρ_m) where ρ_m > 1, else 1; the gradient of
    branch m is multiplied by k_m, and where k_m < 1, noise with the standard deviation of its entries is
    added. In this implementation:

    - k_m multiplies the *update* of the branch's weights, after the optimizer: optimizers such as Adam divide
      by the gradient's size and so undo a factor on the gradient. With SGD both are the same. The noise has
      the standard deviation of the update's entries, per tensor.
    - Branch m alone means the fusion's output with the other branches' features at 0 and without dropout.
      With a linear fusion that is W_m h_m + b; the paper uses b / 2.
    - With more than two branches ρ_m is s_m over the mean of the others.
    - s_m is the mean of exp(-loss) over the labelled cells. With cross-entropy that is the probability of the
      true class; for numbers it is between 0 and 1 too. With several heads on the fusion it is their sum,
      weighted by the loss weights.

    Args:
        alpha: strength; 0 has no effect.
        epochs: number of epochs with modulation; later every factor is 1.
        add_noise: false: OGM only, without noise.
        seed: seed of the noise.
    """

    modulates: ClassVar[bool] = True
    alpha: float = 0.3
    epochs: int = 50
    add_noise: bool = True
    seed: int = 0

    def build(self, branches: Sequence[str], steps: int) -> None:
        """Compute the last step with modulation.

        Raises:
            ConfigError: there is only one branch.
        """
        if len(branches) < 2:
            raise ConfigError(
                "modulation", "it needs at least two branches", found=list(branches), allowed="off"
            )
        self._last_step = self.epochs * steps

    def factors(
        self,
        model: Any,
        losses: Mapping[str, Any],
        features: Mapping[str, Any],
        labels: Mapping[str, Any],
        loss_weights: Any,
        step: Any,
    ) -> dict[str, Any]:
        """Return branch -> factor on its update, > 0 and <= 1."""
        scores = {
            branch: solo_score(model, losses, features, labels, loss_weights, branch) for branch in features
        }
        total, others = tf.add_n(list(scores.values())), len(scores) - 1
        factors = {}
        for branch, score in scores.items():
            ratio = tf.math.divide_no_nan(score * others, total - score)
            ahead = tf.logical_and(ratio > 1.0, tf.cast(step, tf.int64) < self._last_step)
            factors[branch] = tf.where(ahead, 1.0 - tf.tanh(self.alpha * ratio), 1.0)
        return factors

    def modulate(self, change: Any, factor: Any, index: int, step: Any) -> Any:
        """Scale a weight's change and add noise; each `index` and step has its own noise."""
        factor = tf.cast(factor, change.dtype)
        if not self.add_noise:
            return factor * change
        key = tf.stack([tf.constant(self.seed * 100_003 + index, tf.int64), tf.cast(step, tf.int64)])
        noise = tf.random.stateless_normal(tf.shape(change), key, dtype=change.dtype)
        return factor * change + tf.where(factor < 1, tf.math.reduce_std(change), 0) * noise


def solo_score(
    model: Any,
    losses: Mapping[str, Any],
    features: Mapping[str, Any],
    labels: Mapping[str, Any],
    loss_weights: Any,
    branch: str,
) -> Any:
    """Return the heads' mean of exp(-loss) from one branch alone: from 0 to the sum of the loss weights."""
    only_this = {name: x if name == branch else tf.zeros_like(x) for name, x in features.items()}
    indices = [i for i, head in enumerate(losses) if model.get_layer(head_layer(head)).reads == FUSION]
    heads = [list(losses)[i] for i in indices]
    _, outputs = decode(model, only_this, heads, training=False)
    scores = []
    for i, head in zip(indices, heads, strict=True):
        cells, labelled = losses[head].cell_losses(labels[head], outputs[head])
        total = tf.reduce_sum(tf.where(labelled, tf.exp(-cells), 0.0))
        number = tf.reduce_sum(tf.cast(labelled, tf.float32))
        scores.append(loss_weights[i] * tf.math.divide_no_nan(total, number))
    return tf.add_n(scores)
