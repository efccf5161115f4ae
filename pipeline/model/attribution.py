"""Integrated gradients of a logged model: what each part of each input adds to a prediction.

M. Sundararajan, A. Taly and Q. Yan, "Axiomatic attribution for deep networks", ICML 2017, arXiv:1703.01365.
The path leads from the mean of the training rows to a row, in a straight line through what a branch can be
differentiated by: pixels, scaled numbers and steps, and the embeddings of words and categories. The
attributions of a row add up to its prediction minus that of the training mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.folding import fold_texts
from pipeline.model.entries import COLUMNS, after_branches, branches_of

Array = NDArray[Any]
STEPS = (32, 128, 512)  # on the path; rows whose sum is off by more than TOLERANCE get more of them
TOLERANCE = 0.01  # of the prediction's difference from that of the training mean
BATCH = 512  # rows times steps that go through the model together


@dataclass(frozen=True)
class Attributions:
    """What explains one output of one head, in the unit of the prediction.

    Args:
        chosen: (rows,) positions of the outputs that are explained.
        values, baselines: (rows,) these outputs for the rows, and for the training mean.
        inputs: branch -> its parts -> (rows, …), see `pipeline.model.entries.Branch.parts`.
    """

    chosen: Array
    values: Array
    baselines: Array
    inputs: dict[str, dict[str, Array]]

    def rows(self, part: slice) -> "Attributions":
        """Return the attributions of some of the rows."""
        inputs = {
            name: {key: values[part] for key, values in parts.items()} for name, parts in self.inputs.items()
        }
        return Attributions(self.chosen[part], self.values[part], self.baselines[part], inputs)

    def totals(self) -> dict[str, Array]:
        """Return branch -> (rows,) the sum of its attributions."""
        return {
            name: np.sum([values.reshape(len(values), -1).sum(axis=1) for values in parts.values()], axis=0)
            for name, parts in self.inputs.items()
        }

    def gap(self) -> float:
        """Return the largest error, relative to what the attributions explain."""
        explained = np.abs(self.values - self.baselines)
        unit = np.maximum(explained, np.median(explained))
        return float(np.max(np.abs(self.errors()) / np.where(unit > 0, unit, 1.0), initial=0.0))

    def errors(self) -> Array:
        """Return (rows,): the sum of all attributions minus what it should be (completeness)."""
        return np.asarray(np.sum(list(self.totals().values()), axis=0) - (self.values - self.baselines))


class Explainer:
    """Explains the rows of a logged model.

    Args:
        model: the result of `pipeline.model.export_model`, or the same from a file.
        kinds: branch -> kind of its input.
        means: the result of `training_means`; what it lacks is 0, the middle of scaled numbers.
        positions: head -> position of the output that is explained; of other heads it is the largest.
        heads: the heads that are explained; None for all.
    """

    def __init__(
        self,
        model: keras.Model,
        kinds: Mapping[str, str],
        means: Mapping[str, Array],
        positions: Mapping[str, int],
        heads: Sequence[str] | None = None,
    ) -> None:
        self.model, self.positions = model, positions
        self.means: Mapping[str, Any] = means
        self.branches = branches_of(model, kinds)
        prepared = {name: branch.prepared for name, branch in self.branches.items()}
        self.prepare = keras.Model(model.input, prepared)
        self.heads = list(model.output) if heads is None else list(heads)
        self.rest = after_branches(model, self.heads)
        self.graph = tf.function(self._gradients, autograph=False, reduce_retracing=True)

    def explain(self, raw: Mapping[str, Array]) -> dict[str, Attributions]:
        """Explain rows; head -> attributions.

        Args:
            raw: raw model input -> (rows, …).
        """
        entries, fixed = self.entries(raw)
        baselines = {key: self._baseline(key, entries[key], fixed) for key in entries}
        values, starts = self._outputs(entries, fixed), self._outputs(baselines, fixed)
        chosen = {head: self._chosen(head, values[head]) for head in self.heads}
        everyone = np.arange(len(next(iter(raw.values()))))
        picked = {head: values[head][everyone, chosen[head]] for head in self.heads}
        before = {head: starts[head][everyone, chosen[head]] for head in self.heads}
        found = {
            head: {key: np.zeros(x.shape, np.float32) for key, x in entries.items()} for head in self.heads
        }
        left: Array = everyone
        for steps in STEPS:
            for first in range(0, len(left), BATCH // steps):
                rows = left[first : first + BATCH // steps]
                self._integrate(rows, steps, entries, baselines, fixed, chosen, found)
            off = [self._off(found[head], picked[head] - before[head]) for head in self.heads]
            left = left[np.any(off, axis=0)[left]]
        return {
            head: Attributions(
                chosen[head],
                picked[head],
                before[head],
                self._parts(found[head]),
            )
            for head in self.heads
        }

    def entries(self, raw: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Return what is differentiated by (rows, …), and what stays as it is: ids, and missing inputs."""
        tensors = {
            name: tf.cast(tf.convert_to_tensor(values), tensor.dtype)
            for name, tensor in self.model.input.items()
            for values in [fold_texts(self.model, {name: raw[name]})[name]]
        }
        prepared = self.prepare(tensors, training=False)
        entries: dict[str, Array] = {}
        fixed: dict[str, Array] = {}
        for name, branch in self.branches.items():
            branch.enter(np.asarray(prepared[name]), tensors, entries, fixed)
        return entries, fixed

    def _parts(self, found: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """Return branch -> its parts -> attributions (rows, …)."""
        return {name: branch.parts(found, self.means) for name, branch in self.branches.items()}

    def _baseline(self, key: str, entry: Array, fixed: Mapping[str, Array]) -> Array:
        """Return the training mean, (rows, …); what is missing in a row stays missing."""
        mean = np.broadcast_to(np.asarray(self.means.get(key, 0.0), np.float32), entry.shape)
        mean = np.where(np.isnan(entry), entry, mean)
        codes = self.branches[key].codes if key in self.branches else 0
        # The codes of categories stay, because their embeddings are entries of their own.
        return np.concatenate([entry[:, :codes], mean[:, codes:]], axis=1) if codes else mean

    def _chosen(self, head: str, outputs: Array) -> Array:
        if head in self.positions:
            return np.full(len(outputs), self.positions[head])
        return np.asarray(outputs.argmax(axis=1))

    def _off(self, found: Mapping[str, Array], expected: Array) -> Array:
        sums = np.sum([x.reshape(len(x), -1).sum(axis=1) for x in found.values()], axis=0)
        unit = np.maximum(np.abs(expected), np.median(np.abs(expected)))
        return np.asarray(np.abs(sums - expected) > TOLERANCE * unit)

    def _integrate(
        self,
        rows: Array,
        steps: int,
        entries: Mapping[str, Array],
        baselines: Mapping[str, Array],
        fixed: Mapping[str, Array],
        chosen: Mapping[str, Array],
        found: Mapping[str, dict[str, Array]],
    ) -> None:
        """Put the attributions of some rows into `found`: the mean gradient at the middles of the steps."""
        shares = np.tile((np.arange(steps, dtype=np.float32) + 0.5) / steps, len(rows))
        ways = {key: x[rows] - baselines[key][rows] for key, x in entries.items()}
        repeated = np.repeat(rows, steps)
        points = {
            key: baselines[key][repeated]
            + shares.reshape(-1, *[1] * (way.ndim - 1)) * np.repeat(way, steps, 0)
            for key, way in ways.items()
        }
        same = {key: x[repeated] for key, x in fixed.items()}
        picks = {head: x[repeated] for head, x in chosen.items()}
        for head, gradients in self.graph(*map(_tensors, (points, same, picks))).items():
            for key, gradient in gradients.items():
                of_rows = np.nan_to_num(gradient.numpy()).reshape(len(rows), steps, *gradient.shape[1:])
                found[head][key][rows] = np.nan_to_num(ways[key]) * of_rows.mean(axis=1)

    def _gradients(
        self, points: Mapping[str, Any], fixed: Mapping[str, Any], picks: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(points)
            outputs = self._forward(points, fixed)
            targets = {head: tf.gather(x, picks[head], axis=1, batch_dims=1) for head, x in outputs.items()}
        return {
            head: tape.gradient(target, dict(points), unconnected_gradients="zero")
            for head, target in targets.items()
        }

    def _forward(self, points: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
        """Run the model from the entries on."""
        features = [self.branches[name].features(points, fixed) for name in sorted(self.branches)]
        return dict(self.rest(features, training=False))

    def _outputs(self, entries: Mapping[str, Array], fixed: Mapping[str, Array]) -> dict[str, Array]:
        rows = len(next(iter(entries.values())))
        pieces = [
            self._forward(
                *(
                    _tensors({key: x[first : first + BATCH] for key, x in one.items()})
                    for one in (entries, fixed)
                )
            )
            for first in range(0, rows, BATCH)
        ]
        return {head: np.concatenate([np.asarray(piece[head]) for piece in pieces]) for head in self.heads}


def _tensors(arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {key: tf.convert_to_tensor(x) for key, x in arrays.items()}


def training_means(
    model: keras.Model, kinds: Mapping[str, str], raw: Mapping[str, Array], columns: Mapping[str, list[str]]
) -> dict[str, Array]:
    """Return the means of the entries over training rows, and the names of prepared columns.

    Args:
        raw: raw model input -> (rows, …), some training rows.
        columns: branch -> the raw column of each prepared column, of tables and vectors.
    """
    explainer = Explainer(model, kinds, {}, {})
    entries, fixed = explainer.entries(raw)
    means: dict[str, Array] = {f"{name}{COLUMNS}": np.array(values) for name, values in columns.items()}
    for key, values in entries.items():
        name = key.partition("/")[0]
        kept = ~fixed[f"{name} absent"][:, 0]
        if kinds[name] == "text":
            width = values.shape[1]  # the letters' ids come after the words'
            ids = fixed[name][:, -width:] if "_letters" in key else fixed[name][:, :width]
            means[key] = values[ids != 0].mean(axis=0) if ids.any() else np.zeros(values.shape[2])
        elif kept.any():
            axes = (0, 1) if kinds[name] == "series" else (0,)
            means[key] = np.nanmean(values[kept], axis=axes)
    return {key: np.nan_to_num(x) if x.dtype.kind == "f" else x for key, x in means.items()}
