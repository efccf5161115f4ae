"""What each branch contributes to each head: how much the head loses without the branch's input.

A branch handles each row on its own, so permuting its features across rows equals permuting its input.
Therefore each branch runs only once; the fusion and the heads run again for each permutation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, islice, permutations
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.data.feed import Rows, Stream
from pipeline.model import decode, encode
from pipeline.training.epoch import Epoch
from pipeline.training.measure import Reference, measure
from pipeline.training.trainer import EVALUATION_BATCH, Trainer

Array = NDArray[Any]
HeadMetrics = dict[str, dict[str, float]]  # head -> word -> value
Ablation = tuple[str, str]  # branch and kind of change, as in `Contribution`
UNCHANGED = ("", "")
ALL = "all branches"
PAIR, AND = "both permuted", " and "
MOST_IN_PAIRS = 6  # branches: more of them have too many pairs
ROWS_PER_CALL = 10_000  # of features that go through the fusion and the heads together


@dataclass(frozen=True)
class Contribution:
    """What one head loses without one branch.

    Args:
        branch: name of the branch, or `ALL`: all branches get the same permutation, so that inputs and labels
            no longer match.
        how: "permuted", "stand-in", or `PAIR`: two branches get the same permutation.
        before, after: the head's validation metrics (loss, skill and its first metric), by word; `after` is
            the mean over the repeats.
        spread: standard deviation over the repeats, by word; 0 for a stand-in.
        rows: how many validation rows were used, and how many there are.
    """

    branch: str
    head: str
    how: str
    before: dict[str, float]
    after: dict[str, float]
    spread: dict[str, float]
    rows: tuple[int, int]

    @property
    def points(self) -> float:
        """Points of skill that the head loses: 100 x the difference; NaN for a head without labels."""
        return 100 * (self.before.get("skill", np.nan) - self.after.get("skill", np.nan))

    @property
    def points_spread(self) -> float:
        """Standard deviation of the points over the repeats."""
        return 100 * self.spread.get("skill", np.nan)


def contributions(
    trainer: Trainer,
    rows: Rows | Stream,
    heads: Mapping[str, Reference],
    *,
    repeats: int,
    number: int | None,
    stand_ins: Mapping[str, Array],
    seed: int = 0,
) -> list[Contribution]:
    """Measure the heads with permuted or replaced features of each branch.

    Every branch is permuted `repeats` times, and so are all branches together; then every branch's features
    are replaced with its stand-in.

    Args:
        rows, heads: those of the validation split.
        number: largest number of rows; the sample depends only on the seed. None for all rows.
        stand_ins: branch -> (1, width), see `pipeline.model.stand_in`.
    """
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.permutation(len(rows))[:number])
    decoder = _Decoder(trainer, rows, heads, positions)
    orders = [rng.permutation(len(positions)) for _ in range(repeats)]
    metrics: dict[Ablation, list[HeadMetrics]] = {}
    for ablation, values in decoder.measure(_ablations(decoder.features, orders, stand_ins)):
        metrics.setdefault(ablation, []).append(values)
    (before,) = metrics.pop(UNCHANGED)
    return [
        _contribution(branch, head, how, before, after, (len(positions), len(rows)))
        for (branch, how), after in metrics.items()
        for head in heads
    ]


def _ablations(
    features: dict[str, Array], orders: list[Array], stand_ins: Mapping[str, Array]
) -> Iterator[tuple[Ablation, dict[str, Array]]]:
    """Yield the unchanged features, then each change; all together might not fit into memory."""
    yield UNCHANGED, features
    for branch in [*features, ALL]:
        for order in orders:
            yield (branch, "permuted"), permuted(features, branch, order)
    if len(features) <= MOST_IN_PAIRS:
        for first, second in combinations(features, 2):
            for order in orders:
                both = permuted(permuted(features, first, order), second, order)
                yield (f"{first}{AND}{second}", PAIR), both
    for branch, x in features.items():
        vector = np.broadcast_to(stand_ins[branch].astype(x.dtype), x.shape)
        yield (branch, "stand-in"), {**features, branch: vector}


def permuted(features: Mapping[str, Array], branch: str, order: Array) -> dict[str, Array]:
    """Return the features with the rows of one branch, or of `ALL`, in another order."""
    return {name: x[order] if branch in (name, ALL) else x for name, x in features.items()}


class _Decoder:
    """Runs the fusion and the heads on features, and measures the heads."""

    def __init__(
        self, trainer: Trainer, rows: Rows | Stream, heads: Mapping[str, Reference], positions: Array
    ) -> None:
        self.trainer, self.positions = trainer, positions
        self.heads = {name: _with_first_metric(head) for name, head in heads.items()}
        self.labels = {name: tf.gather(values, positions) for name, values in rows.labels.items()}
        batches = [
            encode(trainer.model, rows.take(batch).inputs, training=False)
            for batch in np.split(positions, range(EVALUATION_BATCH, len(positions), EVALUATION_BATCH))
        ]
        self.features = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    def measure(
        self, ablations: Iterator[tuple[Ablation, dict[str, Array]]]
    ) -> Iterator[tuple[Ablation, HeadMetrics]]:
        """Yield each ablation with the heads' validation metrics for its features."""
        while chunk := list(islice(ablations, max(1, ROWS_PER_CALL // len(self.positions)))):
            metrics = self._of_features([features for _, features in chunk])
            yield from zip([ablation for ablation, _ in chunk], metrics, strict=True)

    def _of_features(self, chunk: list[dict[str, Array]]) -> list[HeadMetrics]:
        """Run several sets of features in one call."""
        tensors = {name: tf.concat([features[name] for features in chunk], axis=0) for name in chunk[0]}
        _, raw = decode(self.trainer.model, tensors, self.heads, training=False)
        forms = [
            {name: tf.split(x, len(chunk)) for name, x in outputs.items()}
            for outputs in (raw, self.trainer.presenter(raw))
        ]
        return [
            self._of_outputs(*({name: pieces[i] for name, pieces in form.items()} for form in forms))
            for i in range(len(chunk))
        ]

    def _of_outputs(self, raw: dict[str, Any], outputs: dict[str, Any]) -> HeadMetrics:
        means = {name: loss(self.labels[name], raw[name]) for name, loss in self.trainer.losses.items()}
        epoch = Epoch(
            losses={name: float(mean) for name, (mean, count) in means.items() if count},
            regularisation=0.0,
            weights={},
            shares={},
            raw={name: raw[name].numpy() for name in raw},
            outputs={name: outputs[name].numpy() for name in outputs},
            order=self.positions,
            seconds=0.0,
        )
        scores = measure("val", epoch, self.heads, dict.fromkeys(self.heads, 1.0))
        return {name: scores.heads.get(name, {}) for name in self.heads}


def _with_first_metric(head: Reference) -> Reference:
    """Keep only the head's first metric, because each one is computed for every branch and repeat."""
    return replace(head, words=head.words[:1], keras_metrics=head.keras_metrics[: not head.words])


def _contribution(
    branch: str,
    head: str,
    how: str,
    before: HeadMetrics,
    after: list[HeadMetrics],
    rows: tuple[int, int],
) -> Contribution:
    repeats = [metrics[head] for metrics in after]
    words = [word for word in before[head] if all(word in metrics for metrics in repeats)]
    values = {word: [metrics[word] for metrics in repeats] for word in words}
    return Contribution(
        branch,
        head,
        how,
        before=before[head],
        after={word: float(np.mean(values[word])) for word in words},
        # Equal values differ by rounding.
        spread={word: float(np.round(np.std(values[word]), 12)) for word in words},
        rows=rows,
    )


@dataclass(frozen=True)
class Interaction:
    """How much more a head loses without two branches than without each of them alone, in points of skill.

    Above 0: each can stand in for the other, so that only both together are missed. Below 0: the head uses
    them together, so that either one missing costs nearly as much as both.
    """

    head: str
    first: str
    second: str
    points: float
    spread: float


def interactions(contributions: Sequence[Contribution]) -> list[Interaction]:
    """Return the interactions of all pairs; the largest come first."""
    alone = {(one.branch, one.head): one for one in contributions if one.how == "permuted"}
    found = []
    for pair in contributions:
        if pair.how != PAIR or pair.points != pair.points:
            continue
        names = {branch for branch, head in alone if head == pair.head}
        first, second = next((a, b) for a, b in permutations(names, 2) if pair.branch == f"{a}{AND}{b}")
        parts = [alone[first, pair.head], alone[second, pair.head]]
        points = pair.points - sum(one.points for one in parts)
        spread = float(np.sqrt(sum(one.points_spread**2 for one in (pair, *parts))))
        found.append(Interaction(pair.head, first, second, points, spread))
    return sorted(found, key=lambda one: -abs(one.points))


def contribution_metrics(contributions: Sequence[Contribution]) -> dict[str, float]:
    """Return `contribution/<branch>_to_<head>`: points of skill lost when the branch is permuted."""
    return {
        f"contribution/{one.branch}_to_{one.head}": one.points
        for one in contributions
        if one.how == "permuted" and one.branch != ALL and np.isfinite(one.points)
    }
