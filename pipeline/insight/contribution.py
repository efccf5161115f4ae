"""What every branch gives to every head: how much the head loses when the branch's input is taken from it.

A branch is a function of its own rows, so permuting its input across rows is permuting its output: each
branch runs once, and only the fusion and the heads run again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from pipeline.data.feed import Rows, Stream
from pipeline.model import decode, encode
from pipeline.training.measure import Reference, measure
from pipeline.training.trainer import EVALUATION_BATCH, Epoch, Trainer

Array = NDArray[Any]
Numbers = dict[str, dict[str, float]]
ALL = "all branches"
AT_ONCE = 10_000  # rows of features, of several permutations, that go through fusion and heads in one call


@dataclass(frozen=True)
class Contribution:
    """What one head loses without one branch.

    Args:
        branch: its name, or `ALL`: every branch permuted alike, so that inputs and labels no longer match.
        how: "permuted", or "stand-in".
        before, after: the head's validation numbers by word: loss, skill, and its first metric; after is the
            mean over the repeats.
        spread: standard deviation over the repeats, by the same words; 0 for a stand-in.
    """

    branch: str
    head: str
    how: str
    before: dict[str, float]
    after: dict[str, float]
    spread: dict[str, float]

    @property
    def points(self) -> float:
        """Points of skill lost: 100 x the difference. NaN for a head without labels."""
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
    """Permute every branch, and all of them alike, `repeats` times; put its stand-in for every branch once.

    Args:
        rows, heads: the validation split.
        number: at most this many rows, drawn from the seed, the same for every run; None for all.
        stand_ins: branch -> (1, width), see `pipeline.model.stand_in`.
    """
    drawn = np.random.default_rng(seed)
    at = np.sort(drawn.permutation(len(rows))[:number])
    looker = _Looker(trainer, rows, heads, at)
    orders = [drawn.permutation(len(at)) for _ in range(repeats)]
    found: dict[tuple[str, str], list[Numbers]] = {}
    for what, numbers in looker.numbers(_tampered(looker.features, orders, stand_ins)):
        found.setdefault(what, []).append(numbers)
    (before,) = found.pop(("", ""))
    return [
        _summed(branch, head, how, before, after) for (branch, how), after in found.items() for head in heads
    ]


def _tampered(
    features: dict[str, Array], orders: list[Array], stand_ins: Mapping[str, Array]
) -> Iterator[tuple[tuple[str, str], dict[str, Array]]]:
    """(branch, how) and the features; first as they are. One by one: together they may not fit in memory."""
    yield ("", ""), features
    for branch in [*features, ALL]:
        for order in orders:
            yield (branch, "permuted"), permuted(features, branch, order)
    for branch, x in features.items():
        vector = np.broadcast_to(stand_ins[branch].astype(x.dtype), x.shape)
        yield (branch, "stand-in"), {**features, branch: vector}


def permuted(features: Mapping[str, Array], branch: str, order: Array) -> dict[str, Array]:
    """The features with one branch's rows, or those of `ALL`, in another order."""
    return {name: x[order] if branch in (name, ALL) else x for name, x in features.items()}


class _Looker:
    """The model's second half on features that may have been tampered with."""

    def __init__(
        self, trainer: Trainer, rows: Rows | Stream, heads: Mapping[str, Reference], at: Array
    ) -> None:
        self.trainer, self.at = trainer, at
        self.heads = {name: _first_metric(head) for name, head in heads.items()}
        self.labels = {name: tf.gather(values, at) for name, values in rows.labels.items()}
        pieces = [
            encode(trainer.model, rows.take(piece).inputs, training=False)
            for piece in np.split(at, range(EVALUATION_BATCH, len(at), EVALUATION_BATCH))
        ]
        self.features = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def numbers(
        self, tampered: Iterator[tuple[tuple[str, str], dict[str, Array]]]
    ) -> Iterator[tuple[tuple[str, str], Numbers]]:
        """Validation numbers, head -> word -> value, of features that may have been tampered with."""
        while some := list(islice(tampered, max(1, AT_ONCE // len(self.at)))):
            yield from zip([what for what, _ in some], self._numbers([x for _, x in some]), strict=True)

    def _numbers(self, several: list[dict[str, Array]]) -> list[Numbers]:
        tensors = {name: tf.concat([one[name] for one in several], axis=0) for name in several[0]}
        _, raw = decode(self.trainer.model, tensors, self.heads, training=False)
        both = [raw, self.trainer.presenter(raw)]
        parts = [{name: tf.split(x, len(several)) for name, x in kind.items()} for kind in both]
        return [
            self._of_outputs(*({name: pieces[place] for name, pieces in kind.items()} for kind in parts))
            for place in range(len(several))
        ]

    def _of_outputs(self, raw: dict[str, Any], shown: dict[str, Any]) -> Numbers:
        means = {name: loss(self.labels[name], raw[name]) for name, loss in self.trainer.losses.items()}
        epoch = Epoch(
            losses={name: float(mean) for name, (mean, labelled) in means.items() if labelled},
            regularisation=0.0,
            weights={},
            shares={},
            raw={name: raw[name].numpy() for name in raw},
            outputs={name: shown[name].numpy() for name in shown},
            order=self.at,
            seconds=0.0,
        )
        scores = measure("val", epoch, self.heads, dict.fromkeys(self.heads, 1.0))
        return {name: scores.heads.get(name, {}) for name in self.heads}


def _first_metric(head: Reference) -> Reference:
    """With the first of the head's metrics alone: each is measured for every branch and repeat."""
    return replace(head, words=head.words[:1], keras_metrics=head.keras_metrics[: not head.words])


def _summed(branch: str, head: str, how: str, before: Numbers, after: list[Numbers]) -> Contribution:
    old = before[head]
    new = [one[head] for one in after]
    words = [word for word in old if all(word in one for one in new)]
    return Contribution(
        branch,
        head,
        how,
        old,
        {word: float(np.mean([one[word] for one in new])) for word in words},
        {word: float(np.std([one[word] for one in new])) for word in words},
    )


def contribution_metrics(found: list[Contribution]) -> dict[str, float]:
    """`contribution/<branch>_to_<head>`: points of skill that the head loses when the branch is permuted."""
    return {
        f"contribution/{one.branch}_to_{one.head}": one.points
        for one in found
        if one.how == "permuted" and one.branch != ALL and np.isfinite(one.points)
    }
