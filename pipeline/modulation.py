"""Holding back the branch that already knows most, so that the others catch up.

All branches receive one residual, the difference between what the heads say and what is true. Once a fast
branch has made it small, a slow one has nothing left to learn from.

A modulation has
modulates: bool             whether it ever scales an update.
build(branches, steps)      once; `steps` are the optimizer's updates of an epoch.
factors(model, losses, features, labels, loss_weights, step) -> branch -> scalar
                            graph code; changes nothing. `step`: updates so far.
moved(change, factor, place, step) -> what a weight moves by instead of `change`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import tensorflow as tf

from pipeline.errors import ConfigError
from pipeline.model import decode
from pipeline.model.layer_names import FUSION, head_layer


@dataclass(kw_only=True)
class Off:
    """Every branch learns at its own pace."""

    modulates: ClassVar[bool] = False

    def build(self, branches: Sequence[str], steps: int) -> None:
        return

    def factors(
        self, model: Any, losses: Any, features: Any, labels: Any, loss_weights: Any, step: Any
    ) -> dict[str, Any]:
        return {}


@dataclass(kw_only=True)
class OGMGE:
    """On-the-fly gradient modulation with generalisation enhancement.

    Peng, Wei, Deng, Wang & Hu 2022, arXiv:2203.15332: with s_m the summed probability of the true class from
    branch m alone and ρ_m = s_m / s_other, k_m = 1 - tanh(α ρ_m) where ρ_m > 1, else 1; the gradient of
    branch m is multiplied by k_m, and gets noise of the spread of its entries where it is held back. Here:

    - k_m multiplies the *update* of the branch's weights, after the optimizer: an optimizer that divides by
      the gradient's own size undoes any factor on the gradient. With plain descent both are the same. The
      noise has the spread of the update's entries, tensor by tensor.
    - A branch alone is the fusion with the others' features at 0. With a linear fusion that is the paper's
      W_m h_m + b, but for its b / 2. Dropout is off for it.
    - Of more than two branches ρ_m is s_m over the mean of the others'.
    - s_m is the mean of exp(-loss) over the labelled cells, which is the probability of the true class under
      cross-entropy, and goes from 0 to 1 in the same way for numbers. Of several heads that read the fusion,
      it is the mean with their loss weights.

    Args:
        alpha: 0 changes nothing.
        epochs: the first so many; afterwards every factor is 1.
        add_noise: False leaves the noise out: OGM alone.
        seed: of the noise.
    """

    modulates: ClassVar[bool] = True
    alpha: float = 0.3
    epochs: int = 50
    add_noise: bool = True
    seed: int = 0

    def build(self, branches: Sequence[str], steps: int) -> None:
        """Take the branches' number and the updates of an epoch.

        Raises:
            ConfigError: there is one branch only.
        """
        if len(branches) < 2:
            raise ConfigError(
                "modulation", "one branch has no other to wait for", found=list(branches), allowed="off"
            )
        self._until = self.epochs * steps

    def factors(
        self,
        model: Any,
        losses: Mapping[str, Any],
        features: Mapping[str, Any],
        labels: Mapping[str, Any],
        loss_weights: Any,
        step: Any,
    ) -> dict[str, Any]:
        """Branch -> factor on its update, above 0 and at most 1."""
        scores = {branch: alone(model, losses, features, labels, loss_weights, branch) for branch in features}
        total, others = tf.add_n(list(scores.values())), len(scores) - 1
        found = {}
        for branch, score in scores.items():
            ahead = tf.math.divide_no_nan(score * others, total - score)
            held = tf.logical_and(ahead > 1.0, tf.cast(step, tf.int64) < self._until)
            found[branch] = tf.where(held, 1.0 - tf.tanh(self.alpha * ahead), 1.0)
        return found

    def moved(self, change: Any, factor: Any, place: int, step: Any) -> Any:
        """What a weight moves by; `place` tells its noise from that of others."""
        factor = tf.cast(factor, change.dtype)
        if not self.add_noise:
            return factor * change
        key = tf.stack([tf.constant(self.seed * 100_003 + place, tf.int64), tf.cast(step, tf.int64)])
        shaken = tf.random.stateless_normal(tf.shape(change), key, dtype=change.dtype)
        return factor * change + tf.where(factor < 1, tf.math.reduce_std(change), 0) * shaken


def alone(
    model: Any,
    losses: Mapping[str, Any],
    features: Mapping[str, Any],
    labels: Mapping[str, Any],
    loss_weights: Any,
    branch: str,
) -> Any:
    """How well the heads do from one branch: mean of exp(-loss), from 0 to the loss weights' sum."""
    silenced = {name: x if name == branch else tf.zeros_like(x) for name, x in features.items()}
    places = [i for i, head in enumerate(losses) if model.get_layer(head_layer(head)).reads == FUSION]
    heads = [list(losses)[i] for i in places]
    _, outputs = decode(model, silenced, heads, training=False)
    scores = []
    for i, head in zip(places, heads, strict=True):
        cells, there = losses[head].cells(labels[head], outputs[head])
        known = tf.cast(there, tf.float32)
        right = tf.reduce_sum(tf.where(there, tf.exp(-cells), 0.0))
        scores.append(loss_weights[i] * tf.math.divide_no_nan(right, tf.reduce_sum(known)))
    return tf.add_n(scores)
