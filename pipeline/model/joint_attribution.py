"""Integrated gradients of an ensemble.

The path is that of all members at once, each from its own training mean to the row in its own embeddings. So
the attributions, summed over the members, add up to the ensemble's prediction, temperature included, minus
its prediction where every member is at its mean.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.model.attribution import Explainer
from pipeline.model.ensemble import after_members, members_of

Array = NDArray[Any]
JOINT = "|"  # between a member's place and the name of one of its entries


class JointExplainer(Explainer):
    """Explains the rows of an ensemble.

    Args:
        model: the model of `pipeline.model.ensemble.join`, or the same from a file.
        kinds, positions: as `Explainer` takes them.
        means: for each member the means of its training rows.
    """

    def __init__(
        self,
        model: keras.Model,
        kinds: Mapping[str, str],
        means: Sequence[Mapping[str, Array]],
        positions: Mapping[str, int],
    ) -> None:
        pairs = zip(members_of(model), means, strict=True)
        self.members = [Explainer(member, kinds, own, positions) for member, own in pairs]
        self.means = {str(place): own for place, own in enumerate(means) if own}
        self.model, self.positions, self.heads = model, positions, list(model.output)
        self.after = after_members(model)
        self.graph = tf.function(self._gradients, autograph=False, reduce_retracing=True)

    def entries(self, raw: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return what is differentiated by and what stays as it is, of all members."""
        entries: dict[str, Array] = {}
        fixed: dict[str, Array] = {}
        for place, member in enumerate(self.members):
            for every, own in zip((entries, fixed), member.entries(raw), strict=True):
                every.update({f"{place}{JOINT}{key}": x for key, x in own.items()})
        return entries, fixed

    def _baseline(self, key: str, entry: Array, fixed: Mapping[str, Array]) -> Array:
        place, _, own = key.partition(JOINT)
        return self.members[int(place)]._baseline(own, entry, fixed)

    def _forward(self, points: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
        outputs = [
            member._forward(_of(points, place), _of(fixed, place))
            for place, member in enumerate(self.members)
        ]
        return dict(self.after(outputs, training=False))

    def _parts(self, found: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Return the sums over the members."""
        each = [member._parts(_of(found, place)) for place, member in enumerate(self.members)]
        return {
            name: {part: _sum([own[name][part] for own in each if part in own[name]]) for part in parts}
            for name in each[0]
            for parts in [dict.fromkeys(part for own in each for part in own[name])]
        }


def _of(every: Mapping[str, Any], place: int) -> dict[str, Any]:
    start = f"{place}{JOINT}"
    return {key.removeprefix(start): x for key, x in every.items() if key.startswith(start)}


def _sum(arrays: Sequence[Array]) -> Array:
    """Return the sum; the members' longest texts may differ, and shorter ones end with nothing."""
    longest = np.max([x.shape for x in arrays], axis=0)
    padded = [np.pad(x, [(0, more) for more in longest - x.shape]) for x in arrays]
    return np.asarray(np.sum(padded, axis=0))
